"""The page of the explorer: one file that needs no server and no network."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from poles.errors import StudyError
from poles.study import embedding

_HERE = Path(__file__)
D3 = _HERE.with_suffix(".d3.min.js")
D3_SHA256 = "f2094bbf6141b359722c4fe454eb6c4b0f0e42cc10cc7af921fc158fceb86539"
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE.parent), autoescape=True, undefined=jinja2.StrictUndefined
)


def render(content: Mapping[str, Any]) -> str:
    """HTML of the explorer.

    Parameters
    ----------
    content : Mapping
        Result of `collection.collect`.

    Returns
    -------
    str
        The page. Texts of the data are JSON in which no markup can begin or end, and the page puts them into
        its elements as text. A policy in its head forbids requests to any server.

    Raises
    ------
    StudyError
        If the library for drawing is not the one that belongs here.
    """
    library = D3.read_bytes()
    if hashlib.sha256(library).hexdigest() != D3_SHA256:
        raise StudyError(f"{D3}: this is not d3 7.9.0, whose SHA-256 is {D3_SHA256}")
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _TEMPLATES.get_template(f"{_HERE.stem}.html.j2").render(
        # "<" begins all markup, and JSON may write it so.
        data=Markup(data.replace("<", "\\u003c")),
        library=Markup(library.decode()),
        style=Markup(_HERE.with_suffix(".css").read_text(encoding="utf-8")),
        program=Markup(_HERE.with_suffix(".js").read_text(encoding="utf-8")),
    )


def write(content: Mapping[str, Any], path: str, record: Mapping[str, Any]) -> None:
    """Write the explorer with its provenance.

    Parameters
    ----------
    content : Mapping
        Result of `collection.collect`.
    path : str
    record : Mapping
        Provenance of the job, which can be read by `study.extraction.read`.
    """
    embedding.write_text(render(content), path, record)
