"""Alternative text of figures, for readers who do not see them: composed, put into files, and read back.

It consists of what the figure itself says: its title, its subtitle, its foot, and the titles of its panels,
which hold numbers of the data. In a PNG file it has the place that IPTC gives it (Photo Metadata 2021.1,
property Alt Text, as XMP); an SVG file has it as ``<title>`` and ``<desc>``, which screen readers look for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from PIL import Image

from poles.errors import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

XMP = "XML:com.adobe.xmp"
"""Keyword of a PNG text that holds XMP."""
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SVG = "http://www.w3.org/2000/svg"
_PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about="" '
    'xmlns:iptc="{iptc}"><iptc:AltTextAccessibility><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li>'
    "</rdf:Alt></iptc:AltTextAccessibility></rdf:Description></rdf:RDF></x:xmpmeta>"
)
MOST = 12
"""Most panels that are named."""


class Alternative(NamedTuple):
    """What stands in for a figure.

    Attributes
    ----------
    title : str
        Title of the figure.
    text : str
        Subtitle, foot and panels, without the title.
    """

    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.title}. {self.text}".strip()


def _plain(text: str) -> str:
    """Text in one line, without the signs that begin and end a formula."""
    return " ".join(text.replace(r"\$", "\0").replace("$", "").replace("\0", "$").split())


def alternative(figure: Figure) -> Alternative:
    """Alternative text of a figure that `style.canvas` made.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """
    title, *rest = [told for text in figure.texts if (told := _plain(text.get_text()))] or [""]
    panels = []
    for axes in figure.axes:
        parts = [axes.get_title(loc="left"), axes.get_title(), axes.get_title(loc="right")]
        panels += [name for part in parts if (name := _plain(part)) and name not in panels]
    if panels:
        more = f"; and {len(panels) - MOST} more" if len(panels) > MOST else ""
        rest.append(f"Panels: {'; '.join(panels[:MOST])}{more}.")
    sentences = [part if part.endswith(".") else f"{part}." for part in rest]
    return Alternative(title.rstrip("."), " ".join(sentences))


def xmp(shown: Alternative) -> str:
    """XMP packet for a PNG file."""
    return _PACKET.format(rdf=_RDF, iptc=_IPTC, text=escape(str(shown)))


def with_description(svg: bytes, shown: Alternative) -> bytes:
    """SVG with its title and description as the first elements, and with the role of an image."""
    start = svg.index(b"<svg ")
    end = svg.index(b">", start)
    labels = b' role="img" aria-labelledby="figure-title figure-description"'
    elements = (
        f'\n <title id="figure-title">{escape(shown.title)}</title>'
        f'\n <desc id="figure-description">{escape(shown.text)}</desc>'
    ).encode()
    return svg[:end] + labels + svg[end : end + 1] + elements + svg[end + 1 :]


def read(path: str | Path) -> Alternative:
    """Alternative text that a figure file holds.

    Parameters
    ----------
    path : str or Path
        ``.png`` or ``.svg``.

    Raises
    ------
    StudyError
        If it holds none.
    """
    path = Path(path)
    if path.suffix == ".svg":
        root = ElementTree.parse(path).getroot()
        found = [root.findtext(f"{{{_SVG}}}{name}") for name in ("title", "desc")]
        if found[0]:
            return Alternative(found[0], found[1] or "")
    else:
        with Image.open(path) as image:
            title, packet = image.info.get("Title"), image.info.get(XMP)
        if title and packet:
            text = ElementTree.fromstring(packet).findtext(f".//{{{_RDF}}}li") or ""
            return Alternative(title, re.sub(rf"^{re.escape(title)}\.\s*", "", text))
    raise StudyError(f"{path}: holds no alternative text; a figure of the study has one")
