"""Thin the world network of collaboration, to see where the null models part as a network becomes sparse.

    python tests/thinning.py [EDGE_LIST] [--shares 1 2 4 100] [--seeds 5] [--figure FILE]

takes the links between the largest countries, keeps each shared work with a given probability (binomial
thinning), fits every null model to every year, and prints for each pole how many partners rise and fall, how
many have a trend of the other sign than under the first null model, and how many ties are above expectation
in the recent years: the mean over the seeds.

EDGE_LIST is read as ``source.networks.collaboration`` is; the default is that of the shipped
``config/world-collaboration.yaml``.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import numpy as np
import polars as pl
import yaml
from matplotlib.figure import Figure

from poles.figures import style
from poles.figures.nulls import COLOURS
from poles.networks.edge_lists import read_links
from poles.nulls import fitting, scores
from poles.nulls.network import network_of, tabulate
from poles.stats.trends import directions, estimate
from poles.trajectories.construction import build_panel

OVERLAY = yaml.safe_load((ROOT / "config/world-collaboration.yaml").read_text())
YEARS = range(OVERLAY["years"]["first"], OVERLAY["years"]["last"] + 1)
RECENT = (YEARS[-1] - 4, YEARS[-1])
NULLS = ("max_entropy", "enhanced_max_entropy", "variance_corrected", "local_rewiring", "multi_edge")
READINGS = {"full": "kept", "beyond_growth": "removed"}
"""What becomes of the part of z that growth explains, by reading."""
POLES = ("US", "CN")
LARGEST = 60
"""Number of countries."""
THRESHOLD = 2.0
"""Mean z above which a tie is above expectation."""
LAYER = "collaboration"


def largest(links: Mapping[int, pl.DataFrame]) -> list[str]:
    """Codes of the `LARGEST` countries by the weight of their links over all years."""
    pairs = pl.concat(frame.cast({"weight": pl.Float64}) for frame in links.values())
    pairs = pairs.filter(pl.col("source") != pl.col("target"))
    ends = pl.concat(pairs.select(pl.col(end).alias("country"), "weight") for end in ("source", "target"))
    strengths = ends.group_by("country").agg(pl.col("weight").sum())
    return strengths.sort("weight", "country", descending=[True, False])["country"].head(LARGEST).to_list()


def thin(links: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    """Keep each unit of weight with the probability `share`."""
    weights = links["weight"].to_numpy()
    kept = weights if share == 1 else rng.binomial(weights, share)
    return links.with_columns(weight=pl.Series(kept)).filter(pl.col("weight") > 0)


def scored(links: Mapping[int, pl.DataFrame], null: str) -> pl.DataFrame:
    """Scores of all years under a null model."""
    moments = []
    for year, frame in links.items():
        network = network_of(frame, year, LAYER)
        moments.append(tabulate(network, fitting.fit_network(null, network, {})))
    return scores.score(pl.concat(moments))


def trends(by_layer: Mapping[str, pl.DataFrame], growth: str) -> pl.DataFrame:
    """Slope and direction of the trend of z of every pole with every partner."""
    panel, _ = build_panel(by_layer, YEARS[0], YEARS[-1], "mean", "literal", 0, 0.8, growth)
    estimated = estimate(panel.z[:, :, 0])
    table = pl.DataFrame(
        {
            "ends": [[panel.countries[place] for place in pair] for pair in panel.ends],
            "slope": estimated.slope,
            "direction": directions(estimated),
        }
    )
    return pl.concat(
        table.filter(pl.col("ends").list.contains(pole)).with_columns(
            pole=pl.lit(pole),
            partner=pl.col("ends").list.set_difference([pole]).list.first(),
        )
        for pole in POLES
    ).filter(~pl.col("partner").is_in(list(POLES)))


def count(task: tuple[str, float, int]) -> list[dict[str, object]]:
    """Count for one thinned network: trends and ties of each pole, under every null model and reading."""
    path, share, seed = task
    links = read_links(path, LAYER, YEARS)
    chosen = pl.col("source").is_in(codes := largest(links)) & pl.col("target").is_in(codes)
    rng = np.random.default_rng([seed, round(share * 1000)])
    thinned = {year: thin(frame.filter(chosen), share, rng) for year, frame in links.items()}
    rows = []
    first: dict[str, pl.DataFrame] = {}
    for null in NULLS:
        by_layer = {LAYER: scored(thinned, null)}
        ties = scores.recent_links(by_layer, *RECENT).filter(pl.col("z") > THRESHOLD)
        for reading, growth in READINGS.items():
            table = trends(by_layer, growth)
            both = first.setdefault(reading, table).join(table, on=["pole", "partner"], suffix="_here")
            for pole in POLES:
                own, common = table.filter(pole=pole), both.filter(pole=pole)
                rows.append(
                    {
                        "share": share, "seed": seed, "null": null, "reading": reading, "pole": pole,
                        "partners": len(own),
                        "rising": int((own["direction"] > 0).sum()),
                        "falling": int((own["direction"] < 0).sum()),
                        "other_sign": int((common["slope"] * common["slope_here"] < 0).sum()),
                        "ties": len(scores.partners_of(pole, ties)),
                    }
                )  # fmt: skip
    return rows


def summarize(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Mean over the seeds, in the order of shares and null models."""
    counts = ["partners", "rising", "falling", "other_sign", "ties"]
    keys = ["share", "null", "reading", "pole"]
    return pl.DataFrame(rows).group_by(keys, maintain_order=True).agg(pl.col(counts).mean())


