"""Each kind of claim, driven to each of its verdicts; the check of the list; the pages."""

import importlib
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.archetypes.names import ARCHETYPES, UNNAMED
from poles.archetypes.tables import CLUSTERS, SELECTION, SIGNAL
from poles.blocs import tables as blocs_tables
from poles.blocs.tables import HUBS, POLARIZATION_TRENDS, TRENDS, alignment_table
from poles.claims import checking, contradictions, judging, page, robustness, ties, verdicts
from poles.claims.tables import BASIS, CLAIMS, ROBUSTNESS, TIES
from poles.errors import StudyError
from poles.study import tables, windows
from poles.study.branches import STAGES

TREND = {
    "id": "t",
    "statement": "s",
    "kind": "trend",
    "pair": ["US", "CN"],
    "layer": "collaboration",
    "direction": "falls",
    "at_least": 10,
}
GROUP = {
    "id": "g", "statement": "s", "kind": "group", "countries": ["FR", "IT", "NL", "CA"],
    "poles": ["US", "CN"], "group": "both", "share": 0.75,
}  # fmt: skip
COUNT = {
    "id": "c",
    "statement": "s",
    "kind": "significant",
    "pole": "US",
    "layer": "collaboration",
    "expected": 10,
    "tolerance": 0.2,
    "at_least": 20,
}


POLES = ("US", "CN")
BOTH = ("collaboration", "citation")


SC, SD, KI, KD = (
    "Scientific Convergence", "Scientific Divergence", "Knowledge Integration", "Knowledge Divergence"
)  # fmt: skip


def frame(table: tables.Table, *rows: dict) -> pl.DataFrame:
    """Rows of a table; what they do not say is null."""
    schema = dict(table.columns)
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)


def stages(claims: list[dict]) -> dict[str, str | None]:
    """Stage on which each claim rests, by its id."""
    return {claim["id"]: checking.kinds()[claim["kind"]].stage for claim in claims}


def judge(claims: list[dict], branches: Mapping[tuple[str, str], verdicts.Branch]) -> pl.DataFrame:
    """Judge claims on every branch, and those about several null models on every variant."""
    single = [claim for claim in claims if stages(claims)[claim["id"]]]
    judged = [judging.judge_branch(single, results, *names) for names, results in branches.items()]
    return judging.collect(claims, stages(claims), pl.concat(judged))


