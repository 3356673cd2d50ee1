"""The methods of a run in words, written from the configuration that was run.

A section says what its part of the study does, with the values of the run, and lists the keys that decide it.
So a changed key changes the text. docs/methods.md says more about why.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from poles import countries
from poles.archetypes.names import ARCHETYPES
from poles.archetypes.tables import STABLE
from poles.layers import LAYERS
from poles.stats.false_discovery import LEVEL
from poles.study import branches, windows
from poles.trajectories.preprocessing import CLIP
from poles.wording import enumerated

REFERENCES = {
    "Anderson and van Wincoop 2003": "Am. Econ. Rev. 93:170-192",
    "Benjamini and Hochberg 1995": "J. R. Stat. Soc. B 57:289-300",
    "Efron 1979": "Ann. Stat. 7:1-26",
    "Gallo, Di Clemente and Lengyel 2026": "Polarization and Integration in Global AI Research, "
    "arXiv:2604.17602",
    "Garlaschelli and Loffredo 2009": "Phys. Rev. Lett. 102:038701",
    "Gómez, Jensen and Arenas 2009": "Phys. Rev. E 80:016114",
    "Haberman 1973": "Biometrics 29:205-220",
    "Hennig 2007": "Comput. Stat. Data Anal. 52:258-271",
    "Hubert and Arabie 1985": "J. Classif. 2:193-218",
    "Mastrandrea, Squartini, Fagiolo and Garlaschelli 2014": "New J. Phys. 16:043022",
    "Morris 1991": "Technometrics 33:161-174",
    "Murphy and Myors 1999": "J. Appl. Psychol. 84:234-248",
    "Park and Newman 2004": "Phys. Rev. E 70:066117",
    "Petitjean, Ketterlin and Gançarski 2011": "Pattern Recognit. 44:678-693",
    "Priem, Piwowar and Orr 2022": "OpenAlex, arXiv:2205.01833",
    "Sagarra, Pérez Vicente and Díaz-Guilera 2013": "Phys. Rev. E 88:062806",
    "Sakoe and Chiba 1978": "IEEE Trans. Acoust. Speech Signal Process. 26:43-49",
    "Santos Silva and Tenreyro 2006": "Rev. Econ. Stat. 88:641-658",
    "Sen 1968": "J. Am. Stat. Assoc. 63:1379-1389",
    "Squartini and Garlaschelli 2011": "New J. Phys. 13:083001",
    "Tavenard et al. 2020": "tslearn, J. Mach. Learn. Res. 21(118):1-6",
    "Yue and Wang 2004": "Water Resour. Manag. 18:201-218",
}
"""Sources that a section may name, in brackets."""

SOURCES = {
    "demo": "Works come from a made-up world: the study plants trends, writes {works:,} works in the layout "
    "of an OpenAlex snapshot (seed {seed}, {layout}), and reads them as it would read a real one.",
    "snapshot": "Works come from the bulk snapshot of OpenAlex [Priem, Piwowar and Orr 2022] at {path}.",
    "api": "Works come from the REST API of OpenAlex [Priem, Piwowar and Orr 2022] at {url}, by publication "
    "date{types}. {citing} The dates of the requests stand in results/run.json.",
    "works": "Works come from files of OpenAlex work records [Priem, Piwowar and Orr 2022] at {path}.",
    "networks": "Networks come ready-made from {files}. The study does not know how the works behind them "
    "were selected.",
    "archive": "Works come from {path}, the harvest of an earlier study.",
}
AUTHORS = {
    "all": "of all authors",
    "first": "of the first author",
    "last": "of the last author",
}
COUNTRIES = {
    "listed": "the countries that OpenAlex lists for an authorship, or those of its institutions if it lists "
    "none",
    "institutions": "the countries of the institutions of an authorship",
    "union": "the countries that OpenAlex lists for an authorship together with those of its institutions",
}
COUNTING = {
    "full": "a work counts one for every pair of its countries, and a citation one for every pair of citing "
    "and cited country",
    "fractional": "the pairs of a work, or of a citation, sum to one",
}
NULLS = {
    "max_entropy": "keeps the expected strength of every country; weights are geometric, so every table of "
    "counts with the same totals is as likely as any other [Park and Newman 2004; Garlaschelli and Loffredo "
    "2009; Squartini and Garlaschelli 2011]",
    "enhanced_max_entropy": "keeps the expected strength and the expected number of partners of every "
    "country "
    "[Garlaschelli and Loffredo 2009; Mastrandrea, Squartini, Fagiolo and Garlaschelli 2014]",
    "variance_corrected": "has the expected weights of max_entropy, and the variance that remains if "
    "strengths are fixed exactly [Haberman 1973]",
    "local_rewiring": "keeps every strength exactly and samples matrices of whole numbers by a Markov chain; "
    "chains run until z is accurate enough",
    "multi_edge": "keeps the expected strength of every country and takes every work or citation as an event "
    "of its own; weights are Poisson [Sagarra, Pérez Vicente and Díaz-Guilera 2013]",
}
CITATION = {
    "mean": "the mean of both directions",
    "out": "the direction from the first country by code to the second",
    "in": "the direction from the second country by code to the first",
    "both": "both directions, as two channels",
}
PREPROCESSING = {
    "literal": "z as it is, so that clusters follow the level of a link as well as its change",
    "yearly_scale": "z divided by the spread of all pairs in the year",
    "series": "each series standardised by itself",
    "noise_units": "z centred, divided by the pair's own year-to-year noise, smoothed over three years and "
    "clipped at {clip:g} units of noise",
}
GROWTH = {
    "kept": "z keeps what the growth of countries does to it",
    "removed": "z is reduced by what it would be if no pair had changed its affinity, by a gravity model "
    "with "
    "effects of country-years and of pairs [Anderson and van Wincoop 2003; Santos Silva and Tenreyro 2006]",
}
SURROGATES = {
    "signed_steps": "the yearly steps of each pair in random order and with random signs",
    "channel_swap": "collaboration of one pair with citations of another",
    "growth_only": "z with constant affinities, and noise",
    "network_null": "networks drawn from the null model, to which it is fitted anew",
}


class Section(NamedTuple):
    """A part of the methods.

    Attributes
    ----------
    title : str
    paragraphs : list of str
        Plain text. References stand in brackets.
    keys : dict
        Keys of the configuration that decide it, with their values.
    """

    title: str
    paragraphs: list[str]
    keys: dict[str, Any]


def sections(
    config: Mapping[str, Any],
    layers: Sequence[str],
    source: str,
    defaults: Mapping[str, Mapping[str, Any]],
    claims: int,
) -> list[Section]:
    """The methods of a run.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    layers : sequence of str
        Layers of the study.
    source : str
        Which release or harvest was read; empty if it is not known yet.
    defaults : Mapping
        Defaults of the options of each null model.
    claims : int
        Number of claims that are judged.
    """
    years = config["trajectories"]["first"], config["trajectories"]["last"]
    found = [_question(config), _source(config, source)]
    if config["source"]["kind"] != "networks":
        found.append(_works(config))
    found += [_networks(config, layers), _nulls(config, defaults), _significance(config)]
    if windows.too_short(*years):
        found.append(Section("Trajectories", [f"There are none: {windows.too_short(*years)}."], {}))
    else:
        found += [
            _trajectories(config, layers), _clusters(config), _choice_of_k(config), _poles(config),
            _polarization(config), _hubs(config),
        ]  # fmt: skip
    found += [_intervals(config), _claims(config, claims), _branches(config)]
    return found


def references(found: Iterable[Section]) -> dict[str, str]:
    """References that some sections name, by author and year, sorted."""
    text = " ".join(paragraph for section in found for paragraph in section.paragraphs)
    return {name: where for name, where in sorted(REFERENCES.items()) if name in text}


def _picked(config: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Values of keys, given by their names with dots; all of a section if only its name is given."""
    found: dict[str, Any] = {}
    for name in names:
        value: Any = config
        for part in name.split("."):
            value = value[part]
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            found[name] = value
    return found


