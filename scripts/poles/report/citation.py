"""How to cite the study, a run of it, and a figure."""

from collections.abc import Mapping
from typing import Any

from poles.study.embedding import canonical, digest_of


def run_of(config: Mapping[str, Any]) -> str:
    """Name of a run: the first digits of the SHA-256 of its configuration.

    Parameters
    ----------
    config : Mapping
        Completed configuration.
    """
    return digest_of(canonical(config).encode())[:12]


def study(cff: Mapping[str, Any]) -> str:
    """Reference to the study.

    Parameters
    ----------
    cff : Mapping
        Content of CITATION.cff.
    """
    names = [
        author.get("name") or f"{author['given-names']} {author['family-names']}" for author in cff["authors"]
    ]
    where = f" https://doi.org/{cff['doi']}" if cff.get("doi") else ""
    return f"{', '.join(names)}. {cff['title']}. Version {cff['version']}.{where}"


def figure(cff: Mapping[str, Any], config: Mapping[str, Any], title: str, branches: str) -> str:
    """Reference to a figure of a run.

    Parameters
    ----------
    cff, config
        See `study` and `run_of`.
    title, branches : str
        What the figure shows, and of which branches.
    """
    return f"{study(cff)} Figure “{title}” ({branches}), run with configuration {run_of(config)}."
