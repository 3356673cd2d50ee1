"""The configuration as data: every key with its type, its limits, its default and its meaning.

config/README.md and workflow/schemas/config.schema.yaml are made from these classes.
"""

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from poles import countries
from poles.study import values, windows


def _number(value: Any) -> Any:
    """Read numbers in any spelling; refuse true, false and what is not finite, which pydantic would take."""
    try:
        return values.number(value)
    except ValueError:
        if isinstance(value, int | float):
            raise PydanticCustomError("number", "number") from None
        return value  # pydantic says what is allowed


def _flag(value: Any) -> bool:
    """Refuse numbers, which pydantic would take."""
    try:
        return values.flag(value)
    except ValueError:
        raise PydanticCustomError("flag", "true or false") from None


def _shortest(value: float) -> float:
    """Give 50.0 as 50: one value for one number, whether a file or the command line gives it."""
    return int(value) if float(value).is_integer() else value


def _distinct(entries: Sequence[Hashable]) -> Sequence[Hashable]:
    """Refuse a list that has an entry twice."""
    if len(set(entries)) < len(entries):
        raise PydanticCustomError("repeated", "no entry twice")
    return entries


def _country(code: str) -> str:
    """Refuse a code that ISO 3166-1 does not have, and say which one was probably meant."""
    if code not in countries.names():
        allowed = "a code of ISO 3166-1 alpha-2, or XK"
        advice = countries.advice(code)
        raise PydanticCustomError("country", "{allowed}", {"allowed": f"{allowed}; {advice}".rstrip("; ")})
    return code


NUMBER = BeforeValidator(_number)
SHORTEST = PlainSerializer(_shortest)
DISTINCT = (AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True}))
Flag = Annotated[bool, BeforeValidator(_flag)]
Integer = Annotated[int, NUMBER]
Whole = Annotated[int, Field(ge=0), NUMBER]
Count = Annotated[int, Field(ge=1), NUMBER]
K = Annotated[int, Field(ge=2, le=20), NUMBER]
Number = Annotated[float, NUMBER, SHORTEST]
Share = Annotated[float, Field(ge=0, le=1), NUMBER, SHORTEST]
Strength = Annotated[float, Field(ge=0), NUMBER, SHORTEST]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Country = Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": "^[A-Z]{2}$"})]
"""ISO 3166-1 alpha-2 code, or XK (Kosovo)."""
Code = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]{1,15}$")]
"""Code of a country in any list of codes."""
NullOptions = dict[Name, dict[str, Any]]
"""Options of null models, by the name of the model."""