def apart(choices: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Homes of branches that share nothing."""
    return {name: dict.fromkeys(STAGES, name) for name in choices}


PAPER = {"kind": "works", "subfields": [1702], "of_paper": True}
"""What the page is told of a study of the paper's data and claims."""


def shown(
    judged: pl.DataFrame,
    data: dict = PAPER,
    moved: pl.DataFrame | None = None,
    choices: dict | None = None,
    homes: dict | None = None,
    stage: str | None = "clusters",
    warnings: tuple[str, ...] = (),
    scans: pl.DataFrame | None = None,
    kinds: dict[str, str] | None = None,
) -> dict:
    """Content of the page about claims that were judged; those of a branch rest on one stage."""
    single = (
        judged.filter(pl.col("null") != judging.ALL).select("variant", "null").unique(maintain_order=True)
    )
    signal = {
        "channel": "collaboration",
        "signal": 2.0,
        "pairs": 40,
        "rule": "pairs",
        "trendless": 7,
        "preferred": 4,
    }
    signal |= {"countries": 28, "same_group": 6, "contradictions": ["GR moves away."]}
    basis = frame(BASIS, *(signal | names for names in single.rows(named=True)))
    choices = choices or {f"{v}/{n}": {"counting": v, "null model": n} for v, n in single.rows()}
    moved = frame(ROBUSTNESS) if moved is None else moved
    of_several = judged.filter(null=judging.ALL)["claim"].to_list()
    rests_on = {claim: None if claim in of_several else stage for claim in judged["claim"]}
    scans = frame(TIES) if scans is None else scans
    homes = homes or apart(choices)
    kinds = kinds or dict.fromkeys(rests_on, "group")
    declared = [{"id": claim, "kind": kind} for claim, kind in kinds.items()]
    about = (2000, 2021), data, warnings
    return page.content(judged, basis, moved, rests_on, declared, choices, homes, scans, *about)


def course(country: str, pole: str, slope: tuple, channels=BOTH) -> list[dict]:
    """Rows of `poles.blocs.tables.COURSES`."""
    slope, low, high = slope
    named = {"country": country, "pole": pole, "slope": slope, "low": low, "high": high, "years": 22}
    return [named | {"growth_slope": -slope / 4, "channel": channel} for channel in channels]


def trends(courses: pl.DataFrame) -> pl.DataFrame:
    """`TRENDS` in which z changes half as fast as the logarithm of the ratio."""
    halves = [pl.col(name) / 2 for name in ("slope", "low", "high")]
    rows = courses.with_columns(halves).rename({"low": "slope_low", "high": "slope_high"})
    return frame(TRENDS, *rows.to_dicts())


def selected(*passing: int) -> pl.DataFrame:
    """A selection in which these numbers of clusters are stable and above data without archetypes."""
    rows = [
        {
            "data": data, "over": "pairs", "measure": "adjusted_rand", "k": k, "value": 0.9,
            "passes": data == "observed" and k in passing,
            "preferred": data == "observed" and k == max(passing, default=None),
        }
        for data in ("observed", "channel_swap")
        for k in (3, 4, 6)
    ]  # fmt: skip
    return frame(SELECTION, *rows)


def branch(
    slope=(-1.0, -2.0, -0.5), groups="both", ties=10, layers=BOTH, poles=POLES, **more
) -> verdicts.Branch:
    countries = ["FR", "IT", "NL", "CA"]
    groups = dict(zip(countries, groups.split(",") if "," in groups else [groups] * 4, strict=True))
    courses = frame(
        blocs_tables.COURSES,
        *course("CN", "US", slope, ["collaboration"]),
        *course("US", "CN", slope, ["collaboration"]),
    )
    z = [("collaboration", "US", f"{n:02d}", 3.0 if n < ties else 1.0, 0.01, 5) for n in range(95)]
    aligned = [{"country": country, "group": group} for country, group in groups.items()]
    return verdicts.Branch(
        **{
            "layers": layers,
            "poles": poles,
            "period": (2000, 2021),
            "trends": trends(courses),
            "courses": courses,
            "alignment": frame(alignment_table(POLES), *aligned),
            "recent": pl.DataFrame(z, schema=["layer", "source", "target", "z", "q", "years"], orient="row"),
            "threshold": 2.0,
            "panel": [],
            "k": 4,
            "members": members(("AA", "AB", SC)),
            "sizes": {},
            "polarization": frame(POLARIZATION_TRENDS),
            "hubs": frame(HUBS),
            "candidates": frame(blocs_tables.POLES),
            "selection": selected(4),
            "signal": frame(SIGNAL, {"channel": "collaboration", "pairs": 40}),
        }
        | more
    )


def turning(**archetypes: tuple) -> verdicts.Branch:
    """A branch in which countries have an archetype with the United States, and one with China."""
    rows = [
        {"country": country, "group": "", "archetype_US": with_us, "archetype_CN": with_china}
        for country, (with_us, with_china) in archetypes.items()
    ]
    return branch(alignment=frame(alignment_table(POLES), *rows))


def unnamed(*countries: str) -> verdicts.Branch:
    """A branch in which countries are in no group but for clusters without a name, the others for good."""
    rows = [
        {
            "country": country,
            "group": "neither",
            "archetype_US": UNNAMED if country in countries else SD,
            "archetype_CN": SD,
        }
        for country in ("FR", "IT", "NL", "CA")
    ]
    return branch(alignment=frame(alignment_table(POLES), *rows))


def coursing(**slopes: tuple) -> verdicts.Branch:
    """A branch in which countries have intervals (low, high) of slopes with the United States and China."""
    rows = [
        row
        for country, (us, china) in slopes.items()
        for pole, (low, high) in (("US", us), ("CN", china))
        for row in course(country, pole, ((low + high) / 2, low, high), ["collaboration"])
    ]
    return branch(courses=frame(blocs_tables.COURSES, *rows))


def members(*pairs: tuple) -> pl.DataFrame:
    return frame(CLUSTERS, *({"source": a, "target": b, "archetype": name} for a, b, name in pairs))


def tied(*partners: str, pole: str = "CN", z: float = 3.0, beside: tuple[str, ...] = ()) -> verdicts.Branch:
    """A branch in which a pole has significant ties with some countries and links with others beside."""
    rows = [("collaboration", min(pole, p), max(pole, p), z, 0.01, 5) for p in partners]
    rows += [("collaboration", min(pole, p), max(pole, p), 0.0, 0.5, 5) for p in beside]
    rows.append(("collaboration", "AA", pole, 0.0, 0.5, 5))
    return branch(
        recent=pl.DataFrame(rows, schema=["layer", "source", "target", "z", "q", "years"], orient="row")
    )


def polarized(low: float, high: float) -> verdicts.Branch:
    row = {
        "channel": "collaboration", "measure": "correlation", "poles": "US-CN", "slope": -0.5,
        "excess_slope": (low + high) / 2, "excess_low": low, "excess_high": high, "countries": 28,
    }  # fmt: skip
    return branch(polarization=frame(POLARIZATION_TRENDS, row))


def hubs(statistic: float, p: float, among: float = -1.0) -> verdicts.Branch:
    row = {
        "region": "EU", "channel": "collaboration", "unit": "z", "large": ["DE", "FR"], "hubs": among,
        "countries": 20,
        "spokes": statistic + among, "statistic": statistic, "p": p,
    }  # fmt: skip
    return branch(hubs=frame(HUBS, row))


def candidate(attracts: float, repels: float) -> verdicts.Branch:
    row = {
        "country": "IN", "attracted": 5, "repelled": 1, "partners": 20, "excess": 0.2, "rank": 2,
        "q_attracts": attracts, "q_repels": repels,
    }  # fmt: skip
    return branch(candidates=frame(blocs_tables.POLES, row))


def clustered(*passing: int) -> verdicts.Branch:
    return branch(selection=selected(*passing))


COURSES = {
    "id": "o", "statement": "s", "kind": "courses", "countries": ["GB", "DE"], "layer": "collaboration",
    "toward": {"US": "rises", "CN": "not rises"}, "share": 0.75,
}  # fmt: skip
TURN = {
    "id": "u", "statement": "s", "kind": "turn", "countries": ["IN", "PL"], "leaving": "US", "joining": "CN",
    "share": 0.75,
}  # fmt: skip
AMONG = {
    "id": "a", "statement": "s", "kind": "among", "largest": 3, "archetype": "Scientific Divergence",
    "share": 0.5, "at_least": 3,
}  # fmt: skip
NEAR = {
    "id": "n",
    "statement": "s",
    "kind": "neighbours",
    "pole": "CN",
    "layer": "collaboration",
    "share": 0.5,
    "at_least": 3,
}
WIDE = {
    "id": "w",
    "statement": "s",
    "kind": "continents",
    "pole": "US",
    "layer": "collaboration",
    "expected": 4,
    "at_least": 4,
}
POLAR = {
    "id": "p", "statement": "s", "kind": "polarization", "layer": "collaboration", "measure": "correlation",
    "direction": "falls", "at_least": 10,
}  # fmt: skip
HUB = {
    "id": "h",
    "statement": "s",
    "kind": "hub",
    "region": "EU",
    "layer": "collaboration",
    "at_least": 7,
}
POLE = {"id": "e", "statement": "s", "kind": "pole", "country": "IN", "at_least": 10}
FOUR = {"id": "f", "statement": "s", "kind": "clusters", "k": 4, "at_least": 1}
UP, DOWN, STILL = (0.5, 1.5), (-1.5, -0.5), (-0.5, 0.5)
LARGE = {"US": 9.0, "CN": 8.0, "IN": 7.0, "XK": 1.0}


@pytest.mark.parametrize(
    ("claim", "case", "verdict", "statistic"),
    [
        (TREND, branch(), "reproduced", -1.0),
        (TREND, branch(slope=(1.0, 0.5, 2.0)), "contradicted", 1.0),
        (TREND, branch(slope=(-1.0, -2.0, 0.5)), "inconclusive", -1.0),
        (TREND | {"direction": "rises"}, branch(), "contradicted", -1.0),
        (TREND | {"least_slope": 0.4}, branch(), "reproduced", -1.0),
        (TREND | {"least_slope": 0.6}, branch(), "inconclusive", -1.0),
        (TREND | {"least_slope": 0.6}, branch(slope=(-0.2, -0.5, -0.1)), "contradicted", -0.2),
        (TREND | {"least_slope": 0.6}, branch(slope=(0.0, -0.7, 0.1)), "inconclusive", 0.0),
        (TREND | {"layer": "citation"}, branch(), "not testable", None),
        (TREND | {"pair": ["US", "RU"]}, branch(), "not testable", None),
        (TREND | {"at_least": 23}, branch(), "not testable", None),
        (GROUP, branch(), "reproduced", 1.0),
        (GROUP, branch(groups="both,both,both,neither"), "reproduced", 0.75),
        (GROUP, branch(groups="both,both,neither,neither"), "inconclusive", 0.5),
        (GROUP, branch(groups="neither"), "contradicted", 0.0),
        (GROUP, branch(groups="both,both,both,not in panel"), "not testable", None),
        (GROUP | {"countries": ["FR", "XK"]}, branch(), "not testable", None),
        (GROUP, branch(layers=("collaboration",)), "not testable", None),
        (GROUP, branch(poles=("DE", "GB")), "not testable", None),
        (COUNT, branch(ties=10), "reproduced", 10),
        (COUNT, branch(ties=12), "reproduced", 12),
        (COUNT, branch(ties=13), "inconclusive", 13),
        (COUNT, branch(ties=5), "contradicted", 5),
        (COUNT | {"pole": "CN"}, branch(), "not testable", None),
        (COUNT | {"at_least": 95}, branch(ties=5), "contradicted", 5),
        (COUNT | {"at_least": 96}, branch(ties=5), "not testable", None),
        (COUNT | {"layer": "citation"}, branch(layers=("collaboration",)), "not testable", None),
        # The pole has 95 links. 118 less a fifth is 94.4, and 119 less a fifth is 95.2.
        (COUNT | {"expected": 118}, branch(ties=95), "reproduced", 95),
        (COUNT | {"expected": 119}, branch(ties=95), "not testable", None),
        (GROUP | {"at_least": 2}, branch(groups="both,both,not in panel,not in panel"), "reproduced", 1.0),
        (GROUP | {"at_least": 3}, branch(groups="both,both,not in panel,not in panel"), "not testable", None),
        (GROUP | {"share": 0.3}, branch(groups="both,neither,neither,neither"), "inconclusive", 0.25),
        (GROUP, clustered(3, 4, 6), "reproduced", 1.0),
        (GROUP, clustered(), "inconclusive", 1.0),
        (GROUP, clustered(3), "inconclusive", 1.0),
        (GROUP, clustered(3)._replace(k=3), "reproduced", 1.0),
        (GROUP, branch(selection=selected().head(0)), "inconclusive", 1.0),
        (GROUP, branch(groups="neither", selection=selected()), "inconclusive", 0.0),
        (TREND, clustered(), "reproduced", -1.0),
        (GROUP, unnamed("FR", "IT", "NL", "CA"), "inconclusive", 0.0),
        (GROUP | {"group": "neither"}, unnamed("FR", "IT", "NL", "CA"), "inconclusive", 0.0),
        (GROUP | {"share": 0.6}, unnamed("FR"), "contradicted", 0.0),
        (COURSES, coursing(GB=(UP, DOWN), DE=(UP, STILL)), "reproduced", 1.0),
        (COURSES, coursing(GB=(UP, DOWN), DE=(UP, UP)), "inconclusive", 0.5),
        (COURSES, coursing(GB=(DOWN, DOWN), DE=(DOWN, UP)), "contradicted", 0.0),
        (COURSES, coursing(GB=(STILL, DOWN), DE=(DOWN, UP)), "inconclusive", 0.0),
        (COURSES, coursing(GB=(STILL, DOWN), DE=(STILL, STILL)), "inconclusive", 0.0),
        (COURSES, coursing(GB=(UP, UP), DE=(UP, UP)), "contradicted", 0.0),
        (COURSES | {"least_slope": 0.4}, coursing(GB=(UP, DOWN), DE=(UP, STILL)), "reproduced", 1.0),
        (COURSES | {"least_slope": 0.6}, coursing(GB=(UP, DOWN), DE=(UP, STILL)), "inconclusive", 0.0),
        (COURSES | {"least_slope": 0.6}, coursing(GB=(DOWN, UP), DE=(DOWN, UP)), "inconclusive", 0.0),
        (COURSES, coursing(GB=(UP, DOWN)), "not testable", None),
        (COURSES | {"toward": {"US": "rises", "GB": "falls"}}, coursing(DE=(UP, UP)), "not testable", None),
        (COURSES | {"layer": "citation"}, branch(layers=("collaboration",)), "not testable", None),
        (TURN, turning(IN=(SD, SC), PL=(KD, KI)), "reproduced", 1.0),
        (TURN, turning(IN=(SD, SC), PL=(SC, SC)), "inconclusive", 0.5),
        (TURN, turning(IN=(SC, SC), PL=("Stable", SC)), "contradicted", 0.0),
        (TURN, turning(IN=(SD, SC), PL=(SD, None)), "not testable", None),
        (TURN, turning(IN=(UNNAMED, SC), PL=(UNNAMED, UNNAMED)), "inconclusive", 0.0),
        (TURN, turning(IN=(UNNAMED, SD), PL=(SC, UNNAMED)), "contradicted", 0.0),
        (TURN | {"leaving": "GB"}, turning(IN=(SD, SC), PL=(SD, SC)), "not testable", None),
        (
            AMONG,
            branch(members=members(("CN", "IN", SD), ("CN", "US", SD), ("IN", "US", SC)), sizes=LARGE),
            "reproduced",
            2 / 3,
        ),
        (
            AMONG,
            branch(members=members(("CN", "IN", SC), ("CN", "US", KI), ("IN", "US", SC)), sizes=LARGE),
            "contradicted",
            0.0,
        ),
        (
            AMONG,
            branch(members=members(("CN", "IN", SD), ("IN", "US", SD)), sizes=LARGE),
            "not testable",
            None,
        ),
        (
            AMONG,
            branch(members=members(("CN", "IN", SC), ("CN", "US", UNNAMED), ("IN", "US", SC)), sizes=LARGE),
            "inconclusive",
            0.0,
        ),
        (NEAR, tied("JP", "KR", "US"), "reproduced", 2 / 3),
        (NEAR, tied("US", "FR", "BR", "NG", "ZA"), "contradicted", 0.0),
        (NEAR, tied("JP", z=1.0), "not testable", None),
        (NEAR, tied("JP", "US"), "not testable", None),
        (WIDE, tied("JP", "FR", "NG", "BR", pole="US"), "reproduced", 4),
        (WIDE, tied("JP", "FR", pole="US", beside=("NG", "BR")), "inconclusive", 2),
        (WIDE, tied("JP", pole="US", beside=("FR", "NG", "BR")), "contradicted", 1),
        (WIDE, tied(pole="US", beside=("JP", "FR", "NG", "BR")), "contradicted", 0),
        (WIDE, tied("JP", "FR", pole="US", beside=("KR", "DE", "IT")), "not testable", None),
        (WIDE | {"at_least": 6}, tied("JP", "FR", "NG", "BR", pole="US"), "not testable", None),
        (POLAR, polarized(-0.4, -0.2), "reproduced", -0.3),
        (POLAR, polarized(0.2, 0.4), "contradicted", 0.3),
        (POLAR, polarized(-0.4, 0.2), "inconclusive", -0.1),
        (POLAR | {"at_least": 29}, polarized(-0.4, -0.2), "not testable", None),
        (POLAR | {"measure": "modularity"}, polarized(-0.4, -0.2), "not testable", None),
        (POLAR | {"poles": ["CN", "US"]}, polarized(-0.4, -0.2), "reproduced", -0.3),
        (POLAR | {"poles": ["IN", "US"]}, polarized(-0.4, -0.2), "not testable", None),
        (HUB, hubs(1.5, 0.01), "reproduced", 1.5),
        (HUB, hubs(0.5, 0.01), "inconclusive", 0.5),
        (HUB, hubs(1.5, 0.01, among=0.1), "inconclusive", 1.5),
        (HUB, hubs(-0.5, 0.01), "contradicted", -0.5),
        (HUB, hubs(0.5, 0.2), "inconclusive", 0.5),
        (HUB | {"at_least": 21}, hubs(1.5, 0.01), "not testable", None),
        (HUB | {"region": "Asia"}, hubs(0.5, 0.01), "not testable", None),
        (POLE, candidate(0.01, 1.0), "reproduced", 0.2),
        (POLE, candidate(1.0, 0.01), "contradicted", 0.2),
        (POLE, candidate(0.5, 0.5), "inconclusive", 0.2),
        (POLE | {"at_least": 21}, candidate(0.01, 1.0), "not testable", None),
        (POLE | {"country": "BR"}, candidate(0.01, 1.0), "not testable", None),
        (FOUR, clustered(4), "reproduced", 4),
        (FOUR, clustered(3, 4), "reproduced", 4),
        (FOUR, clustered(3), "inconclusive", 3),
        (FOUR, clustered(4, 6), "inconclusive", 6),
        (FOUR, clustered(6), "contradicted", 6),
        (FOUR, clustered(), "inconclusive", None),
        (FOUR | {"at_least": 2}, clustered(4), "not testable", None),
        (FOUR | {"k": 5}, clustered(4), "not testable", None),
    ],
)
def test_verdicts(claim, case, verdict, statistic):
    row = judge([claim], {("full", "max_entropy"): case}).row(0, named=True)
    assert row["verdict"] == verdict
    assert row["statistic"] == (None if statistic is None else pytest.approx(statistic))
    assert row["why"].endswith(".")
    judged = judging.verdict_on(claim, case)
    if judged.verdict != "not testable":
        assert not any(one.holds for one in judged.conditions if one.verdict == "not testable")
        assert {one.verdict for one in judged.conditions} == {"reproduced", "contradicted", "not testable"}
        assert any(not rows.is_empty() for rows in judged.rows.values())
    for one in judged.conditions:
        compare = verdicts.RELATIONS.get(one.relation)  # "within" is the word of ties alone
        tolerance = claim.get("tolerance", 0) * one.limit
        near = abs(one.value - one.limit) <= tolerance
        assert one.holds == (compare(one.value, one.limit) if compare else near)


def has(judged: verdicts.Verdict, what: str) -> verdicts.Condition:
    """Condition on reproduction about something."""
    [found] = [one for one in judged.conditions if one.verdict == "reproduced" and what in one.what]
    return found


@pytest.mark.parametrize(
    ("claim", "case", "key"),
    [
        (COURSES, coursing(GB=(UP, DOWN), DE=(UP, UP)), "share"),
        (GROUP, branch(groups="both,both,neither,neither"), "share"),
        (TURN, turning(IN=(SD, SC), PL=(SC, SC)), "share"),
        (
            AMONG,
            branch(members=members(("CN", "IN", SD), ("CN", "US", SC), ("IN", "US", SC)), sizes=LARGE),
            "share",
        ),
        (NEAR, tied("JP", "FR", "US"), "share"),
        (TREND | {"least_slope": 0.6}, branch(), "upper end"),
        (WIDE, tied("JP", "FR", pole="US", beside=("NG", "BR")), "number of regions"),
        (FOUR, clustered(4, 6), "largest number"),
    ],
    ids=lambda case: case["kind"] if isinstance(case, dict) else None,
)
def test_what_would_have_changed_a_verdict_changes_it(claim, case, key):
    keys = {"share": "share", "upper end": "least_slope", "number of regions": "expected"}
    changed = keys.get(key, "k")
    judged = judging.verdict_on(claim, case)
    assert judged.verdict in ("inconclusive", "contradicted")
    condition = has(judged, key)
    assert not condition.holds and condition.limit in (claim[changed], -claim[changed])
    # The claim asks for what is there: then it is reproduced. It asks for a little more: then it is not.
    just_met = abs(condition.value) * (1 - 1e-9 if key == "upper end" else 1)
    assert judging.verdict_on(claim | {changed: just_met}, case).verdict == "reproduced"
    assert judging.verdict_on(claim | {changed: just_met * 1.0001}, case).verdict != "reproduced"


def test_a_course_stands_beside_that_of_growth_alone_and_beside_z():
    def why(claim, slope):
        return judge([claim], {("full", "max_entropy"): branch(slope=slope)})["why"][0]

    assert why(TREND, (0.0, -1.0, 1.0)) == (
        "The ratio of observed to expected weight changes by a factor of 1.00 per decade "
        "(95 % interval 0.37 to 2.72). z changes by +0.00 per decade (-0.50 to +0.50)."
    )
    assert why(TREND | {"least_slope": 0.1}, (-1.0, -2.0, -0.5)) == (
        "The ratio of observed to expected weight changes by a factor of 0.37 per decade "
        "(95 % interval 0.14 to 0.61; only factors below 0.90 count). With constant affinities the factor "
        "would be 1.28. z changes by -0.50 per decade (-1.00 to -0.25)."
    )
    rising = TREND | {"least_slope": 0.1, "direction": "rises"}
    assert "only factors above 1.11 count" in why(rising, (-1.0, -2.0, -0.5))


def opposed(archetype: str, **courses: tuple) -> verdicts.Branch:
    """A branch in which four countries have one archetype with both poles.

    Courses with the United States are intervals (low, high) in collaboration and in citation.
    """
    group = "both" if archetype in (SC, KI) else "neither"
    archetypes = dict.fromkeys(("archetype_US", "archetype_CN"), archetype)
    aligned = [{"country": c, "group": group, "trend_group": "both"} | archetypes for c in GROUP["countries"]]
    rows = [
        row
        for country, intervals in courses.items()
        for layer, (low, high) in zip(BOTH, intervals, strict=True)
        for row in course(country, "US", ((low + high) / 2, low, high), [layer])
    ]
    return branch(
        alignment=frame(alignment_table(POLES), *aligned), courses=frame(blocs_tables.COURSES, *rows)
    )


AWAY, CLOSER, OPEN = (DOWN, STILL), (STILL, UP), (STILL, STILL)


@pytest.mark.parametrize(
    ("archetype", "courses", "contradicted"),
    [
        (SC, {"FR": AWAY, "IT": (DOWN, DOWN), "NL": OPEN, "CA": CLOSER}, ["FR", "IT"]),
        (KI, {"FR": AWAY, "IT": (DOWN, UP), "NL": OPEN}, ["FR"]),
        (SD, {"FR": CLOSER, "IT": (UP, DOWN), "NL": AWAY}, ["FR"]),
        ("Stable", {"FR": CLOSER, "IT": AWAY}, ["FR"]),
        (UNNAMED, {"FR": CLOSER, "IT": AWAY}, []),
    ],
)
def test_an_archetype_is_contradicted_by_the_opposite_move(archetype, courses, contradicted):
    case = opposed(archetype, **courses)
    found = contradictions.compare(case)
    assert list(found.contradictions) == sorted(contradicted)
    assert (found.countries, found.same) == (4, 4 if archetype in (SC, KI) else 0)
    basis = judging.basis(
        case._replace(signal=frame(SIGNAL, {"channel": "a"}, {"channel": "b"})), "v", "n", "pairs"
    )
    assert tables.conform(basis, BASIS)["contradictions"].to_list() == [[*found.contradictions.values()]] * 2


@pytest.mark.parametrize(
    ("courses", "verdict", "statistic"),
    [
        ({"FR": OPEN}, "reproduced", 1.0),
        ({"FR": AWAY}, "reproduced", 0.75),
        ({"FR": AWAY, "IT": AWAY}, "inconclusive", 0.5),
        (dict.fromkeys(GROUP["countries"], AWAY), "inconclusive", 0.0),
    ],
)
def test_a_country_whose_courses_contradict_its_archetype_counts_neither_way(courses, verdict, statistic):
    names = ("full", "max_entropy")
    row = judge([GROUP], {names: opposed(SC, **courses)}).row(0, named=True)
    assert (row["verdict"], row["statistic"]) == (verdict, statistic)
    sentence = (
        "{} has Scientific Convergence with US but moves away from US "
        "(collaboration by a factor of 0.37 per decade, 0.22 to 0.61)."
    )
    assert [sentence.format(c) in row["why"] for c in GROUP["countries"]] == [
        courses.get(c) == AWAY for c in GROUP["countries"]
    ]


def test_a_turn_needs_courses_that_do_not_contradict_it():
    plain = turning(IN=(SD, SC), PL=(KD, KI))
    rising = frame(blocs_tables.COURSES, *course("PL", "US", (1.0, 0.5, 1.5), ["citation"]))
    row = judge([TURN], {("full", "max_entropy"): plain._replace(courses=rising)}).row(0, named=True)
    assert (row["verdict"], row["statistic"]) == ("inconclusive", 0.5)
    assert "PL has Knowledge Divergence with US but moves closer to US" in row["why"]


def test_a_group_of_several_poles_has_no_order():
    countries = {"countries": ["FR", "IT"], "poles": ["US", "CN", "IN"], "group": "CN+US"}
    aligned = [{"country": country, "group": "US+CN"} for country in countries["countries"]]
    case = branch(poles=("US", "CN", "IN"), alignment=frame(alignment_table(("US", "CN", "IN")), *aligned))
    assert judge([GROUP | countries], {("full", "max_entropy"): case})["verdict"][0] == "reproduced"


def test_a_sentence_names_some_countries_and_counts_the_rest():
    codes = [f"{first}{second}" for first in "ABCDEFGH" for second in "XY"]
    row = judge([GROUP | {"countries": codes}], {("full", "max_entropy"): branch()}).row(0, named=True)
    assert row["why"].endswith(": AX, AY, BX, BY, CX, CY, DX, DY, EX, EY, FX, FY and 4 more.")


TWO = {("full", "max_entropy"): branch(), ("fractional", "max_entropy"): branch(groups="neither")}


def test_the_page_shows_every_claim_in_every_branch():
    judged = judge([TREND, GROUP | {"statement": "They bridge."}], TWO)
    tables.conform(judged, CLAIMS)
    text = page.markdown(shown(judged))
    assert "2 claims in 2 branches" in text
    assert "| full, max_entropy | 2 | 0 | 0 | 0 | 0 |" in text
    assert "| fractional, max_entropy | 1 | 1 | 0 | 0 | 0 |" in text
    assert "| g | reproduced | contradicted |" in text
    assert page.MADE_UP not in text
    assert text.index("## They bridge.") < text.index(
        "| fractional | max_entropy | **contradicted** | 0 of 4"
    )
    html = page.html(shown(judged))
    assert html.count("<strong>reproduced</strong>") == 3
    assert html.count("<strong>contradicted</strong>") == 1
    for render in (page.markdown, page.html):
        assert page.MADE_UP in render(shown(judged, PAPER | {"kind": "demo"}))


def test_results_that_branches_share_are_shown_once():
    names = [("grown", "one"), ("full", "one"), ("literal", "one"), ("full", "two")]
    choices = {f"{variant}/{null}": {"null model": null, "variant": variant} for variant, null in names}
    homes = apart(choices) | {"literal/one": dict.fromkeys(STAGES, "literal/one") | {"panel": "full/one"}}
    judged = judge([TREND, ROBUST], dict.fromkeys(names, branch()))
    of_branches = judged.filter(claim="t")
    text = page.markdown(shown(judged, choices=choices, homes=homes, stage="panel"))
    assert "| t | reproduced | reproduced | (reproduced) | reproduced |" in text
    assert f"| full, literal (shared) | one | **reproduced** | {of_branches['why'][0]} |" in text
    assert text.count(of_branches["why"][0]) == 3
    assert "| literal, one | 1 | 0 | 0 | 1 | 1 |" in text and "| full, two | 2 | 0 | 0 | 0 | 0 |" in text
    html = page.html(shown(judged, choices=choices, homes=homes, stage="panel"))
    assert html.count("(reproduced)") == 1 and html.count("full, literal (shared)") == 1
    # At the stage of the clusters the same branches share nothing.
    text = page.markdown(shown(judged, choices=choices, homes=homes, stage="clusters"))
    assert "(reproduced)" not in text and text.count(of_branches["why"][0]) == 4


def test_warnings_stand_at_the_head_of_the_page():
    judged = judge([TREND], TWO)
    for render in (page.markdown, page.html):
        assert page.ABOUT_WARNINGS not in render(shown(judged))
        text = render(shown(judged, warnings=("no link of <GB> | (check)", "few pairs (build)")))
        head = text[: text.index("At a glance")]
        assert page.ABOUT_WARNINGS in head and "few pairs (build)" in head
        assert (
            "no link of &lt;GB&gt; | (check)" if render is page.html else "no link of <GB> \\| (check)"
        ) in head


class Elements(HTMLParser):
    """Elements and texts of a page, as a browser reads them."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list):
        """Keep an element with its attributes."""
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str):
        """Close the last element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str):
        """Keep a text."""
        self.texts.append(data.strip())


