"""Each kind of claim, driven to each of its verdicts."""

import polars as pl
import pytest
import yaml

from conftest import ROOT
from poles import claims, config, tables
from poles.errors import StudyError

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


def branch(
    slope=(-1.0, -2.0, -0.5), groups="both", ties=10, layers=("collaboration", "citation"), poles=("US", "CN")
):
    groups = dict(
        zip(["FR", "IT", "NL", "CA"], groups.split(",") if "," in groups else [groups] * 4, strict=True)
    )
    trends = [("CN", "US", "collaboration", *slope, 0.0), ("US", "CN", "collaboration", *slope, 0.0)]
    z = [("collaboration", "US", f"{n:02d}", 3.0 if n < ties else 1.0, 0.01, 5) for n in range(60)]
    return claims.Branch(
        layers,
        poles,
        pl.DataFrame(trends, schema=dict(tables.TRENDS.columns), orient="row"),
        pl.DataFrame(
            [(country, group, None, None) for country, group in groups.items()],
            schema=dict(tables.alignment(["US", "CN"]).columns),
            orient="row",
        ),
        pl.DataFrame(z, schema=["layer", "source", "target", "z", "q", "years"], orient="row"),
        2.0,
    )


@pytest.mark.parametrize(
    ("claim", "case", "verdict", "statistic"),
    [
        (TREND, branch(), "reproduced", -1.0),
        (TREND, branch(slope=(1.0, 0.5, 2.0)), "contradicted", 1.0),
        (TREND, branch(slope=(-1.0, -2.0, 0.5)), "inconclusive", -1.0),
        (TREND | {"direction": "rises"}, branch(), "contradicted", -1.0),
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
    ],
)
def test_verdicts(claim, case, verdict, statistic):
    row = claims.judge([claim], {("full", "max_entropy"): case}).row(0, named=True)
    assert row["verdict"] == verdict
    assert row["statistic"] == (None if statistic is None else pytest.approx(statistic))
    assert row["why"].endswith(".")


def test_the_page_shows_every_claim_in_every_branch():
    branches = {("full", "max_entropy"): branch(), ("fractional", "max_entropy"): branch(groups="neither")}
    judged = claims.judge([TREND, GROUP | {"statement": "They bridge."}], branches)
    tables.conform(judged, tables.CLAIMS)
    page = claims.page(judged)
    assert "2 claims in 2 branches" in page
    assert "3 reproduced, 1 contradicted" in page
    assert claims.MADE_UP not in page
    assert claims.MADE_UP in claims.page(judged, claims.MADE_UP)
    assert claims.MADE_UP in claims.html_page(judged, claims.MADE_UP)
    html = claims.html_page(judged)
    assert html.count("<b>reproduced</b>") == 3
    assert html.count("<b>contradicted</b>") == 1
    assert page.index("## They bridge.") < page.index(
        "| fractional | max_entropy | **contradicted** | 0 of 4"
    )


def test_a_reader_is_told_what_the_data_are():
    assert claims.caveat("demo", [1702]) == claims.MADE_UP
    assert "whether they are of research on AI" in claims.caveat("networks", [1702])
    assert "another field" in claims.caveat("works", None)
    assert "another field" in claims.caveat("snapshot", [1707])
    assert claims.caveat("snapshot", [1702]) == ""


def test_the_shipped_claims_are_well_formed():
    shipped = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    assert len(config.check_claims(shipped, "claims.yaml")) >= 8


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"claims": []}, "must be a list"),
        ([TREND | {"kind": "trendy"}], "claim t: kind 'trendy'; allowed: trend, group, significant"),
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
    ],
)
def test_a_broken_list_of_claims_is_refused(broken, message):
    with pytest.raises(StudyError, match=message):
        config.check_claims(broken, "claims.yaml")
