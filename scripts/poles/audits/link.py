"""One link in one year through all stages: works, weight, expectation, z, indices, trajectory, archetype."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import polars as pl

from poles.audits import text
from poles.audits.hashes import Reader
from poles.countries import advice, names
from poles.errors import StudyError
from poles.layers import LAYERS
from poles.study import audit, extraction

SAMPLE = 10
"""Most works that are listed for a link."""
MODELS = ("observed", "expected", "std", "z", "p", "q")
"""Columns of the scores that are shown."""


def trace(first: str, second: str, year: int, folder: str | Path = "results") -> dict[str, Any]:
    """Collect what every stage of a finished study says of one link in one year.

    Parameters
    ----------
    first, second : str
        Country codes. Of a directed layer, `first` is the source and `second` the target.
    year : int
        Year of the link.
    folder : str or Path
        Folder of the results.

    Returns
    -------
    dict
        ``works``: for each layer, the number of works or citations counted anew from the works that count by
        ``field`` and ``selection`` of the configuration, and
        up to `SAMPLE` works with the file and row from which each was read, and the queries or the release
        behind these files. ``weights``, ``null_models``,
        ``indices``, ``intervals``, ``trajectories``, ``clusters``, ``trends``: rows of the tables, each with
        its variant and null model. A part is empty if the study does not have it.

    Raises
    ------
    StudyError
        If no table of links has the year, a country has no link in it, or a file that is shown is not the one
        that the last complete run left.
    """
    results = _Results(Path(folder))
    tables = results.files(f"*/*/links/{year}.parquet")
    if not tables:
        years = sorted({path.stem for path in Path(folder).glob("*/*/links/*.parquet")})
        known = f"it has {years[0]}-{years[-1]}" if years else "it has no table of links"
        raise StudyError(f"{folder}: no links of {year}; {known}")
    first, second = (_country(results, text, year) for text in (first, second))
    if first == second:
        raise StudyError(f"--link: {first} and {second}; a link joins two countries")
    traced = {
        "link": {"first": first, "second": second, "year": year},
        "works": {layer: _works(results, layer, first, second, year) for layer in LAYERS},
        "weights": list(_weights(tables, first, second)),
        "null_models": list(_null_models(results, first, second, year)),
        "indices": [
            {"variant": path.parent.name, **row}
            for path in results.files("*/indices.parquet")
            for row in _rows(path, first, second, year)
        ],
        "intervals": list(_intervals(results, first, second, year)),
        "index_intervals": [
            {"variant": path.parents[1].name, **row}
            for path in results.files("*/uncertainty/indices.parquet")
            for row in _rows(path, first, second, year)
        ],
        "trajectories": _of_branches(results, "trajectories", first, second, year),
        "excluded": _of_branches(results, "trajectories", first, second, ending=".excluded"),
        "clusters": _of_branches(results, "clusters", first, second),
        "stability": _of_branches(results, "clusters", first, second, ending=".stability"),
        "trends": _of_branches(results, "clusters", first, second, ending=".trends"),
    }
    results.reader.save()
    return traced


class _Results:
    """Files of results that may be shown: those of the last complete run, as that run left them.

    If no audit has recorded them, all files that hold what was written to them.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.reader = Reader()
        self._recorded = audit.recorded_digests()

    def files(self, pattern: str) -> list[Path]:
        """Files below the folder that a pattern names, sorted.

        Raises
        ------
        StudyError
            If one of them is missing or has changed.
        """
        whole = f"{self.folder}/{pattern}"
        paths = [path for path in self._recorded if PurePath(path).match(whole)] if self._recorded else [
            path.as_posix() for path in self.folder.glob(pattern)
        ]  # fmt: skip
        for path in paths:
            content = self.reader.result(path)
            if content.digest != self._recorded.get(path, content.digest):
                raise StudyError(
                    f"{path}: has changed since {audit.AUDIT} was made; audit.py --all says more"
                )
            faults = [*content.faults, *([audit.displaced(content)] if content.place != path else [])]
            if faults:
                raise StudyError(f"{path}: {faults[0]}")
        return sorted(map(Path, paths))