def test_the_html_page_lists_claims_by_statement_and_escapes_every_text():
    hostile = "<script>alert('x')</script> & \"more\" | than text"
    claims = [TREND | {"id": "<b>", "statement": hostile}, GROUP]
    judged = judge(claims, TWO).with_columns(pl.lit(f"why {hostile}").alias("why"))
    choices = {"full/max_entropy": {hostile: 1}, "fractional/max_entropy": {hostile: 2}}
    moved = robustness.changes(judged, stages(claims), choices, apart(choices)).with_columns(comparisons=1)
    content = shown(judged, PAPER, moved, choices, warnings=(hostile,))
    elements = Elements(page.html(content))
    assert not elements.open, "every element is closed"
    assert not {"script", "b"} & {tag for tag, _ in elements.tags}
    viewport = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    assert ("meta", viewport) in elements.tags
    # The statement: at a glance, in the table of choices, as a heading. Also the warning, and the choice.
    assert elements.texts.count(hostile) == 3 + 2
    assert elements.texts.count(f"why {hostile}") == 4
    links = [attributes["href"].removeprefix("#") for tag, attributes in elements.tags if tag == "a"]
    assert links == [attributes["id"] for tag, attributes in elements.tags if tag == "h3"]
    text = page.markdown(content)
    assert text.count("why " + hostile.replace("|", "\\|")) == 4, "a bar would end the cell of a table"


