"""The bootstrap over works: weights, counts, fits of all draws, and intervals that hold what they should."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from poles.corpus.tables import WORKS
from poles.networks import resampling
from poles.networks.construction import build
from poles.networks.indices import indices
from poles.networks.tables import index_intervals
from poles.nulls import fitting, refits, uncertainty
from poles.nulls.network import Network
from poles.nulls.tables import Z_INTERVALS
from poles.study import tables

CODES = ["BR", "CN", "DE", "FR", "NA", "US"]


def write(folder, sets, year=2000, references=None, core=None, ids=None, order=None):
    """Write works of one year with these countries."""
    rows = [
        (ids[n] if ids else 1000 * year + n, year, "article", core[n] if core else True, sorted(codes), 3,
         references[n] if references else [])
        for n, codes in enumerate(sets)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict(WORKS.columns), orient="row")
    path = folder / f"{year}.parquet"
    frame = frame if order is None else frame[order]
    frame.write_parquet(path)
    return path


def random_works(seed, works=60):
    """Countries, references and field of random works."""
    rng = np.random.default_rng(seed)
    sets = [rng.choice(CODES, rng.integers(0, 5), replace=False).tolist() for _ in range(works)]
    cited = [rng.choice(works, rng.integers(0, 6), replace=False) for _ in range(works)]
    references = [[2_000_000 + int(n) for n in numbers] for numbers in cited]
    return sets, references, (rng.random(works) < 0.8).tolist()


def test_the_weights_are_poisson_numbers_of_the_id_alone():
    assert np.allclose(resampling.CUMULATIVE, poisson.cdf(np.arange(20), 1))
    ids = np.arange(4_400_000_000, 4_400_020_000)
    weights = resampling.poisson_weights(ids, 30, 1)
    counted = np.bincount(weights.astype(int).ravel(), minlength=6)[:6] / weights.size
    assert np.allclose(counted, poisson.pmf(np.arange(6), 1), atol=4 * 0.5 / weights.size**0.5)
    # Neither draws nor neighbouring ids hang together; the largest of 435 correlations is below 5 errors.
    assert abs(np.corrcoef(weights.T)[np.triu_indices(30, 1)]).max() < 5 / len(ids) ** 0.5
    assert abs(np.corrcoef(weights[1:].ravel(), weights[:-1].ravel())[0, 1]) < 5 / weights.size**0.5
    assert (resampling.poisson_weights(ids[::-7], 4, 1) == weights[::-7, :4]).all()
    assert (resampling.poisson_weights(ids, 4, 2) != weights[:, :4]).mean() > 0.5


@pytest.mark.parametrize("counting", ["full", "fractional"])
@pytest.mark.parametrize("window", [None, 0])
def test_every_draw_counts_works_by_their_weights(tmp_path, counting, window):
    sets, references, core = random_works(1)
    later, _, _ = random_works(2)
    path = write(tmp_path, sets, 2000, references, core)
    # Works of the next year cite those of the first, too old for the window of 0.
    files = [path, write(tmp_path, later, 2001, references, core)]
    drawn = list(resampling.resample(files, counting, window, 6, 3))
    for counts, (year, links, _), own in zip(
        drawn, build(files, counting, window), (sets, later), strict=True
    ):
        assert counts.year == year
        weights = np.hstack([
            np.ones((len(own), 1)),
            resampling.poisson_weights(1000 * year + np.arange(len(own)), 6, 3),
        ])  # fmt: skip
        expected = {layer: np.zeros((7, 6, 6)) for layer in links}
        place = CODES.index
        for work, codes in enumerate(own):
            fraction = 1.0
            for a in codes if core[work] else []:
                for b in codes:
                    if counting == "fractional":
                        n = len(codes)
                        fraction = 1 / n if a == b else 2 / (n * (n - 1))
                    expected["collaboration"][:, place(a), place(b)] += fraction * weights[work]
            for reference in references[work]:
                cited = sets[reference - 2_000_000]
                if not core[reference - 2_000_000] or (window == 0 and year == 2001):
                    continue
                for a in codes:
                    for b in cited:
                        share = 1 if counting == "full" else 1 / (len(codes) * len(cited))
                        expected["citation"][:, place(a), place(b)] += share * weights[work]
        present = [place(code) for code in counts.codes]
        for layer, frame in links.items():
            assert np.allclose(counts.links[layer], expected[layer][:, present][:, :, present])
            # The first one is what the study counts.
            for a, b, weight in frame.iter_rows():
                pair = counts.codes.index(a), counts.codes.index(b)
                assert counts.links[layer][(0, *pair)] == pytest.approx(weight)
        shared = [work for work, codes in enumerate(own) if len(codes) > 1 and core[work]]
        assert np.allclose(counts.world_international, weights[shared].sum(axis=0))
        for code in counts.codes:
            of_country = [work for work in shared if code in own[work]]
            found = counts.international[:, counts.codes.index(code)]
            assert np.allclose(found, weights[of_country].sum(axis=0))


def test_the_variance_of_a_count_is_the_sum_of_squared_contributions(tmp_path):
    # 40 citing works of the United States, of which each cites between 0 and 8 works of China.
    rng = np.random.default_rng(5)
    cited = rng.integers(0, 9, 40)
    sets = [["US"]] * 40 + [["CN"]] * 8
    references = [[2_000_040 + n for n in range(k)] for k in cited] + [[]] * 8
    (counts,) = resampling.resample([write(tmp_path, sets, 2000, references)], "full", None, 4000, 1)
    pair = counts.codes.index("US"), counts.codes.index("CN")
    totals = counts.links["citation"][(slice(1, None), *pair)]
    assert counts.links["citation"][(0, *pair)] == cited.sum()
    # The standard error of a variance is some sqrt(2 / draws) of it, and that of the mean follows from it.
    assert totals.var() == pytest.approx((cited**2).sum(), rel=5 * (2 / 4000) ** 0.5)
    assert totals.mean() == pytest.approx(cited.sum(), abs=5 * ((cited**2).sum() / 4000) ** 0.5)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=15, deadline=None)
def test_fits_of_many_networks_are_those_of_each(seed, directed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 12))
    sizes = rng.lognormal(2, 1.5, n)
    rates = np.outer(sizes, sizes) / sizes.sum()
    weights = rng.poisson(rates, (6, n, n)).astype(float) * ~np.eye(n, dtype=bool)
    if not directed:
        weights = np.triu(weights, 1)
        weights += weights.swapaxes(1, 2)
    layer = "citation" if directed else "collaboration"
    for null, (expected, std) in refits.moments(list(refits.LAWS), weights, directed).items():
        for number, w in enumerate(weights):
            active = (w.sum(axis=0) + w.sum(axis=1)) > 0
            inside = np.ix_(active, active)
            fitted = np.isfinite(std[number][inside])
            assert not np.isfinite(expected[number][~active]).any()
            if not fitted.any():
                continue
            names = tuple(f"{place:02}" for place in np.flatnonzero(active))
            single = fitting.fit_network(null, Network(2000, layer, names, w[inside], directed), {})
            # Strengths to a millionth give expected weights and variances to some ten thousandths.
            scale = w.sum() * 1e-6
            close = {"rtol": 1e-3, "atol": scale}
            assert np.allclose(expected[number][inside][fitted], single.expected[fitted], **close)
            assert np.allclose(std[number][inside][fitted], single.std[fitted], rtol=1e-2, atol=1e-3)


def test_quantiles_leave_out_draws_without_a_value():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(50, 30))
    draws[rng.random(draws.shape) < 0.2] = np.nan
    draws[:, 0] = np.nan
    draws[:30, 1] = np.nan
    low, high, number = uncertainty.quantiles(draws)
    ends = np.nanquantile(draws[:, 2:], [0.025, 0.975], axis=0, method="weibull")
    assert np.allclose([low[2:], high[2:]], ends)
    assert (number == np.isfinite(draws).sum(axis=0)).all()
    assert np.isnan(low[:2]).all()
    assert np.isnan(high[:2]).all()


@pytest.mark.parametrize("number", [39, 100])
def test_intervals_hold_95_percent_of_a_distribution_on_average(number):
    # Draws from 0 to 1 in equal shares: the width of an interval is what it holds.
    low, high, _ = uncertainty.quantiles(np.random.default_rng(1).random((number, 20_000)))
    held = high - low
    assert held.mean() == pytest.approx(0.95, abs=5 * held.std() / len(held) ** 0.5)


def test_the_order_of_works_changes_no_interval(tmp_path):
    sets, references, core = random_works(7)
    frames = []
    for name, order in (("one", None), ("two", np.random.default_rng(0).permutation(len(sets)).tolist())):
        (tmp_path / name).mkdir()
        file = write(tmp_path / name, sets, 2000, references, core, order=order)
        z, plain = uncertainty.measure([file], "fractional", None, ["max_entropy"], 20, 1)
        frames.append((tables.conform(z, Z_INTERVALS), tables.conform(plain, index_intervals())))
    for first, second in zip(*frames, strict=True):
        assert first.equals(second)


def test_intervals_hold_the_observed_values_and_say_what_has_none(tmp_path):
    sets, references, core = random_works(9, works=400)
    file = write(tmp_path, sets, 2000, references, core)
    nulls = ["max_entropy", "local_rewiring"]
    z, plain = uncertainty.measure([file], "full", None, nulls, 100, 1)
    without = z.filter(null="local_rewiring")
    assert without["note"].unique().to_list() == [refits.WITHOUT["local_rewiring"]]
    assert without["z_low"].is_null().all()
    assert without["draws"].sum() == 0
    z = z.filter(null="max_entropy")
    assert z["draws"].min() == 100
    ((_, links, countries),) = build([file], "full")
    for layer, frame in links.items():
        network = fitting.network_of(frame, 2000, layer)
        moments = fitting.fit_network("max_entropy", network, {})
        scored = fitting.tabulate(network, moments).with_columns(
            z=(pl.col("observed") - pl.col("expected")) / pl.col("std")
        )
        both = z.filter(layer=layer).join(scored, on=["source", "target"])
        assert len(both) == len(scored) == len(z.filter(layer=layer))
        assert both.select(pl.col("z").is_between("z_low", "z_high").all()).item()
    world = sum(len(codes) > 1 and field for codes, field in zip(sets, core, strict=True))
    observed = indices(2000, links, countries, world).join(plain, on=["year", "source", "target"])
    assert len(observed) == len(plain) == 15
    for name in ("affinity", "salton", "jaccard", "collaboration_index", "citation_affinity_in"):
        assert observed.select(pl.col(name).is_between(f"{name}_low", f"{name}_high").all()).item(), name
    assert [len(table) for table in uncertainty.measure([file], "full", None, nulls, 0, 1)] == [0, 0]


def test_years_without_works_or_without_links_have_no_interval(tmp_path):
    files = [write(tmp_path, [], 2000), write(tmp_path, [["US"], ["CN"]], 2001)]
    z, plain = uncertainty.measure(files, "full", None, ["max_entropy"], 5, 1)
    assert z.is_empty()
    assert plain.select("source", "target", "affinity_low").rows() == [("CN", "US", None)]


def test_intervals_cover_the_planted_z_of_a_link(tmp_path):
    # Each year is another sample of works from the same rates.
    rng = np.random.default_rng(11)
    groups = [
        "US CN", "US DE", "CN DE", "US FR", "DE FR", "BR US", "BR FR", "CN NA", "NA US", "CN DE US",
        "DE FR NA",
    ]  # fmt: skip
    rates = [60, 90, 25, 70, 40, 30, 12, 15, 20, 20, 10]
    groups = [group.split() for group in groups]
    files = []
    for year in range(1001, 1161):
        numbers = rng.poisson(rates)
        sets = [group for group, number in zip(groups, numbers, strict=True) for _ in range(number)]
        files.append(write(tmp_path, sets, year))
    nulls = ["max_entropy", "variance_corrected"]
    z, _ = uncertainty.measure(files, "full", None, nulls, 100, 1)
    weights = np.zeros((6, 6))
    for group, rate in zip(groups, rates, strict=True):
        for a in group:
            for b in set(group) - {a}:
                weights[CODES.index(a), CODES.index(b)] += rate
    network = Network(2000, "collaboration", tuple(CODES), weights, False)
    for null in nulls:
        moments = fitting.fit_network(null, network, {})
        for pair in (("CN", "US"), ("DE", "FR")):
            place = tuple(map(CODES.index, pair))
            planted = (weights[place] - moments.expected[place]) / moments.std[place]
            rows = z.filter(null=null, source=pair[0], target=pair[1])
            covered = rows.select(pl.lit(planted).is_between("z_low", "z_high").mean()).item()
            # 95 % of 160 samples, with three standard errors, and the few draws of a quantile.
            assert 0.88 <= covered <= 0.99, (null, pair)
