"""Figure: how well a null model was fitted, and the weights that it expects."""

import textwrap
from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from poles.figures import labels, style
from poles.nulls.constraints import TOLERANCE

FLOOR = 1e-16
"""Where an error of zero is drawn on a logarithmic axis."""
NAMED = 4
"""Number of pairs named in the plot of weights, those furthest from expectation in absolute numbers."""


@style.styled
def plot_diagnostics(
    moments_by_layer: Mapping[str, pl.DataFrame], diagnostics_by_layer: Mapping[str, pl.DataFrame]
) -> Figure:
    """Plot the fit of a null model: residuals, effective sample sizes, expected against observed weights.

    Parameters
    ----------
    moments_by_layer : Mapping
        Table `MOMENTS` by layer; the latest year in it is drawn.
    diagnostics_by_layer : Mapping
        Table `DIAGNOSTICS` by layer.

    Returns
    -------
    matplotlib.figure.Figure
        A row per layer. Effective sample sizes are shown only where the model samples.
    """
    if all(frame.is_empty() for frame in moments_by_layer.values()):
        return style.empty("Fit of the null model", "no year has links between countries: nothing was fitted")
    sampled = any(frame["ess_min"].is_not_null().any() for frame in diagnostics_by_layer.values())
    figure = style.canvas(
        "Fit of the null model",
        "Left: error of the worst constraint in each year. "
        + ("Middle: size of the sample. " if sampled else "")
        + "Right: expected against observed weights; darker areas hold more pairs. Named: the pairs with the "
        "largest difference.",
        width=11.0 if sampled else 9.0,
        height=0.93 + 3.5 * len(moments_by_layer),
    )
    pairs_to_label = {}
    grid = figure.subplots(len(moments_by_layer), 3 if sampled else 2, squeeze=False)
    for row, layer in zip(grid, moments_by_layer, strict=True):
        _plot_residuals(row[0], diagnostics_by_layer[layer])
        row[0].set_title(f"{layer}: largest relative error", fontweight="bold")
        if sampled:
            _plot_sample_sizes(row[1], diagnostics_by_layer[layer])
        linked = _plot_expected(row[-1], moments_by_layer[layer])
        pairs_to_label[row[-1]] = _largest_differences(linked, "→" if layer == "citation" else "–")
    figure.draw_without_rendering()  # fixes the scales, on which labels are placed
    for axes, pairs in pairs_to_label.items():
        labels.place_labels(axes, pairs)
    return figure


def _plot_residuals(axes: Axes, diagnostics: pl.DataFrame) -> None:
    """Plot the largest relative error of a constraint by year; an error of zero is drawn at `FLOOR`."""
    fitted = diagnostics.filter(pl.col("residual").is_not_null()).sort("year")
    residual = np.maximum(fitted["residual"].to_numpy(), FLOOR)
    axes.plot(fitted["year"].to_numpy(), residual, "o-", color=style.INK, ms=4)
    if len(diagnostics):
        style.years_on_x(axes, diagnostics["year"])
    axes.set_yscale("log")
    axes.set_ylim(FLOOR / 3, 10 * max(TOLERANCE, residual.max(initial=0)))
    axes.axhline(TOLERANCE, color=style.GREY, lw=1, ls="--")
    axes.annotate(
        "allowed", (0.01, TOLERANCE), xycoords=axes.get_yaxis_transform(), xytext=(0, 3),
        textcoords="offset points", color=style.GREY,
    )  # fmt: skip
    if missing := len(diagnostics) - len(fitted):
        axes.set_xlabel(f"without links between countries, not fitted: {missing} of {len(diagnostics)} years")


def _plot_sample_sizes(axes: Axes, diagnostics: pl.DataFrame) -> None:
    """Plot the smallest and the median effective sample size by year, and write the largest split R-hat."""
    sampled = diagnostics.filter(pl.col("ess_min").is_not_null()).sort("year")
    lines = (("ess_median", "median link", style.INK), ("ess_min", "worst link", style.GREY))
    for column, label, colour in lines:
        axes.plot(
            sampled["year"].to_numpy(), sampled[column].to_numpy(), "o-", ms=4, color=colour, label=label
        )
    style.years_on_x(axes, diagnostics["year"])
    axes.set_ylim(bottom=0)
    style.numbers(axes.yaxis)
    axes.legend()
    rhat = sampled.select(pl.col("rhat_max").max()).item()
    worst = "" if rhat is None else f"\nsplit R-hat at most {rhat:.3f}"
    axes.set_title(f"effective sample size{worst}", fontweight="bold")
    if len(notes := sampled.filter(pl.col("note").is_not_null())):
        last = notes.row(-1, named=True)
        text = f"notes in {len(notes)} of {len(sampled)} years; {last['year']}: {last['note']}"
        axes.set_xlabel(textwrap.fill(text, 44))


def _largest_differences(linked: pl.DataFrame, between: str) -> dict[str, tuple[float, float]]:
    """Codes of the pairs with the largest difference from expectation, and their places in the plot."""
    difference = (pl.col("observed") - pl.col("expected")).abs()
    rows = linked.sort(-difference, "source", "target").head(NAMED)
    return {
        f"{row['source']}{between}{row['target']}": (row["observed"], row["expected"])
        for row in rows.iter_rows(named=True)
    }


def _plot_expected(axes: Axes, moments: pl.DataFrame) -> pl.DataFrame:
    """Plot the expected against the observed weight of the linked pairs in the latest year; return them."""
    if moments.is_empty():
        style.blank(axes, "no links between countries")
        return moments
    latest = moments.filter(pl.col("year") == pl.col("year").max())
    linked = latest.filter((pl.col("observed") > 0) & (pl.col("expected") > 0))
    if linked.is_empty():
        style.blank(axes, "no linked pair with a positive expected weight")
        return linked
    observed, expected = linked["observed"].to_numpy(), linked["expected"].to_numpy()
    hexagons = axes.hexbin(
        observed, expected, xscale="log", yscale="log", gridsize=40, cmap="Greys", mincnt=1, lw=0
    )
    hexagons.set_norm(
        LogNorm(0.3, max(2, np.asarray(hexagons.get_array()).max()))
    )  # a single pair is grey, not white
    ends = [observed.min(), observed.max()]
    axes.plot(ends, ends, color=style.INK, lw=1, ls="--")
    style.round_numbers(axes.xaxis)
    style.round_numbers(axes.yaxis)
    axes.set_title(
        f"{latest['year'][0]}: {len(linked):,} linked pairs\n"
        f"(not shown: {len(latest) - len(linked):,} without a link)",
        fontweight="bold",
    )
    axes.set_xlabel("observed weight")
    axes.set_ylabel("expected weight")
    return linked