def test_the_page_says_what_archetypes_rest_on():
    rows = [
        {"channel": name, "pairs": 40, "signal": signal, "trendless": 9, "trendless_in_all": 7}
        for name, signal in (("citation", None), ("collaboration", 2.345))
    ]
    signal = frame(SIGNAL, *rows)
    cases = {"one": clustered()._replace(signal=signal), "two": clustered(4)._replace(signal=signal)}
    basis = pl.concat(
        judging.basis(case, "full", null, f"pairs of rule {null}") for null, case in cases.items()
    )
    tables.conform(basis, BASIS)
    choices = {f"full/{null}": {"null model": null, "k": 4} for null in cases}
    judged = judge([TREND], {("full", null): case for null, case in cases.items()})
    text = page.markdown(
        page.content(
            judged,
            basis,
            frame(ROBUSTNESS),
            stages([TREND]),
            [TREND],
            choices,
            apart(choices),
            frame(TIES),
            (2000, 2010),
            PAPER,
        )
    )
    assert "The panel holds pairs of rule one; or else pairs of rule two." in text
    assert "| full, one |  | 40 | collaboration 2.3 | 7 | none | 0 of 4 | 0 |" in text
    assert "| full, two | null model two | 40 | collaboration 2.3 | 7 | 4 | 0 of 4 | 0 |" in text


