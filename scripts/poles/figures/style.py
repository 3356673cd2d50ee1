"""Common style of the figures, and how a figure is written.

A colour has the same meaning in all figures. Fonts are those that matplotlib ships, sizes are fixed, and ids
in SVG files are salted. So the same data and provenance give the same bytes.
"""

import functools
import io
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullLocator
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from poles import countries
from poles.errors import StudyError
from poles.figures import alternatives
from poles.figures.palette import ARCHETYPES as ARCHETYPES
from poles.figures.palette import GREY as GREY
from poles.figures.palette import POLES as POLES
from poles.study import embedding, seals
from poles.wording import enumerated

DPI = 100
"""Resolution of PNG files. The report holds all of them, and should stay below 10 MB."""
LIGHT = "#DDDDDD"
INK = "#222222"

LAYERS = {"collaboration": "#000000", "citation": "#CC79A7"}
BRIDGE = "#000000"
"""Colour of what belongs to all poles."""
SOME = "#FF7F00"
"""Colour of what belongs to several poles, but not to all."""
FOOT = 0.19
"""Height in inches of the line at the foot of a figure: its source, the branch, the years, the numbers."""
_FOOT = "foot"
_SHORTER = (("Saint ", "St "), (" and the ", " & "), (" and ", " & "), (" Islands", " Is."))
"""How long names of countries are shortened, before they are cut."""
_FOOT_SIZE, _FOOT_CHARACTERS = 7.5, 15.0
"""Size of its type, in points, and how many characters of that size an inch has at least."""
_LEGEND_ROW = 0.18

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "svg.hashsalt": "poles",
    "svg.fonttype": "path",  # looks the same where the reader lacks the font
}


@contextmanager
def _style() -> Iterator[None]:
    """Apply the common style to matplotlib's defaults, without the settings of a user's matplotlibrc."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def styled(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorate a function that plots a figure, so that it uses the common style."""

    @functools.wraps(plot)
    def plot_in_style(*args: Any, **kwargs: Any) -> Figure:
        with _style():
            return plot(*args, **kwargs)

    return plot_in_style


def country_name(code: str, width: int | None = None) -> str:
    """Name of a country, shortened to a number of characters; its code if the reference table has no name."""
    name = countries.names().get(code, code)
    if width is not None:
        for word, shorter in _SHORTER:
            name = name.replace(word, shorter) if len(name) > width else name
        name = name if len(name) <= width else name[: width - 1].rstrip() + "…"
    return literal(name)


def country_list(codes: Sequence[str]) -> str:
    """Names of countries in a sentence: A, B and C."""
    return enumerated([country_name(code) for code in codes])


def archetype_order(label: str) -> tuple[int, str]:
    """Sort key that puts archetypes in the order of `ARCHETYPES`, and any other label after them."""
    order = list(ARCHETYPES)
    return (order.index(label) if label in order else len(order), label)


def year_range(first: int, last: int) -> str:
    """Years as text: 2017–2021, or 2017 if the two are equal."""
    return str(first) if first == last else f"{first}–{last}"


