"""The study on real data: published networks and genuine OpenAlex records, against independent counts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from conftest import ROOT
from poles.archetypes.null_panels import sample_null_panels
from poles.blocs.tables import alignment_table
from poles.claims import ties
from poles.claims.tables import CLAIMS
from poles.corpus import passes, selection
from poles.corpus.tables import COUNTS, KEPT, WORKS
from poles.networks import edge_lists
from poles.networks.construction import build
from poles.nulls import fitting, scores
from poles.nulls.tables import DIAGNOSTICS
from poles.stats import trends
from poles.study import tables
from poles.trajectories.construction import build_panel, expected_weights
from workflow import Project

EVERYTHING = {
    "types": None, "countries": "listed", "merge": {}, "authors": "all", "institution_types": None,
    "max_countries": None, "min_topic_score": None, "most_cited": None,
    "retracted": True, "paratext": True, "xpac": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Scores of the world's collaboration in all fields, 2000-2021, under max_entropy."""
    folder = tmp_path_factory.mktemp("world")
    years = range(2000, 2022)
    file = shared_data("world-collaboration/collaboration.csv.gz")
    for year, links in edge_lists.read_links(file, "collaboration", years).items():
        links.write_parquet(folder / f"{year}.parquet")
    moments, diagnostics = fitting.fit_years("max_entropy", folder.glob("*.parquet"), "collaboration", {})
    assert diagnostics["residual"].max() < 1e-9
    return scores.score(moments)


def test_the_link_of_the_poles_falls_in_the_world_of_all_fields(world: pl.DataFrame):
    pair = world.filter((pl.col("source") == "CN") & (pl.col("target") == "US")).sort("year")
    z = dict(pair.select("year", "z").iter_rows())
    # Values of an independent implementation, to the fourth digit.
    assert z[2010] == pytest.approx(0.4008, abs=5e-5)
    assert z[2021] == pytest.approx(-0.3431, abs=5e-5)
    trend = trends.estimate(pair["z"].to_numpy()[None])
    assert trend.low[0] < trend.high[0] < 0


def test_the_numbers_of_ties_hang_on_the_threshold_and_the_countries(world: pl.DataFrame):
    recent = world.filter(pl.col("year") >= 2017, pl.col("z").is_not_null())
    sizes = {}
    for end in ("source", "target"):
        for country, weight in world.group_by(end).agg(pl.col("observed").sum()).iter_rows():
            sizes[country] = sizes.get(country, 0) + weight
    # The claims read these results alone.
    branch = SimpleNamespace(
        layers=["collaboration"], threshold=2, panel=[], sizes=sizes,
        recent=scores.recent_links({"collaboration": world}, 2017, 2021),
    )  # fmt: skip
    stated = {}
    for pole, expected in (("US", 46), ("CN", 17)):
        claim = {"pole": pole, "layer": "collaboration", "expected": expected, "tolerance": 0.2}
        counts = ties.scan(claim, branch)
        stated[pole] = counts.filter("stated")["partners"].item()
        for countries, threshold, counted in counts.select("countries", "threshold", "partners").iter_rows():
            # By hand: the mean of z over the years that have one, more than half of the five.
            z = {}
            for source, target, value in recent.select("source", "target", "z").iter_rows():
                if pole in (source, target):
                    z.setdefault(target if source == pole else source, []).append(value)
            partners = [c for c, v in z.items() if len(v) > 2 and sum(v) / len(v) > threshold]
            if countries == "largest":
                partners = [c for c in partners if c in sorted(sizes, key=sizes.get)[-60:]]
            assert counted == (0 if countries == "panel" else len(partners)), (pole, countries, threshold)
    assert stated == {"US": 209, "CN": 41}


@pytest.mark.slow
def test_pairs_that_expect_little_drift_in_networks_drawn_from_the_null_model(world: pl.DataFrame):
    layers = {"collaboration": world}
    panel, _ = build_panel(layers, 2000, 2021, "mean", "noise_units", 0.0, 0.8)
    sampled = sample_null_panels(layers, panel, "max_entropy", {}, panels=2, seed=1)
    z = sampled.sort("panel", "source", "target", "year")["z_collaboration"].to_numpy()
    has_trend = (trends.estimate(z.reshape(-1, 22)).p < 0.05).reshape(2, -1).mean(axis=0)
    expected = panel.pairs.join(
        expected_weights(layers, 2000, 2021), on=["source", "target"], how="left", maintain_order="left"
    )["size"].to_numpy()
    bands = {(0.1, 0.3): 0.6, (0.3, 1): 0.29, (1, 2): 0.09, (2, 3): 0.05, (3, 5): 0.03, (5, 10): 0.03}
    shares = {(low, high): has_trend[(expected >= low) & (expected < high)].mean() for low, high in bands}
    # Processors round differently and so draw other networks, whose shares differ by some hundredths.
    for band, share in shares.items():
        assert share == pytest.approx(bands[band], abs=0.01 + 0.04 * bands[band]), band
    followed, _ = build_panel(layers, 2000, 2021, "mean", "noise_units", None, 0.8, min_expected=3)
    assert (len(followed.ends), len(panel.ends)) == (9255, 23631)