def test_the_page_names_the_countries_whose_courses_contradict_their_archetypes():
    judged = judge([TREND], TWO)
    for render in (page.markdown, page.html):
        text = " ".join(render(shown(judged)).split())
        assert text.count("GR moves away.") == 2
        assert "6 of 28" in text


def template(*poles: str) -> list[dict]:
    """The claims about any two poles, filled in for some."""
    words = checking.words_of_poles(poles, 2021)
    return checking.read_claims("config/claims-poles.yaml", ROOT, {}, words)


def test_claims_about_any_two_poles_name_these_alone():
    claims = template("NO", "US")
    assert checking.countries_of(claims) == ["NO", "US"]
    text = str(claims)
    assert not any(name in text for name in ("code_", "pole_", "region_", "China"))
    by_id = {claim["id"]: claim for claim in claims}
    assert by_id["first_only_citation"]["toward"] == {"NO": "rises", "US": "not rises"}
    assert by_id["second_only"]["group"] == "only US"
    assert by_id["poles_diverge_citation"]["statement"].startswith(
        "In citation, Norway and the United States"
    )
    assert by_id["hub_and_spoke_citation"]["region"] == "Northern Europe"
    paper = {claim["kind"] for claim in checking.read_claims("config/claims.yaml", ROOT, {})}
    assert paper - {claim["kind"] for claim in claims} == {"significant", "continents"}, "they expect numbers"


def test_the_page_about_other_claims_does_not_speak_of_the_paper():
    claims = [claim for claim in template("DE", "FR") if claim["kind"] != "robust"]
    judged = judge(claims, TWO)
    data = {"kind": "works", "subfields": [1707], "of_paper": False}
    for render in (page.markdown, page.html):
        text = render(shown(judged, data))
        assert "What the data say to the claims" in text
        assert not re.search(r"\bpaper\b|significant (tie|partner)", text)
        assert "What the data say to the paper" in render(shown(judged))


def test_a_list_that_leaves_open_what_the_study_lacks_is_refused():
    with pytest.raises(
        StudyError, match=r"claim poles_diverge_collaboration: statement .* and \{pole_2\} have"
    ):
        template("NO")


def ranked(z: Mapping[str, float], **more) -> verdicts.Branch:
    """A branch in which the United States have links of given z, with the partner as second or first end."""
    rows = [("collaboration", *sorted(("US", code)), value, 0.01, 5) for code, value in z.items()]
    rows.append(("collaboration", "AA", "BB", 9.0, 0.01, 5))
    rows.append(("citation", "AA", "US", 9.0, 0.01, 5))
    names = ["layer", "source", "target", "z", "q", "years"]
    return branch(recent=pl.DataFrame(rows, schema=names, orient="row"), **more)


