"""The pages: the first one, the methods, all figures with links to their files, and one for each figure.

Pages of single figures need no other file, as the report holds them. The others link to the files beside
them. All text of the data is escaped.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from poles import countries
from poles.claims.page import PLACES, caveat
from poles.claims.tables import CLAIMS
from poles.claims.verdicts import CONTRADICTED, REPRODUCED
from poles.corpus.tables import LOSSES
from poles.exports import data_package
from poles.nulls import __file__ as nulls_file
from poles.report import answers, citation, gallery, methods
from poles.study import embedding, signatures, tables
from poles.wording import enumerated

_HERE = Path(__file__)
COUNTED = "with a country"
"""Step of the selection after which works make links."""
SHOWN = 10
"""Most claims of the first page."""
ROOT = Path(nulls_file).resolve().parents[3]
"""Root of the project."""

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE.parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["place"] = lambda path: Path(path).relative_to("results").as_posix()
_TEMPLATES.filters["plain"] = lambda value: json.dumps(value, ensure_ascii=False).strip('"')
_TEMPLATES.globals["style"] = Markup(_HERE.with_name("pages.style.css").read_text(encoding="utf-8"))


def question(poles: Sequence[str], of_ai: bool) -> str:
    """The question of the study."""
    around = enumerated([countries.in_text(code) for code in poles])
    return f"Does research{' on artificial intelligence' if of_ai else ''} polarize around {around}?"


def decided(claims: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """Claims that the leading branch decides; first what most other branches decide alike.

    Parameters
    ----------
    claims : pl.DataFrame
        `CLAIMS`.
    names : sequence of str
        Names of the branches, the leading one first.
    """
    found = []
    for _, rows in claims.group_by("claim", maintain_order=True):
        by_branch = {(row["variant"], row["null"]): row for row in rows.iter_rows(named=True)}
        pairs = [name.split(", ") for name in names]
        own = [by_branch.get((variant, null)) or by_branch.get((variant, "all")) for variant, null in pairs]
        verdicts = [row["verdict"] for row in own if row]
        if own[0] and verdicts[0] in (REPRODUCED, CONTRADICTED):
            counts = {"agreeing": verdicts.count(verdicts[0]), "tested": len(verdicts)}
            found.append({key: own[0][key] for key in ("statement", "verdict", "why")} | counts)
    return sorted(found, key=lambda claim: -claim["agreeing"])


def render(name: str, **values: Any) -> str:
    """A page of the template ``pages.NAME.html.j2``."""
    return _TEMPLATES.get_template(f"pages.{name}.html.j2").render(**values)


def write(
    files: Mapping[str, Any],
    paths: Mapping[str, str],
    run: Mapping[str, Any],
    record: Mapping[str, Any],
) -> None:
    """Write all pages and answers.json, with their provenance.

    Parameters
    ----------
    files : Mapping
        Results: those of `answers.read`; ``claims`` and ``page_of_claims``; ``losses``, ``intervals`` and
        ``exports``, which may be empty.
    paths : Mapping
        Files to be written: ``index``, ``methods``, ``gallery``, ``answers``; in a folder of their own
        ``claims`` (that page for the report), those of single figures by name, and ``package``.
    run : Mapping
        The run: ``config``, ``layers``, ``branches`` (names, the leading one first), ``source`` (which
        release was read), ``data`` (arguments of `caveat`), ``figures`` (see `gallery.entry`), ``tables``
        (paths of exported tables by name), ``claims`` (their number), and ``citation`` (content of
        CITATION.cff).
    record : Mapping
        Provenance of the job.
    """
    config, cff = run["config"], run["citation"]
    entries = [
        gallery.entry(figure, config, list(run["tables"]), files["intervals"]) for figure in run["figures"]
    ]
    cited = {
        entry.name: citation.figure(cff, config, entry.title, entry.versions[0].label) for entry in entries
    }
    for entry in entries:
        page = render(
            "figure",
            entry=entry._replace(caption=Markup(entry.caption)),
            picture=gallery.whole(entry.versions[0].png),
            others=[(version, gallery.small(version.png)) for version in entry.versions[1:]],
            tables=run["tables"],
            citation=cited[entry.name],
        )
        embedding.replace_file(paths[entry.name], page.encode())
    by_category: dict[str, list[gallery.Entry]] = {}
    for entry in entries:
        category = entry.category.partition(" ")[2]
        by_category.setdefault(category, []).append(entry._replace(caption=Markup(entry.caption)))
    page = render(
        "figures",
        categories=list(by_category.items()),
        leading=run["branches"][0],
        tables=run["tables"],
        citations=cited,
    )
    embedding.write_text(page, paths["gallery"], record)
    embedding.write_text(methods_page(run), paths["methods"], record)
    claims = Path(files["page_of_claims"]).read_text(encoding="utf-8").rpartition("\n<!-- provenance:")[0]
    embedding.replace_file(paths["claims"], claims.encode())
    # The report holds these pages, so the record of all of them stands beside them.
    of_report = [paths[name] for name in ("claims", *cited)]
    data_package.write_files(of_report, paths["package"], "Pages of the report", record, "poles-report")
    found = answer(files, run)
    embedding.write_text(index(found, files["exports"]), paths["index"], record)
    lines = [line._asdict() for line in found["lines"]]
    shown = {key: found[key] for key in ("question", "short", "note")} | {"lines": lines}
    embedding.write_json(shown, paths["answers"], record)


def methods_page(run: Mapping[str, Any]) -> str:
    """The page of the methods; `run` as for `write`."""
    config = run["config"]
    defaults = {null: signatures.defaults(ROOT, null) for null in config["run"]["nulls"]}
    sections = methods.sections(config, run["layers"], run["source"], defaults, run["claims"])
    return render(
        "methods",
        sections=sections,
        references=methods.references(sections),
        run=citation.run_of(config),
        citation=citation.study(run["citation"]),
    )


def answer(files: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """What the first page says; `files` and `run` as for `write`."""
    config = run["config"]
    by_branch = answers.read(run["branches"], files, run["layers"], config["poles"])
    claims = tables.read(files["claims"], CLAIMS)
    periods = {
        name: (config[key]["first"], config[key]["last"])
        for name, key in (("works", "years"), ("years", "trajectories"), ("recent", "significance"))
    }
    works = None
    if files["losses"]:
        left = tables.read(files["losses"], LOSSES).drop_nulls("year").filter(step=COUNTED)
        works = int(left["left_core"].sum())
    of_claims = decided(claims, run["branches"])
    return {
        "question": question(config["poles"], list(run["data"]["subfields"] or []) == [1702]),
        "note": caveat(**run["data"]),
        "short": answers.short(by_branch, config["poles"]),
        "lines": answers.lines(
            by_branch, claims, config["poles"], periods, config["significance"]["threshold"], works
        ),
        "decided": of_claims[:SHOWN],
        "about_decided": about(len(of_claims), claims["claim"].n_unique(), run["branches"][0]),
    }


def about(decided_claims: int, all_claims: int, leading: str) -> str:
    """Sentences on the claims that the first page lists."""
    text = (
        f"Of {all_claims} claims, the branch {leading} decides {decided_claims}: the data clearly support or "
        "clearly oppose them. A branch is one choice about the data under one null model."
    )
    if decided_claims > SHOWN:
        text += f" These are the {SHOWN} in which most branches agree."
    return text


def index(found: Mapping[str, Any], exports: Sequence[str]) -> str:
    """The first page of the results.

    Parameters
    ----------
    found : Mapping
        As `answer` returns it.
    exports : sequence of str
        Descriptions of the networks that were exported.
    """
    folders = [f"{Path(path).parent.relative_to('results').as_posix()}/" for path in exports]
    return render("index", **found, places=PLACES, exports=folders)
