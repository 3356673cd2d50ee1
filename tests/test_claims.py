"""Each kind of claim, driven to each of its verdicts."""

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles.archetypes.names import UNNAMED
from poles.archetypes.tables import CLUSTERS, SELECTION, SIGNAL
from poles.blocs import tables as blocs_tables
from poles.blocs.tables import HUBS, POLARIZATION_TRENDS, TRENDS, alignment_table
from poles.claims import judging, robustness, verdicts
from poles.claims.tables import CLAIMS, ROBUSTNESS
from poles.errors import StudyError
from poles.study import config, tables

TREND = {
    "id": "t",
    "statement": "s",
    "kind": "trend",
    "pair": ["US", "CN"],
    "layer": "collaboration",
    "direction": "falls",
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


def trends(country: str, pole: str, slope: tuple, channels=BOTH) -> list[dict]:
    slope, low, high = slope
    named = {"country": country, "pole": pole, "slope": slope, "slope_low": low, "slope_high": high}
    named["growth_slope"] = -slope / 4
    return [named | {"channel": channel} for channel in channels]


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
    courses = [*trends("CN", "US", slope, ["collaboration"]), *trends("US", "CN", slope, ["collaboration"])]
    z = [("collaboration", "US", f"{n:02d}", 3.0 if n < ties else 1.0, 0.01, 5) for n in range(60)]
    aligned = [{"country": country, "group": group} for country, group in groups.items()]
    return verdicts.Branch(
        **{
            "layers": layers,
            "poles": poles,
            "trends": frame(TRENDS, *courses),
            "alignment": frame(alignment_table(POLES), *aligned),
            "significant": pl.DataFrame(
                z, schema=["layer", "source", "target", "z", "q", "years"], orient="row"
            ),
            "threshold": 2.0,
            "k": 4,
            "members": frame(CLUSTERS),
            "sizes": {},
            "polarization": frame(POLARIZATION_TRENDS),
            "hubs": frame(HUBS),
            "candidates": frame(blocs_tables.POLES),
            "selection": selected(4),
            "signal": frame(SIGNAL),
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
        for row in trends(country, pole, ((low + high) / 2, low, high), ["collaboration"])
    ]
    return branch(trends=frame(TRENDS, *rows))


def members(*pairs: tuple) -> pl.DataFrame:
    return frame(CLUSTERS, *({"source": a, "target": b, "archetype": name} for a, b, name in pairs))


def tied(*partners: str, pole: str = "CN", z: float = 3.0) -> verdicts.Branch:
    rows = [("collaboration", min(pole, p), max(pole, p), z, 0.01, 5) for p in partners]
    rows.append(("collaboration", "AA", pole, 0.0, 0.5, 5))
    return branch(
        significant=pl.DataFrame(rows, schema=["layer", "source", "target", "z", "q", "years"], orient="row")
    )


def polarized(low: float, high: float) -> verdicts.Branch:
    row = {
        "channel": "collaboration", "measure": "correlation", "poles": "US-CN", "slope": -0.5,
        "excess_slope": (low + high) / 2, "excess_low": low, "excess_high": high,
    }  # fmt: skip
    return branch(polarization=frame(POLARIZATION_TRENDS, row))


def hubs(statistic: float, p: float, among: float = -1.0) -> verdicts.Branch:
    row = {
        "region": "EU", "channel": "collaboration", "unit": "z", "large": ["DE", "FR"], "hubs": among,
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
    "share": 0.5,
}  # fmt: skip
NEAR = {
    "id": "n",
    "statement": "s",
    "kind": "neighbours",
    "pole": "CN",
    "layer": "collaboration",
    "share": 0.5,
}
WIDE = {
    "id": "w",
    "statement": "s",
    "kind": "continents",
    "pole": "US",
    "layer": "collaboration",
    "expected": 4,
}
POLAR = {
    "id": "p", "statement": "s", "kind": "polarization", "layer": "collaboration", "measure": "correlation",
    "direction": "falls",
}  # fmt: skip
HUB = {"id": "h", "statement": "s", "kind": "hub", "region": "EU", "layer": "collaboration"}
POLE = {"id": "e", "statement": "s", "kind": "pole", "country": "IN"}
FOUR = {"id": "f", "statement": "s", "kind": "clusters", "k": 4}
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
        (COUNT | {"layer": "citation"}, branch(layers=("collaboration",)), "not testable", None),
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
            branch(members=members(("CN", "XK", SD), ("IN", "US", SD)), sizes=LARGE),
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
        (WIDE, tied("JP", "FR", "NG", "BR", pole="US"), "reproduced", 4),
        (WIDE, tied("JP", "FR", pole="US"), "inconclusive", 2),
        (WIDE, tied("JP", pole="US"), "contradicted", 1),
        (POLAR, polarized(-0.4, -0.2), "reproduced", -0.3),
        (POLAR, polarized(0.2, 0.4), "contradicted", 0.3),
        (POLAR, polarized(-0.4, 0.2), "inconclusive", -0.1),
        (POLAR | {"measure": "modularity"}, polarized(-0.4, -0.2), "not testable", None),
        (POLAR | {"poles": ["CN", "US"]}, polarized(-0.4, -0.2), "reproduced", -0.3),
        (POLAR | {"poles": ["IN", "US"]}, polarized(-0.4, -0.2), "not testable", None),
        (HUB, hubs(1.5, 0.01), "reproduced", 1.5),
        (HUB, hubs(0.5, 0.01), "inconclusive", 0.5),
        (HUB, hubs(1.5, 0.01, among=0.1), "inconclusive", 1.5),
        (HUB, hubs(-0.5, 0.01), "contradicted", -0.5),
        (HUB, hubs(0.5, 0.2), "inconclusive", 0.5),
        (HUB | {"region": "Asia"}, hubs(0.5, 0.01), "not testable", None),
        (POLE, candidate(0.01, 1.0), "reproduced", 0.2),
        (POLE, candidate(1.0, 0.01), "contradicted", 0.2),
        (POLE, candidate(0.5, 0.5), "inconclusive", 0.2),
        (POLE | {"country": "BR"}, candidate(0.01, 1.0), "not testable", None),
        (FOUR, clustered(4), "reproduced", 4),
        (FOUR, clustered(3, 4), "reproduced", 4),
        (FOUR, clustered(3), "inconclusive", 3),
        (FOUR, clustered(4, 6), "inconclusive", 6),
        (FOUR, clustered(6), "contradicted", 6),
        (FOUR, clustered(), "inconclusive", None),
        (FOUR | {"k": 5}, clustered(4), "not testable", None),
    ],
)
def test_verdicts(claim, case, verdict, statistic):
    row = judging.judge([claim], {("full", "max_entropy"): case}).row(0, named=True)
    assert row["verdict"] == verdict
    assert row["statistic"] == (None if statistic is None else pytest.approx(statistic))
    assert row["why"].endswith(".")