SCANNED = COUNT | {"expected": 3, "tolerance": 0.34, "at_least": 4}


def test_ties_are_counted_by_threshold_and_set_of_countries():
    z = {"AA": 4.5, "BB": 3.2, "VN": 2.6, "CC": 2.2, "ZW": 2.0, "DD": 1.2, "EE": -1.0}
    # BB is the one partner that is not among the 60 largest countries.
    sizes = {"US": 1000.0, **{code: 900.0 for code in z}, "BB": 0.0, **{f"x{n:02}": 10.0 for n in range(70)}}
    case = ranked(z, panel=["AA", "VN", "US", "FR"], sizes=sizes)
    scans = judging.scan_ties([TREND, SCANNED], case, "full", "one")
    tables.conform(scans, TIES)
    counts = {
        name: dict(rows.select("threshold", "partners").iter_rows())
        for (name,), rows in scans.group_by("countries", maintain_order=True)
    }
    assert counts == {
        # By hand; z = 2.0 is not above 2.
        "all": {1: 6, 1.5: 5, 2: 4, 2.5: 3, 3: 2, 3.5: 1, 4: 1},
        "panel": {1: 2, 1.5: 2, 2: 2, 2.5: 2, 3: 1, 3.5: 1, 4: 1},
        "largest": {1: 5, 1.5: 4, 2: 3, 2.5: 2, 3: 1, 3.5: 1, 4: 1},
    }
    linked = dict(scans.select("countries", "linked").unique().iter_rows())
    assert linked == {"all": 7, "panel": 2, "largest": 6}
    stated = scans.filter("stated").select("countries", "threshold", "partners")
    assert stated.rows() == [("all", 2.0, 4)]
    about = scans.filter("about").select("countries", "threshold")
    # The claim expects 3 and tolerates 34 %: 2, 3 and 4 are about 3.
    assert about.filter(countries="all")["threshold"].to_list() == [2, 2.5, 3]
    assert about.filter(countries="largest")["threshold"].to_list() == [1.5, 2, 2.5]
    other = ties.scan(SCANNED, case._replace(threshold=2.6))
    assert other.filter("stated").select("threshold", "partners").rows() == [(2.6, 2)]
    assert ties.scan(SCANNED | {"layer": "citation"}, case._replace(layers=["collaboration"])).is_empty()


@pytest.mark.parametrize(
    ("z", "members", "verdict", "reason"),
    [
        ([5, 5, 5, 0, 0, 0], {}, "reproduced", "from 3 to 3"),
        ([9, 9, 9, 9, 9, 9], {}, "contradicted", "from 6 to 6"),
        ([9, 9, 9, 1.7, 1.7, 1.7], {}, "reproduced", "from 6 to 3"),
        ([9, 9, 9, 9, 9, 2.2], {}, "contradicted", "from 6 to 5"),
        # Another threshold gives the number although that of the study does not.
        ([9, 9, 9, 2.2, 2.2, 2.2], {}, "inconclusive", "from 6 to 3"),
        # So it does between two thresholds: 6 with one, 0 with the next.
        ([2.2, 2.2, 2.2, 2.2, 2.2, 2.2], {}, "inconclusive", "from 6 to 0"),
        # The threshold of the study gives the number; neither the next lower nor the next higher one does.
        ([2.2, 2.2, 2.2, 1.7, 1.7, 1.7], {}, "inconclusive", "from 6 to 0"),
        # A set of at least four partners gives another number at the threshold of the study.
        ([5, 5, 5, 0, 0, 0], {"panel": ["AA", "DD", "EE", "FF"]}, "inconclusive", "panel"),
        # All countries are far above the number, and a set of three passes through it.
        ([9, 9, 9, 9, 9, 2.2], {"panel": ["DD", "EE", "FF"]}, "inconclusive", "from 3 to 2"),
        # One that cannot reach it does not matter.
        ([9, 9, 9, 9, 9, 2.2], {"panel": ["FF"]}, "contradicted", "from 6 to 5"),
        # Three partners are too few to hold against the claim.
        ([5, 5, 5, 0, 0, 0], {"panel": ["DD", "EE", "FF"]}, "reproduced", "from 3 to 3"),
    ],
)
def test_a_number_of_ties_is_judged_by_the_scan(z, members, verdict, reason):
    case = ranked(dict(zip(("AA", "BB", "CC", "DD", "EE", "FF"), map(float, z), strict=True)), **members)
    row = judge([SCANNED], {("full", "max_entropy"): case}).row(0, named=True)
    assert row["verdict"] == verdict
    assert reason in row["why"]


def test_the_page_shows_the_scan_and_marks_the_numbers_of_the_claim():
    z = {"AA": 5.0, "BB": 3.2, "CC": 2.2, "DD": 1.7, "EE": 1.2}
    cases = {("full", "one"): ranked(z), ("literal", "one"): ranked(z)}
    judged = judge([SCANNED], cases)
    scans = pl.concat(judging.scan_ties([SCANNED], case, *names) for names, case in cases.items())
    homes = {f"{v}/{n}": dict.fromkeys(STAGES, "full/one") for v, n in cases}
    values = shown(judged, scans=scans, homes=homes, stage="links")
    text = page.markdown(values)
    head = "| countries | with links | z > 1 | z > 1.5 | z > 2 (stated) | z > 2.5 | z > 3 | z > 3.5 | z > 4 |"
    assert head in text
    row = "| full, literal (shared) | one | all | 5 | 5 | **4** | **3** | **2** | **2** | 1 | 1 |"
    assert text.count(row) == 1
    assert text.count("| large enough for the panel | 0 | 0 |") == 1
    html = page.html(values)
    assert "<td><strong>4</strong></td><td><strong>3</strong></td>" in html
    assert 5 * "<td>0</td>" in html
    assert "z > 1.5" not in page.markdown(shown(judged)) + page.html(shown(judged))


OTHERS = {"countries": "others", "at_least": 3}


@pytest.mark.parametrize(
    ("claim", "case", "verdict", "statistic"),
    [
        (GROUP | OTHERS, branch(groups="both,both,both,neither"), "reproduced", 0.75),
        (GROUP | OTHERS, branch(groups="both,both,both,not in panel"), "reproduced", 1.0),
        (GROUP | OTHERS, branch(groups="both,both,both,pole"), "reproduced", 1.0),
        (GROUP | OTHERS, branch(groups="both,both,pole,pole"), "not testable", None),
        (COURSES | OTHERS, coursing(GB=(UP, DOWN), DE=(UP, STILL), FR=(UP, UP)), "inconclusive", 2 / 3),
        (COURSES | OTHERS, coursing(GB=(UP, DOWN), DE=(UP, STILL)), "not testable", None),
        (TURN | OTHERS, turning(IN=(SD, SC), PL=(KD, KI), FR=(SD, KI), CN=(SD, None)), "reproduced", 1.0),
    ],
)
def test_others_are_all_countries_but_the_poles(claim, case, verdict, statistic):
    checking.check_claims([claim], "claims.yaml")
    row = judging.judge_branch([claim], case, "full", "max_entropy").row(0, named=True)
    assert (row["verdict"], row["statistic"]) == (verdict, statistic)


def test_others_stand_for_no_poles():
    with pytest.raises(StudyError, match="claim g: poles 'others'; allowed: a list"):
        checking.check_claims([GROUP | {"poles": "others", "group": "both"}], "claims.yaml")


def test_claims_on_trajectories_of_too_few_years_are_not_testable():
    case = branch(period=(2015, 2017), signal=frame(SIGNAL, {"channel": "collaboration", "pairs": 0}))
    row = judging.judge_branch([TREND], case, "full", "max_entropy").row(0, named=True)
    assert row["verdict"] == "not testable"
    assert row["why"] == "Trajectories need 10 years or more, and 2015-2017 has 3."