def _grouped(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Names by text, as several have the same."""
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        found.setdefault(text, []).append(name)
    return found


def _variants(names: Sequence[str]) -> str:
    """Variants at the start of a sentence."""
    return f"{'Variant' if len(names) == 1 else 'Variants'} {enumerated(names)}"


def _question(config: Mapping[str, Any]) -> Section:
    years, window, recent = (config[key] for key in ("years", "trajectories", "significance"))
    names = enumerated([countries.in_text(code) for code in config["poles"]])
    return Section(
        "Question and years",
        [
            f"The study asks whether countries draw closer to {names}, or further apart, in research. It is "
            "after Gallo, Di Clemente and Lengyel 2026. For every pair of countries and every year it "
            "compares "
            "the weight of the link with what null models expect.",
            f"Works are those of {windows.named(years['first'], years['last'])}. Trajectories cover "
            f"{windows.named(window['first'], window['last'])}; the recent years are "
            f"{windows.named(recent['first'], recent['last'])}.",
        ],
        _picked(config, "years", "trajectories.first", "trajectories.last", "significance.first",
                "significance.last", "poles"),
    )  # fmt: skip


def _source(config: Mapping[str, Any], release: str) -> Section:
    source, kind = config["source"], config["source"]["kind"]
    api = source["api"]
    text = SOURCES[kind].format(
        works=config["demo"]["works"], seed=config["demo"]["seed"], layout=config["demo"]["layout"],
        path=source["path"], url=api["url"],
        types=f", of types {enumerated(api['types'])}" if api["types"] else "",
        citing="Works outside the field that cite it were fetched too." if api["citing"]
        else "Works outside the field that cite it were not fetched.",
        files=enumerated(
            [f"{path} ({layer})" for layer, path in source["networks"].items() if path] or ["files"]
        ),
    )  # fmt: skip
    paragraphs = [text, f"What was read: {release}."] if release else [text]
    if kind == "demo" and config["demo"]["world"]:
        knobs = ", ".join(f"{name} = {value}" for name, value in config["demo"]["world"].items())
        paragraphs.append(f"The world is planted with {knobs}.")
    names = {
        "demo": ["demo"],
        "api": ["source.path", "source.api"],
        "networks": ["source.networks", "selection.merge"],
        "archive": ["source.path", "source.sha256"],
        "snapshot": ["source.path", "source.endpoint"],
        "works": ["source.path"],
    }[kind]
    if kind == "networks" and config["selection"]["merge"]:
        paragraphs.append(_merged(config["selection"]["merge"]))
    return Section("Source", paragraphs, _picked(config, "source.kind", *names))


def _merged(merge: Mapping[str, str]) -> str:
    told = enumerated([f"{code} as {country}" for code, country in merge.items()])
    return f"Codes that count as another country: {told}."


def _field(field: Mapping[str, Any]) -> str:
    """Which works are in a field."""
    if field["subfields"] is None:
        return "every work that is read is in the field"
    numbers = enumerated([str(number) for number in field["subfields"]])
    which = "its primary topic" if field["match"] == "primary" else "any of its topics"
    plural = "subfield" if len(field["subfields"]) == 1 else "subfields"
    return f"a work is in the field if {which} lies in the OpenAlex {plural} {numbers}"


def _criteria(selection: Mapping[str, Any]) -> list[str]:
    """Sentences on what makes a work count."""
    types = selection["types"]
    found = [
        f"Document types that count: {enumerated(types)}." if types else "All document types count.",
        f"The countries of a work are those {AUTHORS[selection['authors']]}: "
        f"{COUNTRIES[selection['countries']]}.",
    ]
    if selection["institution_types"]:
        kinds = enumerated(selection["institution_types"])
        found[-1] = (
            f"The countries of a work are those of institutions of type {kinds}, "
            f"{AUTHORS[selection['authors']]}."
        )
    if selection["max_countries"] is not None:
        found.append(f"Works with more than {selection['max_countries']} countries are left out.")
    if selection["min_topic_score"] is not None:
        found.append(f"The primary topic needs a score of at least {selection['min_topic_score']:g}.")
    if selection["most_cited"] is not None:
        found.append(f"Of each year, the {100 * selection['most_cited']:g} % most cited works count.")
    for key, name in (
        ("retracted", "Retracted works"),
        ("paratext", "Paratext"),
        ("xpac", "Works of OpenAlex's expansion corpus (xpac)"),
    ):
        found.append(f"{name} {'counts' if key == 'paratext' else 'count'}." if selection[key]
                     else f"{name} {'does' if key == 'paratext' else 'do'} not count.")  # fmt: skip
    return found


def _works(config: Mapping[str, Any]) -> Section:
    field, selection = config["field"], config["selection"]
    text = _field(field)
    outside = "" if field["subfields"] is None else " Works outside the field count if they cite it."
    paragraphs = [f"{text[0].upper()}{text[1:]}.{outside}", " ".join(_criteria(selection))]
    if selection["merge"]:
        paragraphs.append(_merged(selection["merge"]))
    for name in config["run"]["variants"]:
        own = branches.choices(config, name)["works"]
        others = []
        if own["field"] != {key: field[key] for key in own["field"]}:
            others.append(f"{_field(own['field'])}")
        if own["selection"] != {key: selection[key] for key in own["selection"]}:
            base = set(_criteria(selection))
            others += [
                sentence.rstrip(".") for sentence in _criteria(own["selection"]) if sentence not in base
            ]
        if others:
            paragraphs.append(f"In variant {name}: {'; '.join(others)}.")
    return Section("Field and selection of works", paragraphs, _picked(config, "field", "selection"))


def _networks(config: Mapping[str, Any], layers: Sequence[str]) -> Section:
    told = {
        "collaboration": "A link of collaboration has no direction; its weight in a year is the number of "
        "works "
        "of the field with authors in both countries.",
        "citation": "A link of citation goes from the country that cites to the country that is cited; the "
        "year is "
        "that of the citing work, and the cited work is in the field. References of a work to itself do not "
        "count.",
    }
    paragraphs = [" ".join(told[layer] for layer in LAYERS if layer in layers)]
    if config["source"]["kind"] != "networks":
        counted = {}
        for name in config["run"]["variants"]:
            links = branches.choices(config, name)["links"]
            window = links["window"]
            limit = "" if window is None else f"; citations of works older than {window} years do not count"
            counted[name] = f"{links['counting']} counting: {COUNTING[links['counting']]}{limit}"
        paragraphs += [f"{_variants(names)}: {text}." for text, names in _grouped(counted).items()]
    paragraphs.append("Links of a country to itself take no part in the null models.")
    return Section("Networks and counting", paragraphs, {})


def _nulls(config: Mapping[str, Any], defaults: Mapping[str, Mapping[str, Any]]) -> Section:
    paragraphs = [
        "A null model keeps how active each country is, its strength, and leaves the rest to chance. z is "
        "the "
        "observed minus the expected weight, in standard deviations of the model. Constraints hold to a "
        "relative "
        "error of 1e-9, or the run stops."
    ]
    keys: dict[str, Any] = {"run.nulls": config["run"]["nulls"]}
    for null in config["run"]["nulls"]:
        options = dict(defaults.get(null, {})) | dict(config["nulls"].get(null, {}))
        options = {
            name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
        }
        text = f"{null} {NULLS.get(null, 'is a model of the user')}"
        if options:
            text += f" ({', '.join(f'{name} = {value}' for name, value in options.items())})"
            keys |= {f"nulls.{null}.{name}": value for name, value in options.items()}
        paragraphs.append(f"{text}.")
    return Section("Null models", paragraphs, keys)


def _significance(config: Mapping[str, Any]) -> Section:
    recent = config["significance"]
    return Section(
        "Links above expectation, and false discovery",
        [
            f"A link is above expectation if its mean z over "
            f"{windows.named(recent['first'], recent['last'])} is "
            f"above {recent['threshold']:g}, with a z in more than half of these years.",
            f"It is significant if its q is below {LEVEL:g}: the p-value under the null model, adjusted for "
            "all pairs of the year [Benjamini and Hochberg 1995]. Tests over countries and regions are "
            "adjusted alike.",
        ],
        _picked(config, "significance"),
    )


def _trajectories(config: Mapping[str, Any], layers: Sequence[str]) -> Section:
    followed, stated = {}, config["trajectories"]
    for name in config["run"]["variants"]:
        options = branches.trajectories(config, name)
        panel = options["panel"]
        rule = (
            f"pairs of which the null model expects at least {panel['min_expected']:g} works or citations "
            f"a year"
            if panel["min_strength"] is None
            else f"pairs of countries whose links to others weigh at least {panel['min_strength']:g} a year"
        )
        prepared = PREPROCESSING[options["preprocessing"]].format(clip=CLIP)
        followed[name] = (
            f"{rule}, in every layer, that have a z in at least {100 * panel['min_share']:g} % of the years; "
            f"{GROWTH[options['growth']]}. Clusters see {prepared}."
        )
    paragraphs = [f"{_variants(names)}: {text}" for text, names in _grouped(followed).items()]
    if "citation" in layers:
        paragraphs.append(f"The citation channel of a pair is {CITATION[stated['citation']]}.")
    paragraphs.append(
        "Slopes are those of Theil and Sen [Sen 1968]. A trend is tested by Mann and Kendall's test with a "
        "correction for autocorrelation [Yue and Wang 2004]."
    )
    return Section("Panel and trajectories", paragraphs, _picked(config, "trajectories"))


def _clusters(config: Mapping[str, Any]) -> Section:
    options = config["clusters"]
    numbers = {name: branches.clusters(config, name)["k"] for name in config["run"]["variants"]}
    own = [f"{k} in variant {name}" for name, k in numbers.items() if k != options["k"]]
    apart = f" ({enumerated(own)})" if own else ""
    names = sorted(set(ARCHETYPES.values()))
    return Section(
        "Archetypes",
        [
            f"Trajectories are grouped by k-means into {options['k']} clusters{apart} under dynamic time "
            f"warping, "
            f"with shifts of at most {options['radius']} years [Sakoe and Chiba 1978] and barycentres as "
            f"centres "
            f"[Petitjean, Ketterlin and Gançarski 2011], from seed {options['seed']}. tslearn makes the same "
            "clusters again, or the run stops [Tavenard et al. 2020].",
            f"A cluster has a name by the mean change of its members in each layer ({enumerated(names)}; or "
            f"Unnamed), "
            "never by its number.",
        ],
        _picked(config, "clusters"),
    )


def _choice_of_k(config: Mapping[str, Any]) -> Section:
    options = config["stability"]
    kinds = [SURROGATES[name] for name in options["surrogates"]]
    paragraphs = [
        f"Every k from 2 to {options['max_k']} is tried. Pairs, countries and starting centres are drawn "
        f"anew "
        f"{options['resamples']} times each ({options['headline_resamples']} times at the k of the study), "
        f"and "
        "radius, preprocessing and years are varied. Agreement is the adjusted Rand index [Hubert and Arabie "
        f"1985] and the lowest Jaccard index of a cluster, which must reach {STABLE:g} [Hennig 2007].",
        f"The same is done with {options['surrogate_panels']} panels of each of these, which have no "
        f"archetypes: "
        f"{'; '.join(kinds)} ({options['surrogate_resamples']} draws each)."
        if kinds
        else "No panels without archetypes are compared.",
        "The data prefer the greatest k that is stable and exceeds all of them. A pair is sure of its "
        "archetype if "
        f"it keeps it in {100 * options['core']:g} % of the runs. Silhouettes use at most "
        f"{options['silhouette_pairs']:,} pairs.",
    ]
    for null, own in options["null_options"].items():
        if null in config["run"]["nulls"] and "network_null" in options["surrogates"]:
            told = ", ".join(f"{name} = {value}" for name, value in own.items())
            paragraphs.append(f"There {null} runs with {told}.")
    return Section("Number of clusters", paragraphs, _picked(config, "stability"))


def _poles(config: Mapping[str, Any]) -> Section:
    poles, options = config["poles"], config["alignment"]
    names = enumerated([countries.in_text(code) for code in poles])
    paragraphs = [
        f"Poles are {names}. A country integrates with a pole if their pair has an archetype in which "
        f"citation "
        "rises, and so it belongs to one pole, to several, or to none.",
        "The course of a link is the trend of the logarithm of observed over expected weight.",
    ]
    if len(poles) == 2:
        paragraphs.append(
            "The alignment index is the trend of z with the first pole minus that with the second, in "
            "units of "
            f"noise, with a 95 % interval from {options['resamples']:,} resamples of the noise (seed "
            f"{options['seed']})."
        )
    attraction = config["attraction"]
    paragraphs.append(
        "Every country is also taken as a pole: the partners with which z rises in every layer are "
        "compared with "
        f"what these partners give to others ({attraction['permutations']:,} permutations, seed "
        f"{attraction['seed']})."
    )
    return Section("Poles and alignment", paragraphs, _picked(config, "poles", "alignment", "attraction"))


def _polarization(config: Mapping[str, Any]) -> Section:
    options = config["polarization"]
    return Section(
        "Polarization",
        [
            "Measures by year: the correlation across countries of z with one pole and z with another, and "
            "the "
            "modularity of the network of z [Gómez, Jensen and Arenas 2009].",
            f"Intervals come from {options['resamples']:,} resamples of countries, and from a jackknife; "
            f"chance "
            f"from {options['permutations']:,} permutations of z that keep strengths, and as many panels "
            f"drawn with "
            f"constant affinities (seed {options['seed']}). Trends are judged by what they exceed those "
            f"panels by.",
        ],
        _picked(config, "polarization"),
    )


def _hubs(config: Mapping[str, Any]) -> Section:
    options = config["hubs"]
    own = f" Regions of the user: {enumerated(list(options['regions']))}." if options["regions"] else ""
    return Section(
        "Hubs within regions",
        [
            f"The large countries of a region are the fewest that hold {100 * options['share']:g} % of its "
            f"strength. "
            "Trends of pairs of a large and a small country are compared with those of two large ones, by "
            f"permuting which are large, at most {options['permutations']:,} times (seed "
            f"{options['seed']}).{own}"
        ],
        _picked(config, "hubs"),
    )


def _intervals(config: Mapping[str, Any]) -> Section:
    options = config["uncertainty"]
    if config["source"]["kind"] == "networks":
        text = "Ready-made networks hold no works, so z has no intervals over works."
    elif not options["draws"]:
        text = "The run has no intervals of z over works."
    else:
        text = (
            f"Every work gets a Poisson weight of mean 1 in each of {options['draws']} draws (seed "
            f"{options['seed']}), the null model is fitted to each, and the middle 95 % of z are its "
            f"interval "
            "[Efron 1979]. local_rewiring is too slow for that and has none."
        )
    return Section("Intervals over works", [text], _picked(config, "uncertainty"))


def _claims(config: Mapping[str, Any], number: int) -> Section:
    return Section(
        "Claims",
        [
            f"{number} claims of {config['claims']} are judged in every branch, by rules that stand there. "
            f"A claim is "
            "reproduced or contradicted only if the statistic lies beyond the limit that it states, as in "
            "a test "
            "of a least effect [Murphy and Myors 1999]; else it is inconclusive. Without its countries, "
            "layer or "
            "years it is not testable.",
            "Which choice changes a verdict is counted over pairs of branches that differ in that choice "
            "alone "
            "[Morris 1991].",
        ],
        _picked(config, "claims"),
    )


def _branches(config: Mapping[str, Any]) -> Section:
    run = branches.branches(config)
    first = ", ".join(run[0])
    told = [f"{variant} ({', '.join(null for name, null in run if name == variant)})" for variant in
            dict.fromkeys(name for name, _ in run)]  # fmt: skip
    return Section(
        "Branches",
        [
            f"A branch is a variant of the data under a null model. The run has {len(run)}: "
            f"{'; '.join(told)}. "
            f"{first} leads. Branches share all results that their differences do not touch."
        ],
        _picked(config, "run")
        | {f"variants.{name}": config["variants"][name] for name in config["run"]["variants"]},
    )