def test_a_trend_stands_beside_that_of_growth_alone():
    def why(claim, slope):
        return judging.judge([claim], {("full", "max_entropy"): branch(slope=slope)})["why"][0]

    assert why(TREND, (0.0, -1.0, 1.0)) == "z changes by +0.00 a decade (95 % interval -1.00 to +1.00)."
    assert why(TREND | {"least_slope": 0.1}, (-1.0, -2.0, -0.5)) == (
        "z changes by -1.00 a decade (95 % interval -2.00 to -0.50; from 0.1 on it counts); "
        "had no affinity changed, by +0.25."
    )


def test_the_page_shows_every_claim_in_every_branch():
    branches = {("full", "max_entropy"): branch(), ("fractional", "max_entropy"): branch(groups="neither")}
    judged = judging.judge([TREND, GROUP | {"statement": "They bridge."}], branches)
    tables.conform(judged, CLAIMS)
    page = judging.page(judged)
    assert "2 claims in 2 branches" in page
    assert "3 reproduced, 1 contradicted" in page
    assert judging.MADE_UP not in page
    assert judging.MADE_UP in judging.page(judged, judging.MADE_UP)
    assert judging.MADE_UP in judging.html_page(judged, judging.MADE_UP)
    html = judging.html_page(judged)
    assert html.count("<b>reproduced</b>") == 3
    assert html.count("<b>contradicted</b>") == 1
    assert page.index("## They bridge.") < page.index(
        "| fractional | max_entropy | **contradicted** | 0 of 4"
    )


def test_the_page_says_what_archetypes_rest_on():
    rows = [
        {"channel": name, "pairs": 40, "signal": signal, "trendless": 9, "trendless_in_all": 7}
        for name, signal in (("citation", None), ("collaboration", 2.345))
    ]
    found = frame(SIGNAL, *rows)
    cases = {
        ("full", "one"): clustered()._replace(signal=found),
        ("full", "two"): clustered(4)._replace(signal=found),
    }
    choices = {f"full/{null}": {"null model": null, "k": 4} for null in ("one", "two")}
    lines = judging.basis(cases, choices)
    assert lines[-2:] == [
        "| full, one |  | 40 | collaboration 2.3 | 7 | none |",
        "| full, two | null model two | 40 | collaboration 2.3 | 7 | 4 |",
    ]


ROBUST = {"id": "r", "statement": "s", "kind": "robust", "nulls": ["one", "two"], "share": 0.8}


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
    judged = judging.judge([ROBUST, TREND, COUNT, TREND | {"id": "x", "layer": "citation"}], cases)
    rows = judged.filter(claim="r").rows(named=True)
    assert [(row["variant"], row["null"]) for row in rows] == [("full", "all"), ("other", "all")]
    assert rows[0]["verdict"] == verdict
    assert rows[0]["statistic"] == pytest.approx(statistic)
    assert rows[1]["verdict"] == "not testable"
    assert judged["claim"][0] == "r"
    assert f"| r | {verdict} | {verdict} | not testable |" in judging.page(judged)