def test_statements_name_the_years_of_the_study():
    claim = TREND | {"statement": "From {first} to {last}, and in {recent}."}
    checked = checking.check_claims([claim], "claims.yaml")
    config = {"trajectories": {"first": 2010, "last": 2020}, "significance": {"first": 2020, "last": 2020}}
    [filled] = checking.with_years(checked, windows.words(config))
    assert filled == claim | {"statement": "From 2010 to 2020, and in 2020."}


@pytest.mark.parametrize("statement", ["In {year}.", "In {}.", "In {first", "In {first:4}.", "In {last!r}."])
def test_a_statement_with_other_braces_is_refused(statement):
    with pytest.raises(StudyError, match=re.escape("in braces only {first}, {last}, {recent}")):
        checking.check_claims([TREND | {"statement": statement}], "claims.yaml")


@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        ((2000, 2021), "White noise alone gives 0.5 over 22 years."),
        ((2010, 2020), "White noise alone gives 0.7 over 11 years."),
        ((2019, 2019), "There are no archetypes: trajectories need 10 years or more, and 2019 has 1."),
    ],
)
def test_the_page_names_the_years_of_the_noise(period, sentence):
    judged, basis, moved = (frame(kind) for kind in (CLAIMS, BASIS, ROBUSTNESS))
    content = page.content(judged, basis, moved, {}, [], {}, {}, frame(TIES), period, PAPER)
    assert sentence in content["about_basis"]


ROBUST = {"id": "r", "statement": "s", "kind": "robust", "nulls": ["one", "two"], "share": 0.8, "at_least": 1}


@pytest.mark.parametrize(
    ("second", "verdict", "statistic"),
    [
        ({}, "reproduced", 1.0),
        ({"ties": 13}, "inconclusive", 0.5),
        ({"ties": 13, "slope": (1.0, 0.5, 2.0)}, "contradicted", 0.0),
    ],
)
def test_a_claim_about_several_null_models_is_judged_once_for_each_variant(second, verdict, statistic):
    cases = {("full", "one"): branch(), ("full", "two"): branch(**second), ("other", "one"): branch()}
    judged = judge([ROBUST, TREND, COUNT, TREND | {"id": "x", "layer": "citation"}], cases)
    rows = judged.filter(claim="r").rows(named=True)
    assert [(row["variant"], row["null"]) for row in rows] == [("full", "all"), ("other", "all")]
    assert rows[0]["verdict"] == verdict
    assert rows[0]["statistic"] == pytest.approx(statistic)
    assert rows[1]["verdict"] == "not testable"
    assert judged["claim"][0] == "r"
    assert f"| r | {verdict} | {verdict} | not testable |" in page.markdown(shown(judged))


def test_claims_that_are_open_everywhere_agree_on_nothing():
    undecided = branch(slope=(0.0, -1.0, 1.0))
    decided = branch(ties=13)
    several = [TREND, COUNT, ROBUST]
    one = judge(several, {("full", null): undecided for null in ("one", "two")})
    assert one.filter(claim="r")["why"][0].startswith("1 of 1 decided claims")
    few = judge([TREND, COUNT, ROBUST | {"at_least": 2}], {("full", n): undecided for n in ("one", "two")})
    assert few.filter(claim="r")["why"][0] == (
        "The claim needs at least 2 other claims decided under one of these null models; there are 1."
    )
    none = {("full", null): undecided._replace(recent=decided.recent) for null in ("one", "two")}
    assert judge(several, none).filter(claim="r")["verdict"].to_list() == ["not testable"]


def test_choices_are_counted_where_they_alone_set_branches_apart():
    cases = {("full", "one"): branch(), ("full", "two"): branch(ties=13), ("few", "one"): branch(ties=5)}
    choices = {
        "full/one": {"null model": "one", "counting": "full"},
        "full/two": {"null model": "two", "counting": "full"},
        "few/one": {"null model": "one", "counting": "fractional"},
    }
    several = [TREND, COUNT, TREND | {"id": "x", "layer": "citation"}, ROBUST]
    judged = judge(several, cases)
    moved = robustness.changes(judged, stages(several), choices, apart(choices))
    tables.conform(moved, ROBUSTNESS)
    assert moved.filter(pl.col("comparisons") > 0).rows() == [
        ("t", "null model", 1, 0),
        ("t", "counting", 1, 0),
        ("c", "null model", 1, 1),
        ("c", "counting", 1, 1),
    ]
    # Results that branches share cannot differ, and say nothing of how firm a verdict is.
    shared = apart(choices) | {"few/one": dict.fromkeys(STAGES, "full/one")}
    moved_apart = robustness.changes(judged, stages(several), choices, shared)
    assert set(moved_apart.filter(choice="counting")["comparisons"]) == {0}
    assert moved_apart.filter(choice="null model").equals(moved.filter(choice="null model"))
    for render, cells in ((page.markdown, "| c | 1/1 | 1/1 |"), (page.html, "<td>1/1</td><td>1/1</td>")):
        text = " ".join(render(shown(judged, moved=moved, choices=choices)).split())
        assert "over all claims: null model 1 of 2, counting 1 of 2." in text
        assert cells in text
        assert "Which choice" not in render(shown(judged, moved=moved.with_columns(comparisons=0)))


def test_a_reader_is_told_what_the_data_are():
    assert page.caveat("demo", [1702], True) == page.MADE_UP
    assert "whether they are of research on AI" in page.caveat("networks", [1702], True)
    assert "another field" in page.caveat("works", None, True)
    assert "another field" in page.caveat("snapshot", [1707], True)
    assert page.caveat("snapshot", [1702], True) == page.caveat("snapshot", [1707], False) == ""


def test_the_shipped_claims_are_well_formed():
    shipped = checking.read_claims("config/claims.yaml", ROOT, {})
    assert len(shipped) >= 25
    assert {claim["kind"] for claim in shipped} == set(checking.kinds()), "every kind is used"


def test_every_kind_has_a_least_number():
    for name, kind in checking.kinds().items():
        assert "at_least" in kind.keys or ("at_least" in kind.optional and "countries" in kind.keys), name


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"claims": []}, "must be a list"),
        ([TREND | {"kind": "trendy"}], "claim t: kind 'trendy'; allowed: among, clusters, continents"),
        ([TREND | {"kind": ["trend"]}], r"claim t: kind \['trend'\]; allowed: among"),
        (
            [{key: value for key, value in TREND.items() if key != "pair"}],
            "claim t: missing key pair; needed: id, statement, kind, pair, layer, direction",
        ),
        ([TREND | {"share": 1}], "claim t: unknown key share; allowed: .*direction, at_least, least_slope"),
        ([{"kind": "trend"}], "claim number 1: missing key id, statement, pair"),
        ([TREND | {"id": 7}], "claim 7: id 7; allowed: text"),
        ([TREND | {"layer": "citations"}], "layer 'citations'; allowed: collaboration, citation"),
        ([TREND | {"direction": "down"}], "direction 'down'; allowed: rises, falls"),
        ([TREND | {"pair": ["US"]}], r"pair \['US'\]; allowed: two countries"),
        ([TREND, TREND], "claim t: another claim has this id"),
        ([GROUP | {"countries": [False, "SE"]}], r"claim g: countries False; .*in quotes, as 'NO'"),
        ([GROUP | {"countries": []}], r"countries \[\]; allowed: a list with at least one entry"),
        ([GROUP | {"countries": ["FR", "FR"]}], "none twice"),
        ([GROUP | {"countries": "FR"}], "countries 'FR'; allowed: a list"),
        (
            [GROUP | {"group": "only GB"}],
            "claim g: group 'only GB'; allowed: both, neither, only US, only CN$",
        ),
        ([GROUP | {"group": "US"}], "claim g: group 'US'; allowed: both, neither"),
        ([GROUP | {"share": 75}], "claim g: share 75; allowed: a number above 0, at most 1"),
        ([GROUP | {"at_least": 2.5}], "claim g: at_least 2.5; allowed: a whole number above 0"),
        ([COURSES | {"toward": {"US": "up"}}], "claim o: toward 'up'; allowed: rises, falls, not rises"),
        (
            [COURSES | {"toward": {"usa": "rises"}}],
            "claim o: toward 'usa'; allowed: a code of ISO 3166-1 ",
        ),
        ([COURSES | {"toward": ["US"]}], "allowed: a map with at least one entry"),
        ([AMONG | {"archetype": "Divergence"}], "claim a: archetype 'Divergence'; allowed: Scientific Conv"),
        ([POLAR | {"measure": "corelation"}], "claim p: measure 'corelation'; allowed: correlation"),
        ([ROBUST | {"nulls": [1]}], "claim r: nulls 1; allowed: text"),
        ([COUNT | {"expected": 0}], "claim c: expected 0; allowed: a number above 0"),
        ([COUNT | {"tolerance": True}], "claim c: tolerance True; allowed: a number above 0"),
        (
            [{key: value for key, value in COUNT.items() if key != "at_least"}],
            "claim c: missing key at_least; needed: .*tolerance, at_least",
        ),
        ([GROUP | {"at_least": 5}], "claim g: at_least 5; allowed: at most 4, as the claim counts no more"),
        ([AMONG | {"at_least": 4}], "claim a: at_least 4; allowed: at most 3, as the claim counts no more"),
        ([TREND | {"least_slope": "1e400"}], "claim t: least_slope '1e400'; allowed: a number above 0"),
        ([COUNT | {"at_least": "2.5e0"}], "claim c: at_least 2.5; allowed: a whole number above 0"),
        ([TREND | {"least_slope": -0.1}], "claim t: least_slope -0.1; allowed: a number above 0"),
    ],
)
def test_a_broken_list_of_claims_is_refused(broken, message):
    with pytest.raises(StudyError, match=message):
        checking.check_claims(broken, "claims.yaml")