def _country(results: _Results, text: str, year: int) -> str:
    """Code of a country that has links in a year."""
    code = text.strip().upper()
    if _years(results.files(f"*/*/links/{year}.parquet"), code):
        return code
    if years := _years(results.files("*/*/links/*.parquet"), code):
        which = f"{code} has links in {', '.join(map(str, sorted(years)))}"
    elif code in names():
        which = f"{code} ({names()[code]}) has none in any year"
    else:
        which = advice(text) or "give two codes of ISO 3166-1 alpha-2, such as US CN"
    raise StudyError(f"{text}: no link in {year}; {which}")


def _years(tables: Iterable[Path], code: str) -> set[int]:
    """Years of the tables of links in which a country has one."""
    has_links = pl.any_horizontal(pl.col("source", "target") == code).any()
    return {
        int(path.stem)
        for path in tables
        if pl.read_parquet(path, columns=["source", "target"]).select(has_links).item()
    }


def _rows(path: Path, first: str, second: str, year: int | None = None) -> list[dict[str, Any]]:
    """Rows of a table of unordered pairs that belong to the link, without the columns that name it."""
    selected = (pl.col("source") == min(first, second)) & (pl.col("target") == max(first, second))
    if year is not None:
        selected &= pl.col("year") == year
    return pl.read_parquet(path).filter(selected).drop("source", "target", "year", strict=False).to_dicts()


def _of_branches(
    results: _Results, table: str, first: str, second: str, year: int | None = None, ending: str = ""
) -> list[dict[str, Any]]:
    """Rows of the tables ``VARIANT/table/NULL{ending}.parquet`` of every branch that belong to the link."""
    paths = results.files(f"*/{table}/*{ending}.parquet")
    return [
        {"variant": path.parents[1].name, "null": path.name.removesuffix(f"{ending}.parquet"), **row}
        for path in paths
        if path.name.count(".") == 1 + ending.count(".")
        for row in _rows(path, first, second, year)
    ]


def _directions(layer: str, first: str, second: str) -> list[tuple[str, str]]:
    """Source and target of the link in a layer: one row of collaboration, or both directions of citation."""
    return [(min(first, second), max(first, second))] if layer == LAYERS[0] else [
        (first, second), (second, first)
    ]  # fmt: skip


def _weights(tables: list[Path], first: str, second: str) -> Iterator[dict[str, Any]]:
    """Weight of the link in every table of links; 0 where it has no row."""
    for path in tables:
        variant, layer = path.parts[-4:-2]
        frame = pl.read_parquet(path)
        for source, target in _directions(layer, first, second):
            rows = frame.filter(source=source, target=target)
            yield {
                "variant": variant, "layer": layer, "source": source, "target": target,
                "weight": rows["weight"][0] if len(rows) else 0,
            }  # fmt: skip


def _null_models(results: _Results, first: str, second: str, year: int) -> Iterator[dict[str, Any]]:
    """What every null model says of the link."""
    for path in results.files("*/*/scores/*.parquet"):
        variant, layer = path.parts[-4:-2]
        frame = pl.read_parquet(path).filter(year=year)
        for source, target in _directions(layer, first, second):
            for row in frame.filter(source=source, target=target).select(MODELS).to_dicts():
                where = {"variant": variant, "layer": layer, "null": path.stem}
                yield {**where, "source": source, "target": target, **row}


def _intervals(results: _Results, first: str, second: str, year: int) -> Iterator[dict[str, Any]]:
    """Intervals of z of the link, under every null model that is fitted to the draws."""
    for path in results.files("*/uncertainty/z.parquet"):
        frame = pl.scan_parquet(path).filter(
            pl.col("year") == year,
            pl.col("source").is_in([first, second]),
            pl.col("target").is_in([first, second]),
        )
        for row in frame.drop("year", "pair_low", "pair_high").collect().to_dicts():
            yield {"variant": path.parents[1].name, **row}


