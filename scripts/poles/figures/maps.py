"""World maps with a colour for each country, the basis of several figures."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from poles.figures import shapes, style

BELOW, NO_DATA, SEA, BORDER = "#CFCFCF", "#E6D9BC", "#F3F6F8", "#9A9A9A"
WITHOUT = "not in the data"
BORDERS = "Borders are those of Natural Earth."


def canvas(
    title: str,
    subtitle: str,
    rows: int,
    columns: int,
    legend: Mapping[str, str],
    data: set[str],
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """Create an empty figure for maps, whose subtitle names the countries of the data that have no shape.

    Parameters
    ----------
    title, subtitle : str
        As of `style.canvas`.
    rows, columns : int
        Number of maps.
    legend : Mapping
        {label: colour}.
    data : set of str
        Codes of the countries of the data.
    marks : Mapping, optional
        Marker of each label of the legend, where marks differ.

    Returns
    -------
    matplotlib.figure.Figure
    """
    missing = [style.country_name(code) for code in shapes.without_shape() if code in data]
    without = f" Without a shape of their own: {', '.join(missing)}." if missing else ""
    lines = 2 + len(subtitle + BORDERS + without) // 110
    return style.canvas(
        title,
        f"{subtitle.strip()} {BORDERS}{without}",
        width=5.4 * columns if columns > 1 else 8.0,
        height=0.6 + 0.18 * lines + rows * (2.9 if columns > 1 else 4.2),
        colours=legend,
        marks=marks,
    )


def draw(
    axes: Axes, fills: Mapping[str, str], hatched: Iterable[str] = (), stars: Iterable[str] = ()
) -> None:
    """Draw the world with the colour of each country.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes that show nothing yet.
    fills : Mapping
        Colour by two-letter code. Small countries also get a mark of their colour. A country that has none is
        drawn as one without data.
    hatched, stars : iterable of str
        Codes of countries that are hatched, and that get a star.
    """
    outlines, others = shapes.load()
    hatched = set(hatched)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-shapes.HALF_WIDTH * 1.005, shapes.HALF_WIDTH * 1.005)
    axes.set_ylim(-shapes.HALF_HEIGHT * 0.86, shapes.HALF_HEIGHT * 1.01)
    axes.fill(*shapes.outline().T, color=SEA, lw=0, zorder=0)
    by_look: dict[tuple[str, bool], list[str]] = {}
    for code in outlines:
        by_look.setdefault((fills.get(code, NO_DATA), code in hatched), []).append(code)
    for (fill, hatch), codes in sorted(by_look.items()):
        rings = [ring for code in codes for ring in outlines[code].rings]
        rings += others if fill == NO_DATA else []
        if rings:
            look = {"facecolor": fill, "edgecolor": BORDER, "lw": 0.3, "hatch": "////" if hatch else None}
            axes.add_patch(PathPatch(Path.make_compound_path(*map(_path, rings)), **look))
        small = [code for code in codes if outlines[code].area < shapes.SMALL and code in fills]
        if small:
            x, y = np.stack([shapes.equal_earth(*outlines[code].centre) for code in small]).T
            axes.scatter(x, y, s=9, c=fill, edgecolors="#666666", linewidths=0.4, zorder=5)
    for code in filter(outlines.__contains__, stars):
        place = shapes.equal_earth(*outlines[code].centre)
        axes.plot(*place, marker="*", ms=9, color=style.INK, mec="white", mew=0.6, zorder=6)


def tint(colour: str) -> str:
    """Light version of a colour."""
    red, green, blue = (0.4 * part + 0.6 for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _path(ring: np.ndarray) -> Path:
    """Closed path of a ring."""
    return Path(ring, closed=True)