def canvas(
    title: str,
    subtitle: str,
    width: float,
    height: float,
    colours: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
    key: str = "",
    fixed: bool = False,
) -> Figure:
    """Create an empty figure with a title, a subtitle, a legend of colours, and a foot.

    Parameters
    ----------
    title, subtitle : str
        What the figure shows, and how to read it.
    width, height : float
        Size in inches.
    colours : Mapping, optional
        Legend below the subtitle, {label: colour}.
    marks : Mapping, optional
        Marker of each label of the legend, where marks differ.
    key : str
        What short labels stand for. It is written above the foot and adds to the height.
    fixed : bool
        Whether the height is that of the plots alone, which the caller places with `axes_at`. Otherwise plots
        are laid out so that their labels fit, which takes as long as drawing them.

    Returns
    -------
    matplotlib.figure.Figure
        Axes that are added to it are laid out below the title, the subtitle and the legend. `based_on` and
        `save` write its foot.
    """
    # 12-point bold type has at least 8.6 characters per inch, 9-point type about 13.
    heading = textwrap.wrap(title, int(8.6 * width))
    lines = textwrap.wrap(subtitle, int(13 * width))
    under_title = 0.15 + 0.22 * len(heading)
    height += 0.22 * (len(heading) - 1)
    below = under_title + 0.18 * len(lines)
    # An entry of the legend has a line and a space of 0.4 inches, and 9-point type.
    widest = max((len(label) / 13 + 0.4 for label in colours or ()), default=width)
    columns = min(len(colours or ()), max(1, int(width / widest))) or 1
    if colours and sum(len(label) / 13 + 0.4 for label in colours) <= width:
        columns = len(colours)
    rows = -(-len(colours or ()) // columns)
    height += _LEGEND_ROW * max(0, rows - 1)
    keys = textwrap.wrap(key, int(15.5 * width))  # 7.5-point type
    bottom = FOOT + (0.05 + 0.14 * len(keys) if keys else 0)
    head = below + (0.08 + _LEGEND_ROW * rows if colours else 0.06)
    height = bottom + head + height - _LEGEND_ROW * max(0, rows - 1) if fixed else bottom + height
    left = 0.08 / width
    top = 1 - head / height
    layout = ConstrainedLayoutEngine(
        rect=(0, bottom / height, 1, top - bottom / height), w_pad=0.06, h_pad=0.06
    )
    figure = Figure(figsize=(width, height), layout=None if fixed else layout)
    figure.text(left, 1 - 0.1 / height, "\n".join(heading), fontsize=12, fontweight="bold", va="top")
    figure.text(left, 1 - under_title / height, "\n".join(lines), fontsize=9, color="#555555", va="top")
    figure.text(left, 0.06 / height, "", fontsize=_FOOT_SIZE, color="#555555", va="bottom", gid=_FOOT)
    if keys:
        figure.text(left, FOOT / height, "\n".join(keys), fontsize=7.5, va="bottom")
    if colours:
        figure.legend(
            handles=[
                Line2D([], [], color=colour, lw=3, label=label, marker=(marks or {}).get(label), ms=6)
                for label, colour in colours.items()
            ],
            loc="upper left", bbox_to_anchor=(left, 1 - (below + 0.02) / height), ncols=columns,
            handlelength=1, columnspacing=1.4, borderpad=0, borderaxespad=0, labelspacing=0.35,
        ).set_in_layout(False)  # fmt: skip
    return figure


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches, the bottom from the foot of a figure whose layout is fixed."""
    whole_width, whole_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / whole_width,
            (FOOT + bottom) / whole_height,
            width / whole_width,
            height / whole_height,
        )
    )


def based_on(figure: Figure, basis: str) -> Figure:
    """State at the foot of a figure what it is based on: its years and numbers."""
    for text in figure.texts:
        if text.get_gid() == _FOOT:
            text.set_text(basis)
    return figure


def count(number: int, noun: str) -> str:
    """Number of countries, pairs ... as text: 1 pair, 2,000 pairs, 3 countries, 12 branches."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def size_of(pairs: pl.DataFrame) -> str:
    """Numbers of pairs and of countries in a table of links, for the foot of a figure."""
    ends = pairs.select(
        pl.min_horizontal("source", "target"), pl.max_horizontal("source", "target").alias("last")
    )
    countries_of = pl.concat([pairs["source"], pairs["target"]]).n_unique()
    return f"{count(ends.n_unique(), 'pair')} of {count(countries_of, 'country')}"


def panel_of(trajectories: pl.DataFrame) -> str:
    """Years and numbers of a panel of pairs, for the foot of a figure."""
    if trajectories.is_empty():
        return "no pair in the panel"
    years = trajectories["year"].to_list()
    return f"{year_range(min(years), max(years))}, panel of {size_of(trajectories)}"


def literal(text: str) -> str:
    """Text of a user, in which a dollar sign is one and begins no formula."""
    return text.replace("$", r"\$")


def format_p(p: float) -> str:
    """P-value as text: p = 0.012, or p < 0.001."""
    return f"p = {p:.3f}" if p >= 0.0005 else "p < 0.001"


def blank(axes: Axes, message: str) -> None:
    """Write into empty axes why they show nothing."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)


def format_number(value: float) -> str:
    """Number as text: 12,000 or −0.5, without rounding errors."""
    return f"{value:,.10g}".replace("-", "−")


def numbers(axis: Axis) -> None:
    """Format the numbers of an axis with `format_number`."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))


def years_on_x(axes: Axes, years: Iterable[int]) -> None:
    """Let the horizontal axis cover some years, with whole years as ticks, as many as there is room for."""
    covered = list(years)
    axes.set_xlim(min(covered) - 0.5, max(covered) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


class RoundNumbers(Locator):
    """Ticks at round numbers on a scale that is logarithmic, or linear near zero and logarithmic further out.

    The locators of matplotlib may give one tick, or the ends of the axis as they are, where an axis covers
    less than a power of ten.

    Parameters
    ----------
    scaled : matplotlib.axis.Axis
        The axis, with its scale.
    """

    FIRST_DIGITS = (1, 3, 2, 5)
    """Digits of the ticks, the most important first."""
    SPACING = 0.11
    """Least distance between ticks as a share of the axis."""
    FEWEST = 4
    """Number of ticks below which the axis gets the ticks of a linear scale."""

    def __init__(self, scaled: Axis):
        self.scaled = scaled

    def __call__(self) -> list[float]:
        """Ticks of the visible part of the axis."""
        return self.tick_values(*self.scaled.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Ticks between two values, sorted."""
        low, high = sorted((vmin, vmax))
        sizes = [digit * 10.0**power for digit in self.FIRST_DIGITS for power in range(12, -13, -1)]
        candidates = [0.0, *(sign * size for size in sizes for sign in (1, -1))]
        visible = np.array([value for value in candidates if low <= value <= high])
        transform = self.scaled.get_transform()
        ends = transform.transform(np.array([low, high]))
        ticks: list[float] = []
        places: list[float] = []
        for value, place in zip(visible, transform.transform(visible), strict=True):
            if all(abs(place - other) >= self.SPACING * (ends[1] - ends[0]) for other in places):
                ticks.append(value)
                places.append(place)
        if len(ticks) < self.FEWEST:
            linear = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
            ticks = [value for value in linear if low <= value <= high]
        return sorted(ticks)


def round_numbers(axis: Axis) -> None:
    """Give an axis whose scale is not linear ticks at round numbers, after its scale has been set."""
    axis.set_major_locator(RoundNumbers(axis))
    axis.set_minor_locator(NullLocator())
    numbers(axis)


def plot_interval(axes: Axes, low: float, high: float, place: float, colour: str, width: float = 1.2) -> None:
    """Plot a horizontal interval, with an arrow at each side where it leaves the frame.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes whose horizontal limits are final.
    low, high, place : float
        Ends of the interval, and its vertical position, in data units.
    colour : str
    width : float
        Width of the line in points.
    """
    left, right = axes.get_xlim()
    axes.plot([max(low, left), min(high, right)], [place, place], color=colour, lw=width)
    for leaves, end, mark in ((low < left, left, "<"), (high > right, right, ">")):
        if leaves:
            axes.plot([end], [place], ls="", marker=mark, ms=5, color=colour, clip_on=False, zorder=4)


def titles_above_labels(figure: Figure) -> None:
    """Move the title of all axes to the left edge of their tick labels, so that long titles have room."""
    figure.draw_without_rendering()  # fixes the places of axes and labels
    for axes in figure.axes:
        frame = axes.get_window_extent()
        labels = axes.yaxis.get_tightbbox()
        left = frame.x0 if labels is None else min(frame.x0, labels.x0)
        axes.set_title(axes.get_title(loc="left"), x=(left - frame.x0) / frame.width, weight="bold")


@styled
def empty(title: str, message: str) -> Figure:
    """Create a figure that says why there is nothing to show."""
    return canvas(title, f"Nothing to show: {message}.", width=8.0, height=0.8)


def save(figure: Figure, paths: Iterable[str | Path], record: Mapping[str, Any]) -> None:
    """Write a figure with its provenance; the same figure and record give the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Figure that a function of this package returned. Its layout is final from now on.
    paths : iterable of path
        One file per format, ``.svg`` or ``.png``. Each is written completely or not at all.
    record : Mapping
        Provenance of the job, which can be read by `study.extraction.read`. Its param ``source`` and its
        wildcards are written at the foot of the figure.

    Raises
    ------
    StudyError
        If a path has another suffix.
    """
    draw = {".svg": _svg, ".png": _png}
    with _style():
        _sign(figure, record)
        _lay_out(figure)
        for path in map(Path, paths):
            if path.suffix not in draw:
                raise StudyError(f"{path}: figures are written as {' or '.join(draw)}")
            content = draw[path.suffix](figure, seals.unsealed(record, path))
            embedding.replace_file(path, seals.sealed(content))


def save_each(figures: Mapping[str, Figure], outputs: Any, record: Mapping[str, Any]) -> None:
    """Write several figures, see `save`.

    Parameters
    ----------
    figures : Mapping
        Figures by name.
    outputs : snakemake.io.OutputFiles
        Paths of each figure under its name.
    record : Mapping
        Provenance of the job.
    """
    for name, figure in figures.items():
        save(figure, outputs.get(name), record)


def _sign(figure: Figure, record: Mapping[str, Any]) -> None:
    """Write the source of the data and the branch at the foot, before what the figure is based on."""
    branch = record.get("wildcards", {})
    source = record.get("params", {}).get("source")
    parts = [
        f"Source: {source}" if source else "",
        f"data: {branch['variant']}" if "variant" in branch else "",
        f"null model: {branch['null']}" if "null" in branch else "",
    ]
    for text in figure.texts:
        if text.get_gid() == _FOOT:
            signed = "; ".join(filter(None, [*map(literal, parts), text.get_text()]))
            text.set_text(signed)
            # Below a narrow figure, a long line is in smaller type.
            room = _FOOT_CHARACTERS * figure.get_size_inches()[0]
            text.set_fontsize(_FOOT_SIZE * min(1.0, room / max(1, len(signed))))


def _lay_out(figure: Figure) -> None:
    """Lay a figure out once. Otherwise every format would do so again, which takes as long as drawing it."""
    engine = figure.get_layout_engine()
    if engine is not None:
        if figure.axes:
            engine.execute(figure)
        figure.set_layout_engine("none")


PLACE = "provenance stands here"
"""Text in an SVG file that its provenance replaces."""
COLOURS = 128
"""Number of colours of a PNG file. Figures have few, so their own palette takes a third of the bytes.

It covers all colours (`MAXCOVERAGE`). The usual median cut dulls those of few pixels, as in legends.
"""


def _svg(figure: Figure, record: Mapping[str, Any]) -> bytes:
    """SVG with its alternative text, and with its provenance as metadata."""
    stream = io.BytesIO()
    nameless = {"Date": None, "Creator": None, "Description": PLACE}
    figure.savefig(stream, format="svg", metadata=nameless)
    drawing = alternatives.with_description(stream.getvalue(), alternatives.alternative(figure))
    return drawing.replace(PLACE.encode(), escape(embedding.canonical(record)).encode(), 1)


def _png(figure: Figure, record: Mapping[str, Any]) -> bytes:
    """PNG with its alternative text, and with its provenance as description."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    pixels = drawn.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    text = PngInfo()
    shown = alternatives.alternative(figure)
    text.add_itxt("Title", shown.title)
    text.add_itxt(alternatives.XMP, alternatives.xmp(shown))
    text.add_itxt("Description", embedding.canonical(record))
    stream = io.BytesIO()
    pixels.save(stream, "png", pnginfo=text, dpi=(DPI, DPI), optimize=True)
    return stream.getvalue()