def test_claims_that_are_open_everywhere_agree_on_nothing():
    undecided = branch(slope=(0.0, -1.0, 1.0))
    decided = branch(ties=13)
    several = [TREND, COUNT, ROBUST]
    one = judging.judge(several, {("full", null): undecided for null in ("one", "two")})
    assert one.filter(claim="r")["why"][0].startswith("1 of 1 decided claims")
    none = {("full", null): undecided._replace(significant=decided.significant) for null in ("one", "two")}
    assert judging.judge(several, none).filter(claim="r")["verdict"].to_list() == ["not testable"]


def test_choices_are_counted_where_they_alone_set_branches_apart():
    cases = {("full", "one"): branch(), ("full", "two"): branch(ties=13), ("few", "one"): branch(ties=5)}
    choices = {
        "full/one": {"null model": "one", "counting": "full"},
        "full/two": {"null model": "two", "counting": "full"},
        "few/one": {"null model": "one", "counting": "fractional"},
    }
    several = [TREND, COUNT, TREND | {"id": "x", "layer": "citation"}, ROBUST]
    judged = judging.judge(several, cases)
    moved = robustness.changes(judged, several, choices)
    tables.conform(moved, ROBUSTNESS)
    assert moved.filter(pl.col("comparisons") > 0).rows() == [
        ("t", "null model", 1, 0),
        ("t", "counting", 1, 0),
        ("c", "null model", 1, 1),
        ("c", "counting", 1, 1),
    ]
    # What is chosen after all that a claim rests on cannot move it, and says nothing of how firm it is.
    later = {name: {"k": own.pop("counting")} | own for name, own in choices.items()}
    assert set(robustness.changes(judged, several, later).filter(choice="k")["comparisons"]) == {0}
    assert robustness.moves("k", "group") and not robustness.moves("growth", "significant")
    assert robustness.moves("growth", "trend") and robustness.moves("window", "continents")
    page = judging.page(judged, more=robustness.summary(moved))
    assert "over all claims: null model 1 of 2, counting 1 of 2." in page
    assert "| c | 1/1 | 1/1 |" in page
    assert robustness.summary(moved.with_columns(comparisons=0)) == []


def test_a_reader_is_told_what_the_data_are():
    assert judging.caveat("demo", [1702]) == judging.MADE_UP
    assert "whether they are of research on AI" in judging.caveat("networks", [1702])
    assert "another field" in judging.caveat("works", None)
    assert "another field" in judging.caveat("snapshot", [1707])
    assert judging.caveat("snapshot", [1702]) == ""


def test_the_shipped_claims_are_well_formed():
    shipped = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    assert len(config.check_claims(shipped, "claims.yaml")) >= 25


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"claims": []}, "must be a list"),
        ([TREND | {"kind": "trendy"}], "claim t: kind 'trendy'; allowed: trend, courses, group"),
        (
            [{key: value for key, value in TREND.items() if key != "pair"}],
            "claim t: pair too many or missing",
        ),
        ([TREND | {"layer": "citations"}], "layer 'citations'; allowed: collaboration, citation"),
        ([TREND | {"direction": "down"}], "direction 'down'; allowed: rises, falls"),
        ([TREND, TREND], "claim t: this id stands twice"),
        ([GROUP | {"countries": [False, "SE"]}], r"claim g: country False; .*in quotes, as 'NO'"),
        (
            [GROUP | {"group": "only GB"}],
            "claim g: group 'only GB'; allowed: both, neither, only US, only CN",
        ),
        ([GROUP | {"share": 75}], "claim g: share 75; allowed: a number above 0, at most 1"),
        ([COUNT | {"expected": 0}], "claim c: expected 0; allowed: a number above 0"),
        ([TREND | {"least_slope": -0.1}], "claim t: least_slope -0.1; allowed: a number above 0"),
    ],
)
def test_a_broken_list_of_claims_is_refused(broken, message):
    with pytest.raises(StudyError, match=message):
        config.check_claims(broken, "claims.yaml")


@pytest.mark.parametrize("claim", [TREND, GROUP, COUNT])
def test_a_claim_on_a_country_that_counts_as_another_is_refused(claim):
    codes = [*claim.get("pair", []), *claim.get("countries", []), claim.get("pole", "US")]
    for code in codes:
        with pytest.raises(StudyError, match=rf"claim .: country '{code}' counts as IE \(selection.merge\)"):
            config.check_claims([claim], "claims.yaml", {code: "IE"})
    assert config.check_claims([claim], "claims.yaml", {"HK": "MO"}) == [claim]