class Section(BaseModel):
    """A map with known keys."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        """Name unknown keys, and read the text ``null`` as None, as --config gives text inside maps."""
        if not isinstance(values, dict):
            return values
        unknown = sorted(str(key) for key in values if key not in cls.model_fields)
        if unknown:
            allowed = ", ".join(sorted(cls.model_fields))
            message = f"unknown key {', '.join(unknown)}; allowed: {allowed}"
            raise PydanticCustomError("unknown_key", "{message}", {"message": message})
        return {key: None if value == "null" else value for key, value in values.items()}


class Years(Section):
    """Years of the works. Networks, null models and z-scores are made for each of them."""

    first: Annotated[Integer, Field(ge=1800, le=2100)] | None = Field(
        None,
        description=f"First year. null: {windows.LONG['first']}; of edge lists, the first year that all of "
        "them have.",
    )
    last: Annotated[Integer, Field(ge=1800, le=2100)] | None = Field(
        None,
        description=f"Last year. null: {windows.LONG['last']}; of edge lists, the last year that all of them "
        "have.",
    )


class Networks(Section):
    """`networks`: one file per layer. A study with one layer runs with that layer."""

    collaboration: str | None = Field(
        None,
        description="CSV, CSV.gz or Parquet with columns year, source, target, weight (or papers); a matrix "
        "of countries in CSV; Pajek or GraphML with the year in its name; or a zip archive of such files.",
    )
    citation: str | None = Field(None, description="The same for citations; source cites target.")


class Api(Section):
    """`api`: what is asked of OpenAlex, and how. The key is read from OPENALEX_API_KEY."""

    url: str = Field(
        "https://api.openalex.org",
        pattern="^https?://[^/?#]+(/[^?#]*)?$",
        description="Address of the service.",
    )
    types: (
        Annotated[
            list[Annotated[str, Field(pattern="^[a-z-]+$")]], Field(min_length=1, max_length=100), *DISTINCT
        ]
        | None
    ) = Field(
        None,
        description="Document types that are asked for. null asks for all, so that the losses count what "
        "`selection.types` leaves out.",
    )
    shards: Literal["month", "quarter", "year"] = Field(
        "month", description="Range of publication dates that one job fetches; a job should take minutes."
    )
    budget: Count | None = Field(
        None, description="Most credits used in a UTC day. null takes what the key has."
    )
    rate: Annotated[float, Field(gt=0, le=100), NUMBER, SHORTEST] | None = Field(
        None,
        description="Requests in a second, over all jobs. null takes what OpenAlex allows the key.",
    )
    timeout: Number = Field(
        30,
        ge=1,
        le=600,
        description="Seconds to wait for an answer to begin, or to continue, before it is asked for again.",
    )
    drift: Number = Field(
        0.001,
        ge=0,
        le=0.1,
        description="Tolerated relative difference between the works found and the works that OpenAlex "
        "counts, after a second pass over the list has found no more.",
    )
    citing: Flag = Field(
        False,
        description="Whether works outside the field that cite it are fetched too, a hundred cited works at "
        "a time. This costs more than the field itself. From the snapshot it costs nothing.",
    )
    citing_shards: Count = Field(
        16, description="Number of jobs into which the fetching of citing works is split."
    )


class Source(Section):
    """Where works, or ready networks, come from."""

    kind: Literal["demo", "snapshot", "api", "works", "networks", "archive"] = Field(
        "demo",
        description="`demo` (a small OpenAlex snapshot that the study makes itself), `snapshot` (the "
        "OpenAlex bulk snapshot in a folder or on S3), `api` (its REST API), `works` (files of OpenAlex work "
        "records), `networks` (yearly edge lists) or `archive` (the harvest of an earlier study).",
    )
    path: str | None = Field(
        None,
        description="`snapshot`: folder that holds `data/`, or its address, `s3://openalex`. `works`: a glob "
        "of .jsonl, .jsonl.gz, .json, .json.gz, .zip or .parquet files. `api`: folder that keeps every "
        "answer (null: `harvest`). `archive`: `harvest.tar` of `make archive`. Relative to the folder in "
        "which Snakemake works.",
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="`archive`: what the SHA-256 of the file must be."
    )
    endpoint: str | None = Field(
        None,
        pattern="^https?://[^/?#]+/?$",
        description="`snapshot` on S3: URL of the service that holds the bucket, which must be open to all. "
        "null is AWS; a bucket there outside us-east-1 needs https://s3.REGION.amazonaws.com.",
    )
    shards: Count | None = Field(
        None,
        description="Number of jobs into which the reading of `snapshot` and `works` files is split, "
        "balanced by bytes; for `api`, of harvested files. An interrupted job starts again. null takes one "
        "for each gigabyte of the files, but at least 2 and at most 128; for `api`, 2.",
    )
    networks: Networks = Field(default_factory=Networks)
    api: Api = Field(default_factory=Api)


class Topics(Section):
    """Which works are in the field. Works outside it count only if they cite it."""

    subfields: (
        Annotated[list[Annotated[int, Field(ge=1100, le=3700), NUMBER]], Field(min_length=1), *DISTINCT]
        | None
    ) = Field(
        [1702],
        description="OpenAlex subfields (1702 is Artificial Intelligence). null takes every work as in the "
        "field.",
    )
    match: Literal["primary", "any"] = Field(
        "primary",
        description="Whether the `primary` topic of a work must lie in the subfields, or `any` of its "
        "topics.",
    )


class Criteria(Section):
    """What makes a work of the source count."""

    types: Annotated[list[str], Field(min_length=1), *DISTINCT] | None = Field(
        ["article", "conference-paper", "review", "preprint", "book-chapter", "book", "dissertation"],
        description="Document types that count, by OpenAlex's names. null takes all. OpenAlex moves "
        "proceedings papers from `article` to `conference-paper`, so both belong in a study of AI.",
    )
    countries: Literal["listed", "institutions", "union"] = Field(
        "listed",
        description="Countries of an authorship: `listed` (its `countries`, or those of its institutions if "
        "that list is empty), `institutions`, or the `union` of both.",
    )
    authors: Literal["all", "first", "last"] = Field(
        "all",
        description="Authors whose countries count: `all`, the `first` or the `last` one of the list. With "
        "one author, works link countries only if that author has several.",
    )
    institution_types: Annotated[list[str], Field(min_length=1), *DISTINCT] | None = Field(
        None,
        description="Types of institutions that count, by OpenAlex's names: `[company]`, `[education]`. The "
        "countries of a work are then those of its institutions of these types, so links join countries of "
        "such institutions; `countries: listed` does not apply. null takes all.",
    )
    max_countries: Annotated[int, Field(ge=2), NUMBER] | None = Field(
        None,
        description="Most countries of a work. Works with more are in no network, as a work of 40 countries "
        "makes 780 links. null sets no limit.",
    )
    min_topic_score: Share | None = Field(
        None,
        description="Least score of the primary topic of a work of the field. Works with a lower score count "
        "only if they cite the field; works without a score stay in it. For `field.match: primary`. null "
        "sets no limit.",
    )
    most_cited: Annotated[float, Field(gt=0, le=1), NUMBER, SHORTEST] | None = Field(
        None,
        description="Share of the works of the field that count, such as 0.1: those that the works of the "
        "study cite most, year by year. Works with as many citations as the last one all count, but never "
        "one without citations. The others count only if they cite these. null takes all.",
    )
    retracted: Flag = Field(False, description="Whether retracted works count.")
    paratext: Flag = Field(False, description="Whether paratext (covers, mastheads) counts.")
    xpac: Flag = Field(False, description="Whether works of OpenAlex's expansion corpus count.")


class Selection(Criteria):
    """Which works of the source count. results/losses.parquet holds the losses of every step."""

    merge: dict[Code, Country] = Field(
        {},
        description="Countries that count as another, `{HK: CN, MO: CN, PR: US}`. Papers that their authors "
        "write with each other are then no link. A pole, a claim or a pair of the figures cannot name a "
        "country that is merged into another. Codes that ISO 3166-1 does not have count as a country too, "
        "`{UK: GB, EL: GR}`; for edge lists, only such codes can be named.",
    )


class Stated(Section):
    """A map of which only the keys that are stated count."""

    @model_serializer(mode="wrap")
    def _only_stated(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if key in self.model_fields_set}


class OtherTopics(Stated, Topics):
    """Instead of keys of `field`. The source is read once for the fields of all variants that run."""


class OtherCriteria(Stated, Criteria):
    """Instead of keys of `selection`, except for `merge`."""


Growth = Literal["kept", "removed"]
Preprocessing = Literal["literal", "yearly_scale", "series", "noise_units"]


class Variant(Section):
    """One choice about the data and how they are read."""

    field: OtherTopics | None = Field(
        None,
        description="Instead of keys of `field`, `{subfields: [1702, 1707]}`. The source is read once for "
        "the fields of all variants that run.",
    )
    selection: OtherCriteria | None = Field(
        None,
        description="Instead of keys of `selection`, `{types: [article]}`. `merge` is the same for all "
        "variants.",
    )
    counting: Literal["full", "fractional"] = Field(
        "full",
        description="`full`: a work counts one for every pair of its countries, a citation one for every "
        "pair of citing and cited country. `fractional`: the pairs of a work, or of a citation, sum to one.",
    )
    window: Whole | None = Field(
        None,
        description="Most years from a cited work to the citing one; older citations do not count. null "
        "counts all.",
    )
    growth: Growth | None = Field(None, description="Instead of `trajectories.growth`.")
    preprocessing: Preprocessing | None = Field(None, description="Instead of `trajectories.preprocessing`.")
    min_strength: Strength | None = Field(None, description="Instead of `trajectories.panel.min_strength`.")
    k: K | None = Field(None, description="Instead of `clusters.k`.")


class Run(Section):
    """What is computed."""

    variants: Annotated[list[str], Field(min_length=1), *DISTINCT] = Field(
        ["full", "beyond_growth", "literal"],
        description="Names from `variants`. The first one is the headline.",
    )
    nulls: Annotated[list[str], Field(min_length=1), *DISTINCT] = Field(
        ["max_entropy", "enhanced_max_entropy", "variance_corrected", "local_rewiring"],
        description="Null models, by the names of the files in scripts/poles/nulls/. The first one is the "
        "headline.",
    )
    skip: Annotated[list[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$")]], *DISTINCT] = (
        Field([], description="Branches, as `VARIANT/NULL`, that are not run although both are selected.")
    )


class Panel(Section):
    """Rule for the pairs that are followed."""

    min_strength: Strength | None = Field(
        None,
        description="Least mean yearly weight of a country's links to others, in every layer, under full "
        "counting. Under fractional counting, which gives each link less, a quarter of it applies. null: "
        "`min_expected` chooses the pairs; in the `demo`, whose world is small, 50 applies, unless "
        "`demo.world` says how many `countries` it has.",
    )
    min_expected: Strength = Field(
        3,
        description="Least mean yearly weight that the null model expects of a pair, in every layer and "
        "direction, under full counting; a quarter of it under fractional counting. It counts if "
        "`min_strength` is null. Of pairs that expect less, many have a trend in networks drawn from the "
        "null model, where there is none.",
    )
    min_share: Share = Field(0.8, description="Least share of the years in which a pair has a z-score.")


class Trajectories(Section):
    """Which pairs of countries are followed, and how their z-scores are prepared for clustering."""

    first: Integer | None = Field(
        None,
        description="First year of a trajectory. null: the first of `years`; with 1990 to 2023, 2000. "
        "Trajectories need ten years. With fewer `years`, the study makes networks, null models and z, and "
        "leaves out what rests on trajectories.",
    )
    last: Integer | None = Field(
        None,
        description="Last year of a trajectory. null: the last of `years`; with 1990 to 2023, 2021.",
    )
    citation: Literal["mean", "out", "in", "both"] = Field(
        "mean",
        description="The citation channel of a pair: `mean` of both directions, `out` (the first country by "
        "code cites the second), `in` (the second cites the first), or `both` as two channels.",
    )
    growth: Growth = Field(
        "kept",
        description="Countries that grow make z move although no preference changes. `kept`: z as it is, the "
        "paper's reading. `removed`: z minus the change that it would show with the affinity of all pairs "
        "constant (scripts/poles/nulls/gravity.py).",
    )
    preprocessing: Preprocessing = Field(
        "noise_units",
        description="`literal` (raw z), `yearly_scale` (divided by the year's spread), `series` (each series "
        "standardised) or `noise_units` (centred, divided by the pair's own noise, smoothed, clipped).",
    )
    panel: Panel = Field(default_factory=Panel)


class Clusters(Section):
    """Clustering of the trajectories."""

    k: K = Field(4, description="Number of clusters.")
    seed: Whole = Field(1, description="Seed of the starting centres.")
    radius: Whole = Field(
        2,
        description="Years by which two trajectories may be shifted against each other (Sakoe-Chiba radius).",
    )


class Stability(Section):
    """Study of how many clusters there are and how certain they are, on the data and on surrogates.

    Its time is about that of one clustering times the number of runs. For panels of many thousand pairs, ask
    for fewer runs.
    """

    max_k: K = Field(8, description="Every number of clusters from 2 to this is tried.")
    resamples: Count = Field(
        12,
        description="Number of resamples of pairs, of resamples of countries and of other starting centres, "
        "at every number of clusters.",
    )
    headline_resamples: Count = Field(
        30,
        description="The same at `clusters.k`. The share of runs in which a pair keeps its archetype is "
        "taken over these runs.",
    )
    surrogates: Annotated[
        list[Literal["signed_steps", "channel_swap", "growth_only", "network_null"]], *DISTINCT
    ] = Field(
        ["signed_steps", "channel_swap", "growth_only", "network_null"],
        description="Panels without archetypes, with which the data are compared: `signed_steps` (the yearly "
        "steps of a pair in random order and with random signs), `channel_swap` (collaboration of one pair "
        "with citations of another), `growth_only` (z as it would be with constant affinities, and noise), "
        "`network_null` (networks drawn from the null model, which is fitted to each of them anew).",
    )
    surrogate_panels: Integer = Field(
        4,
        ge=2,
        description="Number of panels of each surrogate. Their spread gives the band in which one more panel "
        "would lie.",
    )
    null_options: NullOptions = Field(
        {"local_rewiring": {"z_error": 0.1}},
        description="Options of null models for `network_null`, by the name of the model, where they differ "
        "from those in `nulls`. A sampler may be less accurate here: an error of a tenth is small beside the "
        "noise of z, which is 1.",
    )
    surrogate_resamples: Count = Field(2, description="As `resamples`, for each surrogate panel.")
    silhouette_pairs: Integer = Field(
        3000,
        ge=100,
        description="Most pairs for the exact silhouette, which needs all their distances. Of a larger "
        "panel, a sample of this size is taken.",
    )
    core: Share = Field(
        0.9,
        description="Share of the runs in which a pair must keep its archetype to be a core pair.",
    )


class Significance(Section):
    """When a link is above expectation, by its mean z over some years; the paper calls it significant."""

    first: Integer | None = Field(
        None, description="First of these years. null: four years before the last, where `years` has it."
    )
    last: Integer | None = Field(
        None, description="Last of these years. null: the last year of the trajectories."
    )
    threshold: Number = Field(2, description="Mean z above which a link is above expectation.")


class Alignment(Section):
    """The alignment index of each country with two poles, and the bootstrap that gives its interval."""

    resamples: Integer = Field(1000, ge=100, description="Resamples of the noise.")
    seed: Whole = Field(1, description="Seed of the resamples.")


class Attraction(Section):
    """The search for further poles, which takes every country as one and permutes its partners' trends."""

    permutations: Integer = Field(5000, ge=100, description="Number of permutations.")
    seed: Whole = Field(1, description="Seed of the permutations.")