def _works(results: _Results, layer: str, first: str, second: str, year: int) -> list[dict[str, Any]]:
    """Count the works behind the link anew, for each direction, and sample some of them.

    The count is the weight of the link under full counting and without a window of citations.
    """
    paths = results.files(f"works/{year}.parquet")
    if not paths:
        return []
    works = pl.read_parquet(paths)
    counts = []
    for source, target in _directions(layer, first, second):
        listed = works.filter(pl.col("countries").list.contains(source))
        if layer == LAYERS[0]:
            counted = listed.filter("is_core", pl.col("countries").list.contains(target)).with_columns(
                count=pl.lit(1)
            )
        else:
            cited = (
                pl.scan_parquet(results.files("works/*.parquet"))
                .filter("is_core", pl.col("countries").list.contains(target))
                .select("work_id")
                .collect()["work_id"]
            )
            counted = listed.with_columns(
                count=pl.col("references").list.eval(pl.element().is_in(cited.implode())).list.sum()
            ).filter(pl.col("count") > 0)
        sample = counted.sort("work_id").gather_every(max(1, -(-len(counted) // SAMPLE)))
        origins = _origins(results, sample["work_id"])
        counts.append(
            {
                "source": source, "target": target, "works": len(counted), "weight": counted["count"].sum(),
                "sample": [
                    {"work": f"https://openalex.org/W{work}", "count": count, **origins.get(work, {})}
                    for work, count in sample.select("work_id", "count").iter_rows()
                ],
                "queries": _queries({origin["file"] for origin in origins.values()}),
            }
        )  # fmt: skip
    return counts


def _origins(results: _Results, works: pl.Series) -> dict[int, dict[str, Any]]:
    """File and row from which each work was read: the latest copy, which the selection takes."""
    origins: dict[int, tuple[str, int, dict[str, Any]]] = {}
    for path in results.files("harvest/records/*.parquet"):
        params = (results.reader(str(path)).record or {})["params"]
        files: Mapping[int, str] = dict(zip(params.get("places", []), params.get("files", []), strict=True))
        released = {"release": params["release"]} if params.get("release") else {}
        copies = (
            pl.scan_parquet(path)
            .filter(pl.col("work_id").is_in(works.implode()))
            .select("work_id", "position", pl.col("updated").fill_null(""))
            .collect()
        )
        for work, position, updated in copies.iter_rows():
            origin = {"file": files.get(position >> 32), "row": (position & 0xFFFFFFFF) + 1, **released}
            origins[work] = max(
                origins.get(work, ("", -1, {})), (updated, position, origin), key=lambda o: o[:2]
            )
    return {work: origin for work, (_, _, origin) in origins.items()}


def _queries(files: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Queries that gave the works of each file: address, filter, and the first and last time of an answer.

    A file that no service was asked for has none.
    """
    queries = {}
    for file in sorted(files):
        record = (extraction.read(file) if Path(file).is_file() else None) or {}
        units = [Path(unit) for unit in record.get("store", []) if Path(unit).is_file()]
        asked = [json.loads(unit.read_bytes()) for unit in units]
        if asked:
            queries[file] = [{key: one[key] for key in ("url", "filter", "first", "last")} for one in asked]
    return queries


def describe(link: Mapping[str, Any]) -> str:
    """Write what `trace` gives as text for a terminal.

    Parameters
    ----------
    link : Mapping
        As `trace` returns it.
    """
    first, second, year = link["link"].values()
    titles = names()
    lines = [f"{titles.get(first, first)} ({first}) and {titles.get(second, second)} ({second}), {year}"]
    for layer, counts in link["works"].items():
        for count in counts:
            lines += ["", f"{layer} {count['source']}-{count['target']}: {count['works']} works, "
                          f"weight {count['weight']} counted anew"]  # fmt: skip
            lines += [
                f"  {work['work']}  {work['file']} row {work['row']}"
                if "file" in work
                else f"  {work['work']}"
                for work in count["sample"]
            ]
            for file, queries in count["queries"].items():
                for query in queries:
                    asked = ", ".join(f"{key} {value}" for key, value in query["filter"].items())
                    lines.append(f"  {file}: works of {query['url']} with {asked}; {query['first']}")
    for part, title in PARTS.items():
        if link[part]:
            lines += ["", title, text.table(link[part])]
    return "\n".join(lines)


PARTS = {
    "weights": "Weights of the networks",
    "null_models": "Under the null models",
    "indices": "Plain indices",
    "intervals": "95 % intervals of z, by a bootstrap over works",
    "index_intervals": "95 % intervals of the plain indices",
    "trajectories": "In the trajectory of the pair",
    "excluded": "Not in the panel of pairs",
    "clusters": "Cluster of the pair",
    "stability": "Stability of its archetype",
    "trends": "Trends of the pair",
}
"""Title of each part of a description."""