@pytest.fixture(scope="module")
def medicine(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Works tables of 7,518 genuine records, every one of them in the field."""
    folder = tmp_path_factory.mktemp("medicine")
    file = str(shared_data("openalex-works/works_reduced.jsonl.gz"))
    core, counts = passes.find_core([file], None)
    records = pl.concat(passes.read_works([file], [0], core["work_id"], None))
    tables.write(records, KEPT, folder / "records.parquet", {})
    tables.write(counts, COUNTS, folder / "counts.parquet", {})
    paths = []

    def save(year: int, works: pl.DataFrame) -> None:
        paths.append(folder / f"{year}.parquet")
        tables.write(works, WORKS, paths[-1], {})

    files = [folder / "records.parquet"], [folder / "counts.parquet"]
    selection.select_works(*files, range(1951, 2023), EVERYTHING, save)
    return paths


def test_genuine_records_give_the_networks_of_an_independent_count(medicine: list[Path]):
    layers = {"collaboration": [], "citation": []}
    for _, links, _ in build(medicine, "full"):
        for layer, frame in links.items():
            layers[layer].append(frame)
    total = {
        layer: pl.concat(frames).group_by("source", "target").agg(pl.col("weight").sum())
        for layer, frames in layers.items()
    }
    other = pl.col("source") != pl.col("target")
    collaboration = total["collaboration"].filter(other)
    assert (len(collaboration), collaboration["weight"].sum()) == (1113, 4401)
    citation = total["citation"]
    assert (len(citation), citation["weight"].sum()) == (2607, 47986)
    assert citation.filter(other)["weight"].sum() == 41317


def run_elsewhere(folder: Path, settings: str) -> Path:
    """Run the project's workflow in a folder of its own, on a configuration of its own."""
    folder.mkdir()
    few = "{max_k: 5, resamples: 1, headline_resamples: 2, surrogate_panels: 2, surrogate_resamples: 1}"
    (folder / "own.yaml").write_text(f"{settings}\nstability: {few}\nrun: {{variants: [full]}}\n")
    place = ("--directory", str(folder), "--configfile", str(folder / "own.yaml"))
    answer = Project(ROOT).snakemake(*place)
    assert answer.returncode == 0, answer.stderr[-6000:]
    return folder / "results"


@pytest.mark.slow
def test_a_sparse_network_with_empty_years_runs_through(shared_data: Callable[[str], Path], tmp_path: Path):
    file = shared_data("nlp-papers/derived_location_june_collab.csv")
    results = run_elsewhere(
        tmp_path / "nlp",
        f"""
years: {{first: 1952, last: 2021}}
source: {{kind: networks, networks: {{collaboration: {file}}}}}
trajectories: {{first: 2000, panel: {{min_strength: 20, min_share: 0.5}}}}
""",
    )
    diagnostics = tables.read(
        results / "full/collaboration/nulls/max_entropy.diagnostics.parquet", DIAGNOSTICS
    )
    assert len(diagnostics) == 70
    empty = diagnostics.filter(pl.col("nodes") == 0)
    assert len(empty) > 0
    assert empty["note"].unique().to_list() == ["no links between countries"]
    assert diagnostics["residual"].max() < 1e-9
    log = (results / "logs/full/collaboration/fit_null.max_entropy.log").read_text()
    assert "collaboration 1953: no links between countries" in log
    claims = tables.read(results / "claims.parquet", CLAIMS)
    needs_citation = claims.filter(pl.col("claim").is_in(["poles_diverge_citation", "bridges"]))
    assert set(needs_citation["claim"]) == {"poles_diverge_citation", "bridges"}
    assert set(needs_citation["verdict"]) == {"not testable"}


@pytest.mark.slow
def test_other_poles_in_a_smaller_world(shared_data: Callable[[str], Path], tmp_path: Path):
    file = shared_data("europe-collaboration/collaboration.csv.gz")
    results = run_elsewhere(
        tmp_path / "europe",
        f"""
poles: [DE, GB]
source: {{kind: networks, networks: {{collaboration: {file}}}}}
trajectories: {{panel: {{min_strength: 2000}}}}
""",
    )
    aligned = tables.read(results / "full/alignment/max_entropy.parquet", alignment_table(["DE", "GB"]))
    assert aligned.filter(pl.col("group") == "pole")["country"].to_list() == ["DE", "GB"]
    assert len(aligned) > 20
    claims = tables.read(results / "claims.parquet", CLAIMS).filter(variant="full", null="max_entropy")
    of_collaboration = claims.filter(pl.col("claim").str.ends_with("_collaboration"))
    assert len(of_collaboration) == 7
    assert "not testable" not in of_collaboration["verdict"].to_list()