def lines(summary: pl.DataFrame) -> Iterator[str]:
    """Markdown tables: one for each reading, with both poles in a cell."""
    for reading in summary["reading"].unique(maintain_order=True):
        yield f"\n`{reading}`\n"
        yield "| share | null model | rising | falling | other sign | ties |"
        yield "|---|---|---|---|---|---|"
        for share, null in summary.select("share", "null").unique(maintain_order=True).iter_rows():
            cells = summary.filter(share=share, null=null, reading=reading)
            by_pole = {row["pole"]: row for row in cells.iter_rows(named=True)}
            values = [
                " / ".join(f"{by_pole[pole][name]:.0f}" for pole in POLES)
                for name in ("rising", "falling", "other_sign", "ties")
            ]
            yield f"| {share:.0%} | `{null}` | {' | '.join(values)} |"


@style.styled
def plot(summary: pl.DataFrame) -> Figure:
    """Plot the number of rising and of falling partners against the share that is kept."""
    colours = dict(zip(NULLS, COLOURS, strict=False))
    figure = style.canvas(
        f"Partners of the poles whose z rises or falls, {style.year_range(YEARS[0], YEARS[-1])}",
        f"The {LARGEST} largest countries, collaboration in all fields. Each shared work is kept with the "
        "probability at the bottom. The whole network is at the right, sparse ones are at the left.",
        width=11.0,
        height=5.6,
        colours=colours,
    )
    columns = [(pole, kind) for pole in POLES for kind in ("rising", "falling")]
    grid = figure.subplots(len(READINGS), len(columns), sharex=True, sharey=True)
    for row, reading in zip(grid, READINGS, strict=True):
        for axes, (pole, kind) in zip(row, columns, strict=True):
            for place, null in enumerate(NULLS):
                line = summary.filter(reading=reading, pole=pole, null=null).sort("share")
                dashes = "-" if place % 2 == 0 else (0, (4, 2))
                axes.plot(
                    100 * line["share"], line[kind], color=colours[null], ls=dashes, marker=".", label=null
                )
            axes.set_xscale("log")
            axes.set_xticks([100 * share for share in summary["share"].unique().sort()], minor=False)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
            axes.minorticks_off()
            axes.set_title(f"{style.country_name(pole)}: {kind}")
        row[0].set_ylabel(f"partners, {reading}")
    grid[0, 0].set_ylim(bottom=0)  # of all plots, which share the scale
    return figure


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("edge_list", nargs="?", default=OVERLAY["source"]["networks"][LAYER])
    parser.add_argument(
        "--shares", nargs="+", type=float, default=[1, 2, 4, 100], help="per cent that is kept"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--figure", type=Path, help="where to draw the figure (.svg)")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    if not Path(arguments.edge_list).is_file():
        sys.exit(f"{arguments.edge_list}: no such file; config/world-collaboration.yaml says how to make it")
    logging.disable(logging.INFO)
    shares = sorted(share / 100 for share in arguments.shares)
    # The whole network is the same for every seed.
    tasks = [
        (str(arguments.edge_list), share, seed)
        for share in shares
        for seed in range(1, 1 + (arguments.seeds if share < 1 else 1))
    ]
    rows = []
    with ProcessPoolExecutor(arguments.cores) as pool:
        for task, found in zip(tasks, pool.map(count, tasks), strict=True):
            print(f"share {task[1]:.0%}, seed {task[2]}", file=sys.stderr)
            rows += found
    summary = summarize(rows)
    print(f"The {LARGEST} largest countries; mean over {arguments.seeds} seeds; {' / '.join(POLES)}")
    print("\n".join(lines(summary)))
    if arguments.figure:
        source = f"edge list {Path(arguments.edge_list).name}"
        record = {"shares": shares, "seeds": arguments.seeds, "source": source}
        figure = style.based_on(plot(summary), f"{LARGEST} countries, means over {arguments.seeds} seeds")
        style.save(figure, [arguments.figure], {"rule": "thinning", "params": record})


if __name__ == "__main__":
    main()