@pytest.mark.parametrize(
    ("claim", "key", "spelling", "value"),
    [
        (COUNT, "expected", "4.6e1", 46),
        (COUNT, "expected", "46.0", 46),
        (COUNT, "tolerance", "2e-1", 0.2),
        (COUNT, "at_least", "2e1", 20),
        (TREND, "least_slope", "1e-1", 0.1),
        (COURSES, "share", "1e0", 1),
    ],
)
def test_numbers_of_a_claim_are_the_same_in_any_spelling(claim, key, spelling, value):
    written = yaml.safe_load(f"[{{{key}: {spelling}}}]")
    [read] = checking.check_claims([claim | written[0]], "claims.yaml")
    assert repr(read[key]) == repr(value)
    assert read == claim | {key: value}


def test_groups_of_three_poles_are_allowed_in_any_order():
    claim = GROUP | {"poles": ["US", "CN", "IN"]}
    for group in ("both", "only IN", "US+CN", "IN+US"):
        assert checking.check_claims([claim | {"group": group}], "claims.yaml")
    with pytest.raises(StudyError, match=r"group 'US\+CN\+IN'"):
        checking.check_claims([claim | {"group": "US+CN+IN"}], "claims.yaml")


@pytest.mark.parametrize(
    ("claim", "key"), [(TREND, "pair"), (GROUP, "poles"), (COUNT, "pole"), (TURN, "leaving")]
)
def test_a_claim_on_a_country_that_counts_as_another_is_refused(claim, key):
    code = claim[key] if isinstance(claim[key], str) else claim[key][0]
    with pytest.raises(
        StudyError, match=rf"claim .: {key} '{code}' counts as IE \(selection.merge\); allowed: countries"
    ):
        checking.check_claims([claim], "claims.yaml", {code: "IE"})
    assert checking.check_claims([claim], "claims.yaml", {"HK": "MO"}) == [claim]


def test_a_file_of_claims_that_is_missing_or_no_yaml_is_refused(tmp_path: Path):
    with pytest.raises(StudyError, match=r"claims: mine\.yaml: no such file"):
        checking.read_claims("mine.yaml", tmp_path, {})
    for content in (b"- {id: a", "- {id: \xe9t\xe9}".encode("latin-1")):
        (tmp_path / "mine.yaml").write_bytes(content)
        with pytest.raises(StudyError, match=r"mine\.yaml: not readable as YAML"):
            checking.read_claims("mine.yaml", tmp_path, {})


def test_claims_are_checked_without_libraries_that_take_long_to_import():
    code = (
        "import sys; from pathlib import Path; from poles.claims import checking; "
        "checking.read_claims('config/claims.yaml', Path.cwd(), {}); "
        "print({'polars', 'numpy', 'jinja2'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": "scripts"}, capture_output=True, text=True
    )
    assert answer.stdout == "set()\n", answer.stderr


@pytest.mark.parametrize("name", checking.kinds())
def test_what_is_read_of_a_kind_is_what_its_module_says(name):
    module = importlib.import_module(f"poles.claims.kinds.{name}")
    assert checking.kinds()[name] == (module.KEYS, module.OPTIONAL, module.STAGE)
    assert callable(module.judge)


def test_a_claim_on_an_archetype_can_name_each_of_them():
    assert sorted(checking.kinds()["among"].keys["archetype"]) == sorted(ARCHETYPES.values())


KIND = 'KEYS = {"k": "whole number"}\nOPTIONAL = {}\nSTAGE = "links"\ndef judge(claim, branch): ...\n'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("OPTIONAL = {}", ""), "must define as literals: OPTIONAL"),
        (("OPTIONAL = {}", "OPTIONAL = dict()"), "must define as literals: OPTIONAL"),
        (("def judge", "def judged"), "must define a function judge"),
        (('"links"', '"link"'), "STAGE 'link'; allowed: works, links, panel, trajectories, clusters, None"),
        (("whole number", "number"), "k: 'number'; allowed: text, country"),
        (('"whole number"', '{"country": "course"}'), "k: 'course'; allowed: text, country"),
    ],
)
def test_a_kind_that_lacks_something_is_refused(tmp_path: Path, change: tuple[str, str], message: str):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "mine.py").write_text(KIND)
    assert checking.kinds(tmp_path) == {"mine": ({"k": "whole number"}, {}, "links")}
    checking.kinds.cache_clear()
    (tmp_path / "mine.py").write_text(KIND.replace(*change))
    with pytest.raises(StudyError, match=rf"mine\.py: {message}"):
        checking.kinds(tmp_path)


def test_a_branch_without_pairs_or_clusters_tests_no_claim_that_needs_them():
    claims = checking.read_claims("config/claims.yaml", ROOT, {})
    stage = stages(claims)
    claims = [claim for claim in claims if stage[claim["id"]]]
    no_pair = branch(
        signal=frame(SIGNAL, {"channel": "collaboration", "pairs": 0}), members=frame(CLUSTERS),
        trends=frame(TRENDS), courses=frame(blocs_tables.COURSES),
        alignment=frame(alignment_table(POLES)), selection=frame(SELECTION),
    )  # fmt: skip
    of_no_pair = judging.judge_branch(claims, no_pair, "full", "max_entropy")
    rest = of_no_pair.filter(pl.col("why").str.starts_with("No pair is in the panel"))
    assert rest["verdict"].unique().to_list() == ["not testable"]
    assert set(rest["claim"]) == {name for name in stage if stage[name] in ("panel", "clusters")}
    assert (of_no_pair["verdict"] != "not testable").any()  # what rests on the scores alone is judged
    no_clusters = branch(members=frame(CLUSTERS), selection=frame(SELECTION))
    of_no_clusters = judging.judge_branch(claims, no_clusters, "full", "max_entropy")
    rest = of_no_clusters.filter(pl.col("why").str.contains("too few pairs for the clusters"))
    assert set(rest["claim"]) == {name for name in stage if stage[name] == "clusters"}
