"""Figures for pages: what each shows, its files in every branch, its data, and small pictures of it."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from poles.figures import alternatives
from poles.report import captions

DATA: dict[str, tuple[str, ...]] = {
    "alignment": ("alignment", "trends"),
    "archetypes": ("trajectories", "archetypes"),
    "diagnostics": ("diagnostics", "links"),
    "hubs": ("hubs",),
    "indices": ("indices", "links"),
    "losses": ("losses",),
    "map_alignment": ("alignment",),
    "map_links": ("links",),
    "matrix": ("archetypes",),
    "nulls": ("links",),
    "partners": ("links",),
    "poles": ("candidates",),
    "polarization": ("polarization", "polarization_trends"),
    "recovery": ("recovery",),
    "selection": ("selection",),
    "sides": ("trajectories",),
    "specification": ("claims",),
    "strong_links": ("links",),
    "trajectories": ("links", "trajectories"),
    "world": ("countries", "losses"),
}
"""Exported tables that hold the numbers of each figure."""
WITH_INTERVALS = ("nulls", "indices", "trajectories", "partners", "strong_links", "map_links")
"""Figures that draw intervals over works, which are too many for CSV."""
WIDTH = 300
"""Width in pixels of a small picture."""
QUALITY = 45
"""Quality of small pictures, from 0 to 100: letters of a title can just be read."""


class Version(NamedTuple):
    """A figure in one or several branches.

    Attributes
    ----------
    label : str
        The branches that share it.
    png, svg : str
        Its files.
    """

    label: str
    png: str
    svg: str


class Entry(NamedTuple):
    """A figure.

    Attributes
    ----------
    name, title, category : str
        Name of its files; its title, and its place in the report.
    versions : list of Version
        That of the leading branch first.
    alternative : alternatives.Alternative
        Alternative text of the first version.
    caption : str
        HTML.
    data : list of str
        Names of the exported tables that hold its numbers.
    rows : str
        Which rows of these tables it shows.
    intervals : list of str
        Files of the intervals that it draws.
    """

    name: str
    title: str
    category: str
    versions: list[Version]
    alternative: alternatives.Alternative
    caption: str
    data: list[str]
    rows: str
    intervals: list[str]


def entry(
    figure: Mapping[str, Any], config: Mapping[str, Any], tables: Sequence[str], intervals: Sequence[str]
) -> Entry:
    """Collect what a page shows of a figure.

    Parameters
    ----------
    figure : Mapping
        ``name``, ``title``, ``category``, and ``versions``: branches by path of the PNG, the leading first.
    config : Mapping
        Completed configuration.
    tables : sequence of str
        Names of the exported tables.
    intervals : sequence of str
        Files of the intervals over works of the leading variant.

    Raises
    ------
    StudyError
        If a file is no figure of the study.
    """
    name = figure["name"]
    versions = [
        Version(label, path, str(Path(path).with_suffix(".svg")))
        for path, label in figure["versions"].items()
    ]
    place = place_of(versions[0].png)
    columns = {"variant": "variant", "null": "null_model"}
    return Entry(
        name,
        figure["title"],
        figure["category"],
        versions,
        alternatives.read(versions[0].png),
        captions.render(name, config, place),
        [table for table in DATA.get(name, ()) if table in tables],
        ", ".join(f"{columns[key]} = {value}" for key, value in place.items()),
        [*intervals] if name in WITH_INTERVALS else [],
    )


def place_of(path: str) -> dict[str, str]:
    """Variant and null model of a figure, as far as its path has them."""
    folders = Path(path).parts[2:-1]  # results/figures/VARIANT/NULL/NAME.png
    return dict(zip(("variant", "null"), folders, strict=False))


def whole(path: str) -> str:
    """A figure as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


def small(path: str) -> str:
    """A small picture of a figure as an address that holds it."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((WIDTH, 4 * WIDTH), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    picture.save(stream, "webp", quality=QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
