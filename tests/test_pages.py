"""The pages that people read first: their numbers, their words, what they escape, and where they lead."""

import copy
import csv
import gzip
import itertools
import json
import math
import re
import shutil
from collections import Counter, defaultdict
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.archetypes.tables import CLUSTERS
from poles.blocs.tables import COURSES, POLARIZATION_TRENDS, POLES, alignment_table
from poles.claims.tables import BASIS, CLAIMS
from poles.errors import StudyError
from poles.figures import alternatives
from poles.networks.edge_lists import read_links
from poles.networks.tables import COUNTRIES
from poles.nulls.tables import SCORES
from poles.report import answers, captions, citation, front, gallery, methods, pages
from poles.study import config as configuration
from poles.study import extraction, signatures, tables
from workflow import Project

HOSTILE = """<script>alert("x")</script> & 'more' `code`_ *stars* |bar| .. raw:: html"""
YEARS = range(1990, 2024)
FIRST, RECENT = range(2000, 2005), range(2017, 2022)


class Page(HTMLParser):
    """Elements of a page, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        """Keep the tag, and the address of a link."""
        self.tags.append(tag)
        self.links += [value for name, value in attributes if tag == "a" and name == "href"]

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)

    @property
    def text(self) -> str:
        """Text of the page in one line."""
        return " ".join(" ".join(self.texts).split())


def rows(project: Project, table: str) -> list[dict[str, str]]:
    """Rows of an exported table."""
    path = next((project.folder / "results/tables").glob(f"{table}.csv*"))
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def found(tiny: Project) -> dict[str, str]:
    """What the first page of the tiny study finds, by topic."""
    content = json.loads((tiny.folder / "results/answers.json").read_text(encoding="utf-8"))
    assert content["question"].startswith(
        "Does research on artificial intelligence polarize around the United"
    )
    assert len(content["lines"]) == 10
    return {line["topic"]: line["finding"] for line in content["lines"]}


def test_the_first_page_counts_what_the_networks_hold(tiny: Project, found: dict[str, str]):
    sums, seen = Counter(), set()
    for layer, year in itertools.product(("collaboration", "citation"), YEARS):
        for row in pl.read_parquet(tiny.folder / f"results/full/{layer}/links/{year}.parquet").iter_rows(
            named=True
        ):
            seen |= {row["source"], row["target"]}
            sums[layer] += row["weight"] * (row["source"] != row["target"])
    works = sum(
        row["is_core"] and bool(row["countries"])
        for year in YEARS
        for row in pl.read_parquet(tiny.folder / f"results/works/{year}.parquet").iter_rows(named=True)
    )
    assert found["Data"] == (
        f"1990-2023: {works:,} works of the field, {len(seen)} countries, {sums['collaboration']:,} shared "
        f"works "
        f"of pairs of countries and {sums['citation']:,} citations between countries."
    )


def means_of_links(project: Project) -> dict[tuple[str, str, str], dict[int, float]]:
    """Z of every pair by year, by layer and the two countries; the mean of both directions of a citation."""
    values = defaultdict(lambda: defaultdict(list))
    for row in rows(project, "links"):
        if row["z"]:
            pair = sorted((row["source"], row["target"]))
            values[(row["layer"], *pair)][int(row["year"])].append(float(row["z"]))
    return {key: {year: sum(z) / len(z) for year, z in by_year.items()} for key, by_year in values.items()}


def test_the_first_page_tells_the_course_of_the_link_of_the_poles(tiny: Project, found: dict[str, str]):
    links = means_of_links(tiny)
    courses = {
        row["channel"]: row for row in rows(tiny, "courses") if (row["country"], row["pole"]) == ("CN", "US")
    }
    for layer in ("collaboration", "citation"):
        z = links[layer, "CN", "US"]
        ends = [sum(z[year] for year in years) / len(years) for years in (FIRST, RECENT)]
        low, slope, high = (float(courses[layer][name]) for name in ("low", "slope", "high"))
        word = "strengthened" if low > 0 else "weakened" if high < 0 else "shows no clear trend"
        factor = (
            f"{math.exp(slope):.2f} per decade (95 % interval {math.exp(low):.2f} to {math.exp(high):.2f})"
        )
        text = found[f"The United States and China in {layer}"]
        assert text.startswith(f"The link {word}: ")
        assert f"a factor of {factor}. " in text
        assert f"z goes from {ends[0]:.2f} (2000-2004) to {ends[1]:.2f} (2017-2021)." in text
    growth = [f"{math.exp(float(courses[layer]['growth_slope'])):.2f} in {layer}" for layer in courses]
    assert all(part in found["Growth or preference"] for part in growth)


def test_the_first_page_counts_links_above_expectation(tiny: Project, found: dict[str, str]):
    counts = Counter()
    for (layer, *pair), by_year in means_of_links(tiny).items():
        recent = [z for year, z in by_year.items() if year in RECENT]
        if 2 * len(recent) > len(RECENT) and sum(recent) / len(recent) > 2:
            counts.update((layer, code) for code in pair)
    us, cn = (
        f"{name} has {counts['collaboration', code]} in collaboration and {counts['citation', code]} in "
        f"citation"
        for name, code in (("the United States", "US"), ("China", "CN"))
    )
    text = found["Links above expectation"]
    assert text == f"Partners with a mean z above 2 in 2017-2021: {us}; {cn}."


def test_the_first_page_counts_archetypes_groups_and_poles(tiny: Project, found: dict[str, str]):
    archetypes = Counter(row["archetype"] for row in rows(tiny, "archetypes"))
    total = sum(archetypes.values())
    text = found["Archetypes of change"]
    assert text.startswith(f"Of {total:,} pairs, ")
    for name, count in archetypes.items():
        assert f"{100 * count / total:.0f} % {name}" in text
    groups = Counter(row["group"] for row in rows(tiny, "alignment"))
    del groups["pole"], groups["not in panel"]
    words = {
        "only US": "with the United States alone",
        "only CN": "with China alone",
        "both": "with both poles",
        "neither": "with neither",
    }
    text = found["Sides of countries"]
    assert text.startswith(f"With whom {sum(groups.values())} countries integrate")
    assert all(f"{count} {words[group]}" in text for group, count in groups.items())
    attracting = [
        row
        for row in rows(tiny, "candidates")
        if float(row["q_attracts"] or 1) < 0.05 and int(row["attracted"]) > int(row["repelled"])
    ]
    assert ("No country" in found["Other poles"]) == (not attracting)


def test_the_first_page_counts_measures_and_verdicts(tiny: Project, found: dict[str, str]):
    towards = Counter(int(row["towards"]) for row in rows(tiny, "polarization_trends"))
    assert found["Polarization of the world"].startswith(
        f"{towards[1]} of {towards.total()} measures show growing division, {towards[-1]} growing "
        f"integration, "
        f"and {towards[0]} neither."
    )
    verdicts = Counter(row["verdict"] for row in rows(tiny, "claims"))
    text = found["Claims"]
    assert text.startswith(f"Of {verdicts.total()} claims, ")
    assert all(f"{count} {verdict}" in text for verdict, count in verdicts.items())


# --- agreement of several branches -------------------------------------------------------------------------


def frame(table: tables.Table, *records: dict) -> pl.DataFrame:
    return pl.DataFrame(
        [dict.fromkeys(table.columns) | record for record in records],
        schema=dict(table.columns),
        orient="row",
    )


def branch(
    name: str,
    slope: float,
    archetypes: str,
    groups: tuple[str, ...],
    towards: int,
    attracted: int,
    z: float = 3.0,
) -> answers.Branch:
    """A branch in which the link of the poles changes by a factor e^slope."""
    pairs = [("CN", "US"), ("CN", "DE"), ("DE", "US"), ("FR", "US")]
    scores = frame(
        SCORES,
        *(
            {"year": year, "source": first, "target": second, "z": z if first == "CN" else 0.0, "q": 0.5}
            for year in range(2000, 2022)
            for first, second in pairs
        ),
    )
    names = {"C": "Scientific Convergence", "D": "Scientific Divergence"}
    clusters = [
        {"source": first, "target": second, "cluster": "CD".index(letter) + 1, "archetype": names[letter]}
        for (first, second), letter in zip(pairs, archetypes, strict=True)
    ]
    course = {"country": "CN", "pole": "US", "channel": "collaboration", "growth_slope": -0.1}
    ends = {"slope": slope, "low": slope - 0.2, "high": slope + 0.2}
    measured = {"channel": "collaboration", "measure": "correlation", "poles": "US-CN", "towards": towards}
    measured |= {"excess_slope": -0.3 * towards, "excess_low": -0.5, "excess_high": 0.1}
    candidate = {"country": "DE", "attracted": attracted, "repelled": 1, "q_attracts": 0.01, "rank": 1}
    kind = alignment_table(["US", "CN"])
    return answers.Branch(
        name,
        {"collaboration": scores},
        frame(COUNTRIES, {"year": 2000, "country": "US", "collaboration_strength": 10.0}),
        frame(BASIS, {"preferred": 2}),
        frame(COURSES, course | ends),
        frame(CLUSTERS, *clusters),
        frame(kind, *({"country": f"{n}", "group": group} for n, group in enumerate(groups))),
        frame(POLARIZATION_TRENDS, measured),
        frame(POLES, candidate),
    )


def judged(**verdicts: tuple[str, ...]) -> pl.DataFrame:
    """Claims with their verdicts in the branches of null models n0, n1, ..."""
    return frame(
        CLAIMS,
        *(
            {"claim": claim, "variant": "full", "null": f"n{place}", "verdict": verdict, "statement": claim}
            | {"why": f"why {claim}"}
            for claim, of_branches in verdicts.items()
            for place, verdict in enumerate(of_branches)
        ),
    )


PERIODS = {"works": (2000, 2021), "years": (2000, 2021), "recent": (2017, 2021)}


def test_agreement_counts_each_result_once_and_gives_ranges():
    lead = branch("full, n0", -1.0, "CCDD", ("only US", "both", "pole"), 1, 5)
    other = branch("full, n1", -0.5, "CCDC", ("only US", "only US", "pole"), 0, 5, z=1.0)
    third = branch("full, n2", 1.0, "CCDD", ("neither", "both", "pole"), 1, 0)
    twin = third._replace(name="full, n3")  # shares all results with the third
    claims = judged(
        a=("reproduced",) * 4, b=("inconclusive", "reproduced", "inconclusive", "inconclusive"),
        c=("contradicted", "contradicted", "reproduced", "reproduced"),
    )  # fmt: skip
    lines = {
        line.topic: line
        for line in answers.lines([lead, other, third, twin], claims, ["US", "CN"], PERIODS, 2.0)
    }
    of_link = lines["The United States and China in collaboration"]
    assert "by a factor of 0.37 per decade (95 % interval 0.30 to 0.45)" in of_link.finding
    assert of_link.agreement == "It weakened in 2 of 3 branches with results of their own."
    assert lines["Growth or preference"].finding.endswith("Beside that the link became weaker.")
    assert lines["Growth or preference"].agreement == "The same in 2 of 3 branches with results of their own."
    assert lines["Links above expectation"].finding.endswith(
        "the United States has 1 in collaboration; China has 2 in collaboration."
    )
    assert lines["Links above expectation"].agreement == (
        "Over all null models and counts: the United States 0 to 1 in collaboration; China 0 to 2 in "
        "collaboration."
    )
    assert lines["Archetypes of change"].finding == (
        "Of 4 pairs, 50 % Scientific Convergence and 50 % Scientific Divergence. The data support 2 clusters."
    )
    assert lines["Archetypes of change"].agreement == (
        "In other branches, 75 to 100 % of the common pairs have the same archetype."
    )
    assert lines["Sides of countries"].agreement == (
        "Over all branches: 0 to 1 with both poles and 0 to 2 with the United States alone."
    )
    assert lines["Polarization of the world"].agreement == (
        "At least one measure shows growing division in 2 of 3 branches with results of their own."
    )
    assert lines["Other poles"].finding.startswith(
        "Countries that attract more partners than chance explains (q < 0.05): Germany. 0 of the 2 poles are"
    )
    assert lines["Other poles"].agreement == (
        "No country is so in all 3 branches with results of their own; 1 in some of them."
    )
    assert lines["Claims"].finding == "Of 3 claims, 1 reproduced, 1 contradicted and 1 inconclusive."
    assert lines["Claims"].agreement == "1 have one verdict in all branches."
    short = answers.short([lead, other], ["US", "CN"])
    assert "expects, the link between the United States and China weakened in collaboration." in short
    assert "Of 1 measures of polarization over all countries, 1 shows growing division" in short


def test_the_first_page_lists_what_most_branches_decide_alike():
    claims = judged(
        open=("inconclusive", "reproduced"), alone=("reproduced", "inconclusive"),
        agreed=("contradicted", "contradicted"),
    )  # fmt: skip
    decided = pages.decided(claims, ["full, n0", "full, n1"])
    told = [tuple(claim[key] for key in ("statement", "verdict", "agreeing", "tested")) for claim in decided]
    assert told == [("agreed", "contradicted", 2, 2), ("alone", "reproduced", 1, 2)]
    assert "Of 3 claims, the branch full, n0 decides 2" in pages.about(2, 3, "full, n0")


# --- methods -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settings() -> dict:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["run"]["nulls"].append("multi_edge")
    configuration.complete(config, ROOT)
    return config


def prose(config: dict, source: str = "", claims: int = 32) -> str:
    """Sentences of the methods, without the list of keys."""
    defaults = {null: signatures.defaults(ROOT, null) for null in config["run"]["nulls"]}
    found = methods.sections(config, ["collaboration", "citation"], source, defaults, claims)
    return "\n".join(paragraph for section in found for paragraph in section.paragraphs)


CHANGES = {
    "years": {"first": 1991, "last": 2022},
    "demo": {"works": 70000, "seed": 5, "layout": "parquet", "world": {"growth": 2}},
    "source": {"kind": "works"},
    "field": {"subfields": [1702, 1707], "match": "any"},
    "selection": {
        "types": ["article"],
        "countries": "union",
        "authors": "first",
        "institution_types": ["company"],
        "max_countries": 12,
        "min_topic_score": 0.5,
        "most_cited": 0.1,
        "retracted": True,
        "paratext": True,
        "xpac": True,
        "merge": {"HK": "CN"},
    },
    "variants": {"full": {"counting": "fractional"}, "literal": {"window": 5}},
    "run": {"variants": ["full"], "nulls": ["max_entropy"], "skip": ["literal/multi_edge"]},
    "nulls": {"local_rewiring": {"z_error": 0.07}},
    "trajectories": {
        "first": 2001,
        "last": 2020,
        "citation": "both",
        "growth": "removed",
        "preprocessing": "series",
        "panel": {"min_strength": None, "min_expected": 3, "min_share": 0.8},
    },
    "clusters": {"k": 5, "seed": 9, "radius": 3},
    "stability": {
        "max_k": 7,
        "resamples": 13,
        "headline_resamples": 31,
        "surrogates": ["growth_only"],
        "surrogate_panels": 5,
        "surrogate_resamples": 3,
        "silhouette_pairs": 200,
        "core": 0.8,
        "null_options": {"local_rewiring": {"z_error": 0.2}},
    },
    "significance": {"first": 2016, "last": 2020, "threshold": 3},
    "poles": ["US", "IN"],
    "alignment": {"resamples": 500, "seed": 2},
    "attraction": {"permutations": 600, "seed": 2},
    "polarization": {"resamples": 300, "permutations": 50, "seed": 2},
    "hubs": {"share": 0.6, "permutations": 500, "seed": 2, "regions": {"Benelux": ["BE", "NL", "LU"]}},
    "uncertainty": {"draws": 50, "seed": 2},
    "claims": "mine.yaml",
}
"""A change of each key that decides a method."""


SINGLE = [
    (section, key)
    for section, values in CHANGES.items()
    for key in (values if isinstance(values, dict) else [None])
]


def changed(config: dict, section: str, key: str | None, value: object) -> dict:
    """Copy of a configuration in which a key has another value."""
    config = copy.deepcopy(config)
    if key is None:
        config[section] = value
    else:
        config[section][key] = value
    return config


@pytest.mark.parametrize(("section", "key"), SINGLE)
def test_a_changed_key_changes_the_words_of_the_methods(settings: dict, section: str, key: str | None):
    value = CHANGES[section] if key is None else CHANGES[section][key]
    assert prose(changed(settings, section, key, value)) != prose(settings)


def test_no_key_that_decides_a_method_is_forgotten(settings: dict):
    silent = {"source", "variants", "nulls", "figures"}
    for section, values in settings.items():
        if section not in silent:
            assert section in CHANGES, section
            assert not isinstance(values, dict) or set(values) == set(CHANGES[section]), section


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"kind": "snapshot", "path": "s3://openalex"}, "bulk snapshot of OpenAlex [Priem, Piwowar and Orr"),
        ({"kind": "api", "api": {"types": ["article"], "citing": True}}, "of types article. Works outside"),
        ({"kind": "works", "path": "mine/*.jsonl"}, "files of OpenAlex work records"),
        ({"kind": "archive", "path": "harvest.tar"}, "harvest.tar, the harvest of an earlier study"),
        (
            {"kind": "networks", "networks": {"collaboration": "a.csv", "citation": None}},
            "ready-made from a.csv (collaboration)",
        ),
    ],
)
def test_each_source_has_its_words(settings: dict, source: dict, words: str):
    config = copy.deepcopy(settings)
    config["source"] |= source | {"api": config["source"]["api"] | source.get("api", {})}
    assert words in prose(config)
    assert "What was read: release 2026-01-01." in prose(config, "release 2026-01-01")


def test_references_are_those_that_the_text_names(settings: dict):
    text = prose(settings)
    found = methods.sections(settings, ["collaboration"], "", {}, 1)
    named = {name.strip() for group in re.findall(r"\[([A-Z].*?)\]", text) for name in group.split(";")}
    assert len(named) > 10 and named <= set(methods.REFERENCES)
    assert set(methods.references(found)) >= {"Haberman 1973", "Benjamini and Hochberg 1995"}
    without = methods.sections(
        changed(settings, "run", "nulls", ["max_entropy"]), ["collaboration"], "", {}, 1
    )
    assert "Haberman 1973" not in methods.references(without)


def test_short_studies_say_that_they_have_no_trajectories(settings: dict):
    config = changed(settings, "trajectories", "first", 2015)
    text = prose(config)
    assert "There are none: trajectories need 10 years" in text and "k-means" not in text


def test_the_page_of_methods_of_a_study_has_the_values_of_its_run(tiny: Project):
    page = Page((tiny.folder / "results/methods.html").read_text(encoding="utf-8"))
    for words in ("8,000 works", "seed 3", "links to others weigh at least 12 a year", "Every k from 2 to 5"):
        assert words in page.text


# --- escaping ----------------------------------------------------------------------------------------------


def run_of(settings: dict, project: Project) -> dict:
    """What `pages.write` is told of a study whose user has hostile names."""
    config = copy.deepcopy(settings)
    config["hubs"]["regions"] = {HOSTILE: ["BE", "NL", "LU"]}
    config["claims"] = f"{HOSTILE}.yaml"
    figure = {"name": "hubs", "category": "4 Poles", "title": f"Hubs {HOSTILE}"}
    versions = {"results/figures/full/max_entropy/hubs.png": f"full {HOSTILE}"}
    return {
        "config": config,
        "layers": ["collaboration", "citation"],
        "branches": ["full, max_entropy"],
        "source": HOSTILE,
        "data": {"kind": "networks", "subfields": None, "of_paper": True},
        "figures": [figure | {"versions": versions}],
        "tables": {"hubs": "results/tables/hubs.csv"},
        "claims": 1,
        "citation": yaml.safe_load((project.folder / "CITATION.cff").read_text()) | {"title": HOSTILE},
    }


@pytest.fixture(scope="module")
def hostile(tiny: Project, settings: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of pages of the tiny study, whose statements, regions, paths and titles hold markup."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(tiny.folder / "results", folder / "results")
    claims = pl.read_parquet(folder / "results/claims.parquet").with_columns(
        statement=pl.lit(f"It is {HOSTILE}"), why=pl.lit(f"Because {HOSTILE}"), verdict=pl.lit("reproduced")
    )
    claims.write_parquet(folder / "results/claims.parquet")
    files = {
        "scores": [
            f"results/full/{layer}/scores/max_entropy.parquet" for layer in ("collaboration", "citation")
        ],
        "countries": ["results/full/countries.parquet"],
        "basis": ["results/full/claims/max_entropy.basis.parquet"],
        "claims": "results/claims.parquet",
        "page_of_claims": "results/claims.html",
        "losses": "results/losses.parquet",
        "intervals": [],
        "exports": [],
    }
    names = ("index", "methods", "gallery", "claims", "hubs")
    paths = {name: f"{name}.html" for name in names} | {
        "answers": "results/answers.json",
        "package": "datapackage.json",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pages.write(files, paths, run_of(settings, tiny), {"rule": "write_pages"})
    return folder


def test_pages_name_the_intervals_of_every_figure_that_draws_some(tiny: Project):
    drawn = {
        path.stem
        for path in (tiny.folder / "results/figures").rglob("*.png")
        if "bootstrap over works" in alternatives.read(path).text
    }
    assert drawn == set(gallery.WITH_INTERVALS)


@pytest.mark.parametrize("name", ["index", "methods", "gallery", "hubs"])
def test_text_of_the_user_is_no_markup(hostile: Path, name: str):
    page = Page((hostile / f"{name}.html").read_text(encoding="utf-8"))
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert HOSTILE in page.text.replace("  ", " "), "it is shown as it is"


def test_the_first_page_of_the_report_shows_text_of_the_user_as_it_is(hostile: Path, monkeypatch):
    import jinja2
    from docutils.core import publish_parts

    monkeypatch.chdir(hostile)
    answer = json.loads(Path("results/answers.json").read_text(encoding="utf-8"))
    answer |= {
        "question": f"Is it {HOSTILE}?",
        "note": HOSTILE,
        "short": f"{HOSTILE}\n\n.. raw:: html\n\n   <b>",
    }
    answer["lines"] = [{"topic": HOSTILE, "finding": HOSTILE, "agreement": HOSTILE}]
    Path("results/answers.json").write_text(json.dumps(answer), encoding="utf-8")
    run = {"variants": ["full"], "nulls": ["max_entropy"]}
    directive = f"{HOSTILE}\n\n       .. raw:: html\n\n          <b>"
    said = {
        "facts": [("Source", directive), (HOSTILE, "x")],
        "stages": [[HOSTILE, 1, "a", "b", 2.0, directive]],
    }
    config = {"answers": front.read(), "run": run, "poles": ["US", "CN"], "last_run": front.last_run(said)}
    config["warnings"] = [f"{directive} (read_works)"]
    # As Snakemake renders it.
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string((captions.FOLDER / "study.rst").read_text(encoding="utf-8")).render(
        snakemake={"config": config}
    )
    parts = publish_parts(text, writer="html4")["html_body"]
    page = Page(parts)
    assert not {"script", "b"} & set(page.tags) and "system-message" not in parts
    assert page.text.count(HOSTILE) == 1 + 1 + 1 + 3 + 4
    assert HOSTILE.replace("`", "'") in page.text, "the warning, as code"
    Path("results/answers.json").write_text("{")
    assert front.read() == {}


def test_a_country_of_a_file_is_a_country_or_it_is_refused(tmp_path: Path):
    path = tmp_path / "links.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["year", "source", "target", "weight"], [2000, "US", "CN", 3], [2000, "US", HOSTILE, 3]]
        )
    with pytest.raises(StudyError, match=r"row 2 .* is no code of ISO 3166-1 alpha-2"):
        read_links(path, "collaboration", [2000])


@pytest.mark.slow
def test_a_study_with_hostile_names_makes_pages_without_their_markup(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    claims = yaml.safe_load((twin.folder / "config/claims.yaml").read_text(encoding="utf-8"))
    for claim in claims:
        claim["statement"] = f"{claim['id']} {HOSTILE}"
    (twin.folder / "mine.yaml").write_text(yaml.safe_dump(claims), encoding="utf-8")
    own = {"claims": "mine.yaml", "hubs": {"permutations": 1000, "regions": {HOSTILE: ["BE", "NL", "LU"]}}}
    (twin.folder / "own.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    twin.run("--configfile", "own.yaml")
    twin.run("--report", "results/report.html", "--configfile", "own.yaml")
    own_scripts = {"explorer.html": 3}
    for name in ("index.html", "methods.html", "claims.html", "report/claims.html", "explorer.html"):
        page = Page((twin.folder / "results" / name).read_text(encoding="utf-8"))
        assert page.tags.count("script") == own_scripts.get(name, 0), name
    assert '<script>alert("x")' not in (twin.folder / "results/report.html").read_text(encoding="utf-8")
    assert HOSTILE in Page((twin.folder / "results/index.html").read_text(encoding="utf-8")).text


# --- where the pages lead ----------------------------------------------------------------------------------


def test_every_figure_has_its_data_its_files_and_its_citation(tiny: Project):
    folder = tiny.folder / "results"
    cff = yaml.safe_load((tiny.folder / "CITATION.cff").read_text())
    run = json.loads((folder / "run.json").read_text())
    page = (folder / "figures.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.DOTALL)
    assert {name for name, _ in sections} == {path.stem for path in (folder / "figures").rglob("*.svg")}
    for name, section in sections:
        parsed = Page(section)
        assert all((folder / link).is_file() for link in parsed.links), name
        assert any(link.startswith("tables/") for link in parsed.links), f"{name} has no data"
        assert citation.study(cff) in parsed.text
        assert f"run with configuration {citation.run_of(run['config'])}." in parsed.text
        own = Page((folder / "report" / f"{name}.html").read_text(encoding="utf-8"))
        assert not own.links, "the page of a figure needs no other file"
        for words in ("What is seen.", "How to read it.", "What would change it.", "results/tables/"):
            assert words in own.text, name


def test_the_first_page_leads_to_every_page_and_says_how_to_export(tiny: Project):
    folder = tiny.folder / "results"
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    elsewhere = {
        "report.html": "a word of its own makes it",
        "README.md": "part of the project, not of a run",
    }
    assert set(elsewhere) < set(page.links) and {"methods.html", "figures.html", "claims.html"} < set(
        page.links
    )
    for link in page.links:
        assert link in elsewhere or (folder / link).is_file(), link
    assert "snakemake exports" in page.text
    assert (ROOT / "results/README.md").is_file()


@pytest.mark.slow
def test_the_first_page_leads_to_exports_once_they_are_there(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    assert twin.plan("exports") == {"export_networks": 2, "write_pages": 1, "exports": 1}
    twin.run("exports")
    folder = twin.folder / "results"
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    exports = [link for link in page.links if link.startswith("exports/")]
    assert exports == ["exports/full/collaboration/", "exports/full/citation/"]
    assert all((folder / link / "datapackage.json").is_file() for link in exports)
    assert "snakemake exports" not in page.text
    assert twin.plan("exports") == {} and twin.plan() == {"audit_results": 1, "all": 1}


def test_pages_carry_their_provenance(tiny: Project):
    for name in ("index.html", "methods.html", "figures.html", "answers.json", "report/archetypes.html"):
        path = tiny.folder / "results" / name
        assert extraction.read(path)["rule"] == "write_pages" and extraction.is_intact(path)
