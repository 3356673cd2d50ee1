"""Studies of few years: periods that follow the years, scores of any year, and what is told of the rest."""

import copy
import json
import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poles.claims.tables import CLAIMS
from poles.claims.verdicts import NOT_TESTABLE, REPRODUCED
from poles.nulls.scores import recent_links
from poles.nulls.tables import SCORES
from poles.stats import trends
from poles.study import run_warnings, settings, tables, windows
from poles.trajectories.construction import build_panel
from poles.trajectories.preprocessing import noise_of_series
from poles.trajectories.tables import EXCLUDED
from workflow import Project

CODES = ("CA", "CN", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "KR", "NL", "US")
UNSET = {"first": None, "last": None}


def settled(years: tuple[int, int], trajectories: dict = UNSET, significance: dict = UNSET) -> dict:
    """Periods of a configuration, after those that are null were filled in."""
    config = {
        "years": dict(zip(("first", "last"), years, strict=True)),
        "trajectories": UNSET | trajectories,
        "significance": UNSET | significance,
    }
    windows.settle(config)
    return config


def edge_list(first: int, last: int) -> pl.DataFrame:
    """Yearly counts between twelve countries. Those of the United States and China fall by the year."""
    rng = np.random.default_rng(1)
    size = np.arange(1, len(CODES) + 1)
    rows = []
    for year in range(first, last + 1):
        for a, b in zip(*np.triu_indices(len(CODES), 1), strict=True):
            fall = 0.85 ** (year - first) if {CODES[a], CODES[b]} == {"CN", "US"} else 1
            rows.append((year, CODES[a], CODES[b], int(rng.poisson(2 * fall * size[a] * size[b]))))
    return pl.DataFrame(rows, ["year", "source", "target", "weight"], orient="row")


@pytest.mark.parametrize(
    ("years", "set_by_user", "trajectories", "recent"),
    [
        ((1990, 2023), {}, (2000, 2021), (2017, 2021)),
        ((2010, 2020), {}, (2010, 2020), (2016, 2020)),
        ((1950, 1999), {}, (1950, 1999), (1995, 1999)),
        ((1990, 2024), {}, (1990, 2024), (2020, 2024)),
        ((2015, 2017), {}, (2015, 2017), (2015, 2017)),
        ((2019, 2019), {}, (2019, 2019), (2019, 2019)),
        ((1990, 2023), {"trajectories": {"last": 2015}}, (2000, 2015), (2011, 2015)),
        ((2000, 2024), {"trajectories": {"first": 2005}}, (2005, 2024), (2020, 2024)),
        ((2000, 2024), {"significance": {"first": 2010}}, (2000, 2024), (2010, 2024)),
        ((2000, 2024), {"significance": {"last": 2002}}, (2000, 2024), (2000, 2002)),
    ],
)
def test_periods_follow_the_years_unless_they_are_set(years, set_by_user, trajectories, recent):
    config = settled(years, **set_by_user)
    assert tuple(config["trajectories"].values()) == trajectories
    assert tuple(config["significance"].values()) == recent


@given(st.integers(1800, 2100), st.integers(0, 300))
def test_periods_lie_within_the_years_and_are_settled_once(first, more):
    config = settled((first, first + more))
    for key in ("trajectories", "significance"):
        assert first <= config[key]["first"] <= config[key]["last"] <= first + more
    again = copy.deepcopy(config)
    windows.settle(again)
    assert again == config


def test_the_defaults_are_the_years_of_the_paper():
    years = settings.Years().model_dump()
    windows.settle(config := {"years": years, "trajectories": UNSET | {}, "significance": UNSET | {}})
    assert config["years"] == windows.LONG
    assert settled((1990, 2023))["trajectories"] == windows.PAPER


@pytest.mark.parametrize("last", [2015, 2017, 2023])
def test_a_panel_of_too_few_years_has_no_pair_and_says_why(last, caplog):
    links = edge_list(2015, last)
    rows = [(y, a, b, float(w), 0.0, 1.0, 1.0, 0.5, 0.5) for y, a, b, w in links.iter_rows()]
    layers = {"collaboration": pl.DataFrame(rows, dict(SCORES.columns), orient="row")}
    with caplog.at_level(logging.WARNING):
        panel, excluded = build_panel(layers, 2015, last, "mean", "noise_units", 0.0, 0.8, "removed")
    assert panel.is_empty
    reason = windows.too_short(2015, last)
    assert reason.startswith("trajectories need 10 years or more, and 2015")
    assert reason in caplog.text
    assert tables.conform(excluded, EXCLUDED)["reason"].to_list() == [reason] * 66
    assert len(recent_links(layers, max(2015, last - 4), last)) == 66