class Polarization(Section):
    """Polarization of the whole panel by year."""

    resamples: Integer = Field(
        1000,
        ge=100,
        description="Resamples of countries, which give the intervals of correlations.",
    )
    permutations: Integer = Field(
        100,
        ge=20,
        description="Number of strength-preserving permutations of the z-scores of each year, which show "
        "what chance gives, and of panels drawn with constant affinities, which show the trend without any "
        "change of affinities.",
    )
    seed: Whole = Field(1, description="Seed of the random numbers.")


class Hubs(Section):
    """Hub and spoke, region by region."""

    share: Number = Field(
        0.5,
        gt=0,
        le=1,
        description="The large countries of a region are the fewest that hold this share of its strength, "
        "and at least two. The others are small.",
    )
    regions: dict[str, Annotated[list[Country], Field(min_length=3), *DISTINCT]] = Field(
        {},
        description="Regions by name, `{Benelux: [BE, NL, LU]}`, in addition to `EU` (the members in the "
        "last year of the trajectories) and to the subregions of UN M49 without the members of the EU. A "
        "region given here replaces the one of the same name.",
    )
    permutations: Integer = Field(
        20000,
        ge=100,
        description="Most ways to choose the large countries of a region that are tried. All are tried where "
        "there are not more.",
    )
    seed: Whole = Field(1, description="Seed of the permutations.")


