"""The rows of the exported tables, collected from the results of all branches."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from poles import countries
from poles.exports.tables import COUNTRY_COLUMNS, RENAMED, Exported
from poles.layers import LAYERS
from poles.study import tables


def place_of(path: str | Path) -> dict[str, str]:
    """Variant, layer and null model of a result, as far as its path has them.

    Parameters
    ----------
    path : str or Path
        ``results/VARIANT/LAYER/KIND/NULL.parquet``, without LAYER or without KIND and NULL.
    """
    _, variant, *folders, name = Path(path).parts
    place = {"variant": variant, "null_model": name.partition(".")[0]}
    return place | ({"layer": folders[0]} if folders and folders[0] in LAYERS else {})


def rows(export: Exported, files: Sequence[Sequence[str]]) -> Iterator[pl.DataFrame]:
    """Yield the rows of an exported table, one result after the other.

    Parameters
    ----------
    export : Exported
        The table.
    files : sequence of sequence of str
        Files of each of its results. Files at the same place belong together.

    Yields
    ------
    pl.DataFrame
        `Exported.table`.

    Raises
    ------
    StudyError
        If a file is not of the expected kind.
    """
    key = list(export.results[0][1].key)
    for paths in zip(*files, strict=True):
        frame, *others = (
            tables.read(path, kind) for path, (_, kind) in zip(paths, export.results, strict=True)
        )
        for other in others:
            added = [name for name in other.columns if name not in frame.columns]
            other = other.select(*key, *added)
            frame = frame.join(other, on=key, how="left", validate="1:1", maintain_order="left")
        frame = frame.drop_nulls(export.needed) if export.needed else frame
        yield complete(frame, export, place_of(paths[0]) if export.place else {})


def complete(frame: pl.DataFrame, export: Exported, place: Mapping[str, str]) -> pl.DataFrame:
    """Add the place and three-letter codes to a table of results, and join the texts of lists."""
    codes = {row["code"]: row["code3"] for row in countries.load().iter_rows(named=True)}
    return (
        frame.rename(RENAMED, strict=False)
        .with_columns(
            pl.col(pl.List(pl.String)).list.join(" ").replace("", None),
            *(pl.lit(place[name]).alias(name) for name in export.place),
            *(
                pl.col(name)
                .replace_strict(codes, default=None, return_dtype=pl.String)
                .alias(f"{name}_alpha3")
                for name in COUNTRY_COLUMNS
                if name in frame.columns
            ),
        )
        .select(*export.table.columns)
    )


def branch_rows(homes: Mapping[str, Mapping[str, str]], choices: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of the table of branches.

    Parameters
    ----------
    homes : Mapping
        Where the files of every branch stand, as `poles.study.branches.homes` gives them.
    choices : Mapping
        Choices of every branch, as `poles.study.branches.declared` gives them.
    """
    records = []
    for branch, of_stage in homes.items():
        variant, null = branch.split("/")
        variants = {f"{stage}_of": home.split("/")[0] for stage, home in of_stage.items() if stage != "works"}
        text = "; ".join(
            f"{name}: {'none' if value is None else value}"
            for name, value in choices[branch].items()
            if name != "null model"
        )
        records.append({"variant": variant, "null": null, **variants, "choices": text})
    return pl.DataFrame(records)


def country_names() -> pl.DataFrame:
    """Rows of the table of names: all countries, whether the study has them or not."""
    return countries.load().select("name", "region", "subregion", country="code")