def test_ten_years_are_enough():
    assert not windows.too_short(2011, 2020)
    assert windows.too_short(2012, 2020) == "trajectories need 10 years or more, and 2012-2020 has 9"


@pytest.mark.parametrize("years", [10, 11, 22, 34])
def test_the_change_of_white_noise_is_what_drawn_noise_shows(years):
    z = np.random.default_rng(1).normal(size=(4000, years, 1))
    change = np.abs(trends.theil_sen(z[:, :, 0])) * (years - 1)
    expected = trends.change_of_white_noise(years)
    assert np.median(change) == pytest.approx(expected, rel=0.06)
    assert np.median(change / noise_of_series(z)[:, 0]) == pytest.approx(expected, rel=0.12)


CONFIG = """
years: {{first: {first}, last: {last}}}
source: {{kind: networks, networks: {{collaboration: collaboration.csv}}}}
run: {{variants: [full], nulls: [max_entropy]}}
stability: {{max_k: 4, resamples: 1, headline_resamples: 1, surrogate_panels: 2, surrogate_resamples: 1}}
"""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Results of a study of one year and of one of eleven years, from one edge list."""
    project = Project.copy(tmp_path_factory.mktemp("small") / "project")
    edge_list(2010, 2020).write_csv(project.folder / "collaboration.csv")
    made = {}
    for name, first in (("one", 2020), ("eleven", 2010)):
        (project.folder / "small.yaml").write_text(CONFIG.format(first=first, last=2020))
        project.run("--configfile", "small.yaml")
        made[name] = project.folder / name
        (project.folder / "results").rename(made[name])
    return made


@pytest.mark.slow
def test_studies_of_one_and_of_eleven_years_give_the_same_scores(studies):
    path = "full/collaboration/scores/max_entropy.parquet"
    one, eleven = (tables.read(studies[name] / path, SCORES) for name in ("one", "eleven"))
    assert set(one["year"]) == {2020} and set(eleven["year"]) == set(range(2010, 2021))
    assert len(one) == 66
    assert one.equals(eleven.filter(year=2020))


@pytest.mark.slow
def test_every_sentence_names_the_years_that_were_used(studies):
    claims = {name: (folder / "claims.md").read_text() for name, folder in studies.items()}
    assert "The United States and China have diverged in collaboration since 2010." in claims["eleven"]
    assert "In 2016-2020 the United States have" in claims["eleven"]
    assert "0.7 over 11 years" in claims["eleven"]
    assert "holds pairs with a mean yearly expected weight of at least 3 in every layer." in claims["eleven"]
    assert "In 2020 the United States have" in claims["one"]
    assert "Trajectories need 10 years or more, and 2020 has 1." in claims["one"]
    for text in claims.values():
        assert not any(year in text for year in ("2000", "2017", "2021", "22 years"))


@pytest.mark.slow
def test_a_study_of_one_year_judges_ties_alone_and_draws_no_empty_figure(studies):
    judged = {
        name: tables.read(folder / "claims.parquet", CLAIMS).filter(null="max_entropy")
        for name, folder in studies.items()
    }
    testable = judged["one"].filter(pl.col("verdict") != NOT_TESTABLE)["claim"].to_list()
    assert set(testable) <= {
        "us_significant_ties", "china_significant_ties", "us_ties_across_continents", "china_ties_nearby"
    }  # fmt: skip
    trend = judged["eleven"].filter(claim="poles_diverge_collaboration").row(0, named=True)
    assert trend["verdict"] == REPRODUCED, "the link falls by 15 % a year"
    figures = {
        name: {path.stem for path in (folder / "figures").rglob("*.svg")} for name, folder in studies.items()
    }
    of_panel = {"archetypes", "selection", "alignment", "map_alignment", "poles", "polarization", "hubs"}
    of_panel |= {"matrix", "sides"}
    assert figures["eleven"] - figures["one"] == of_panel
    of_links = {"strong_links", "trajectories", "partners", "diagnostics", "nulls"}
    assert of_links | {"world", "specification"} <= figures["one"]
    jobs = {path.name.split(".")[0] for path in (studies["one"] / "logs").rglob("*.log")}
    assert jobs == {
        "read_networks", "check_countries", "measure_indices", "fit_null", "score_links", "judge_branch",
        "collect_claims", "plot_links", "plot_first_link", "plot_study", "write_tables", "write_explorer",
        "write_pages",
        "audit_results",
    }  # fmt: skip
    warnings = json.loads((studies["one"] / run_warnings.WARNINGS.name).read_text())
    assert any(
        text.startswith("trajectories need 10 years or more") for texts in warnings.values() for text in texts
    )