class Uncertainty(Section):
    """Intervals of z and of plain indices, by a bootstrap over works."""

    draws: Integer = Field(
        100,
        ge=0,
        description="Number of times that the works are drawn anew. With 0 there are no intervals. Edge "
        "lists hold no works, so they have none either.",
    )
    seed: Whole = Field(1, description="Seed of the random numbers.")


class Figures(Section):
    """What the figures show."""

    pairs: (
        Annotated[
            list[Annotated[list[Country], Field(min_length=2, max_length=2)]],
            Field(max_length=12),
        ]
        | None
    ) = Field(
        None,
        description="Pairs of countries whose trajectories are drawn, at most twelve. null: the poles with "
        "each other, and every pole with its largest partners.",
    )
    countries: Integer = Field(
        12,
        ge=1,
        le=24,
        description="Number of countries whose links with the poles are drawn by year, the largest.",
    )


class Demo(Section):
    """The planted world of `source.kind` demo."""

    works: Integer = Field(60000, ge=1000, description="Number of works.")
    seed: Whole = Field(1, description="Seed of the world.")
    layout: Literal["jsonl", "parquet"] = Field("jsonl", description="Format of the snapshot.")
    world: dict[str, Number] = Field(
        {},
        description="How the world is planted: numbers by the names of the attributes of `Plan` in "
        "scripts/poles/corpus/demo/world.py, such as `contrast`, `countries` (63, or 10 to 180) or `growth`.",
    )


