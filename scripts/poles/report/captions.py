"""Captions of the figures: templates in reStructuredText, workflow/report/NAME.rst, filled in and rendered.

A template sees the configuration and the branch as ``snakemake.config`` and ``snakemake.wildcards``, as the
captions of a Snakemake report do.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from poles.study.embedding import digest_of

FOLDER = Path(__file__).resolve().parents[3] / "workflow/report"
SETTINGS = {"raw_enabled": False, "file_insertion_enabled": False, "report_level": 3, "halt_level": 3}
"""Of docutils: text of the data cannot bring in markup or files, and a faulty caption stops the run."""


def path_of(name: str) -> Path:
    """Template of the caption of a figure."""
    return FOLDER / f"{name}.rst"


def digest(names: Iterable[str]) -> str:
    """Digest of the templates of some captions, 16 hexadecimal digits."""
    texts = b"\0".join(path_of(name).read_bytes() for name in names)
    return digest_of(texts)[:16]


def plain(text: str) -> str:
    """Text of the data for reStructuredText, in one line: no sign of it is taken for markup."""
    return re.sub(r"([^\w\s]|_)", r"\\\1", " ".join(text.split()))


def render(name: str, config: Mapping[str, Any], wildcards: Mapping[str, str]) -> str:
    """Caption of a figure as HTML.

    Parameters
    ----------
    name : str
        Name of the figure.
    config : Mapping
        Completed configuration.
    wildcards : Mapping
        ``variant`` and ``null`` of the branch that is shown, as far as the figure is of one.
    """
    import jinja2
    from docutils.core import publish_parts

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalize
    )
    template = environment.from_string(path_of(name).read_text(encoding="utf-8"))
    snakemake = SimpleNamespace(config=config, wildcards=SimpleNamespace(**wildcards))
    text = template.render(snakemake=snakemake)
    return str(publish_parts(text, writer="html5", settings_overrides=SETTINGS)["body"])


def _finalize(value: Any) -> Any:
    """Values in one line, so that none begins a directive."""
    return " ".join(value.split()) if isinstance(value, str) else value