class Settings(Section):
    """Configuration of the study."""

    years: Years = Field(default_factory=Years)
    source: Source = Field(default_factory=Source)
    field: Topics = Field(default_factory=Topics)
    selection: Selection = Field(default_factory=Selection)
    variants: dict[Name, Variant] = Field(
        {
            "full": {"counting": "full"},
            "fractional": {"counting": "fractional"},
            "literal": {"preprocessing": "literal"},
            "beyond_growth": {"growth": "removed"},
        },
        validate_default=True,
        min_length=1,
        description="Choices about the data and how they are read, by name. What a variant leaves out is as "
        "in the rest of the configuration. Each name selected in `run.variants` is a branch of the study. "
        "Variants share all files that their differences do not affect.",
    )
    nulls: NullOptions = Field(
        {},
        description="Options of each null model, by its name: the keyword arguments of `fit` in "
        "scripts/poles/nulls/NAME.py. A model that is not listed runs with its defaults.",
    )
    run: Run = Field(default_factory=Run)
    trajectories: Trajectories = Field(default_factory=Trajectories)
    clusters: Clusters = Field(default_factory=Clusters)
    stability: Stability = Field(default_factory=Stability)
    significance: Significance = Field(default_factory=Significance)
    poles: Annotated[list[Country], Field(min_length=1), *DISTINCT] = Field(
        ["US", "CN"], description="The countries taken as poles (ISO 3166-1 alpha-2)."
    )
    alignment: Alignment = Field(default_factory=Alignment)
    attraction: Attraction = Field(default_factory=Attraction)
    polarization: Polarization = Field(default_factory=Polarization)
    hubs: Hubs = Field(default_factory=Hubs)
    uncertainty: Uncertainty = Field(default_factory=Uncertainty)
    figures: Figures = Field(default_factory=Figures)
    claims: str | None = Field(
        None,
        description="File of the claims to be judged. It is looked for in the folder in which Snakemake "
        "works, then beside the Snakefile. null: `config/claims.yaml`, the claims of the paper, if US and CN "
        "are poles; `config/claims-poles.yaml`, claims about any two poles, if there are two others.",
    )
    demo: Demo = Field(default_factory=Demo)
