"""The numbers and texts that the explorer shows, collected from the tables of a study."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from poles import countries as reference
from poles.archetypes.tables import CLUSTERS, STABILITY
from poles.blocs.tables import alignment_table
from poles.claims.page import caveat
from poles.claims.tables import CLAIMS
from poles.explorer import packing
from poles.figures import palette, shapes
from poles.networks.tables import COUNTRIES, INDEX_NAMES, INDICES
from poles.nulls.tables import SCORES, Z_INTERVALS
from poles.study import tables

MOST_NUMBERS = 1_400_000
"""Numbers that a page holds, some 3.5 MB. If there are more, the weakest pairs are left out."""
DIRECTED = "citation"


class Branch(NamedTuple):
    """Results of one branch that are about pairs and countries.

    Attributes
    ----------
    name : str
        "variant/null".
    clusters, stability, alignment : pl.DataFrame
        Tables `CLUSTERS`, `STABILITY` and that of `alignment_table`.
    """

    name: str
    clusters: pl.DataFrame
    stability: pl.DataFrame
    alignment: pl.DataFrame


def read(
    files: Mapping[str, Any],
    layers: Sequence[str],
    nulls: Sequence[str],
    branches: Sequence[str],
    data: Mapping[str, Any],
    **facts: Any,
) -> dict[str, Any]:
    """Read the tables of a study, and collect what the page shows.

    Parameters
    ----------
    files : Mapping
        Files of tables: ``scores`` (of every layer and null model, null models of a layer in a row),
        ``indices``, ``countries``, ``claims``, ``intervals`` (a list, may be empty); of every branch
        ``clusters``, ``stability`` and ``alignment``, which may be missing.
    layers, nulls : sequence of str
        Layers and null models of the scores.
    branches : sequence of str
        Names of the branches, "variant/null".
    data : Mapping
        Arguments of `poles.claims.page.caveat`.
    **facts
        Further facts of `collect`.

    Returns
    -------
    dict
    """
    keys = [(layer, null) for layer in layers for null in nulls]
    scores = {key: tables.read(file, SCORES) for key, file in zip(keys, files["scores"], strict=True)}
    alignment = alignment_table(facts["poles"])
    per_branch = zip(
        branches, *(files.get(name, ()) for name in ("clusters", "stability", "alignment")), strict=False
    )
    return collect(
        scores,
        tables.read(files["indices"], INDICES),
        tables.read(files["countries"], COUNTRIES),
        tables.read(files["claims"], CLAIMS),
        [
            Branch(
                name,
                tables.read(clusters, CLUSTERS),
                tables.read(stability, STABILITY),
                tables.read(aligned, alignment),
            )
            for name, clusters, stability, aligned in per_branch
        ],
        tables.read(files["intervals"][0], Z_INTERVALS) if files["intervals"] else None,
        facts | {"note": caveat(**data)},
    )


def collect(
    scores: Mapping[tuple[str, str], pl.DataFrame],
    indices: pl.DataFrame,
    countries: pl.DataFrame,
    claims: pl.DataFrame,
    branches: Sequence[Branch],
    intervals: pl.DataFrame | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect what the page shows.

    Parameters
    ----------
    scores : Mapping
        Table `SCORES` by layer and null model.
    indices, countries, claims : pl.DataFrame
        Tables `INDICES`, `COUNTRIES` and `CLAIMS`.
    branches : sequence of Branch
        In the order of the study; the first is the headline. Empty if the study has no trajectories.
    intervals : pl.DataFrame, optional
        Table `Z_INTERVALS`.
    facts : Mapping
        What the page says of the study: ``poles``, ``recent`` (first and last year), ``threshold``,
        ``variant`` of the links, ``draws`` behind the intervals, ``note``.

    Returns
    -------
    dict
        Can be written as JSON. Arrays have a row per pair and a column per year.
    """
    layers = list(dict.fromkeys(layer for layer, _ in scores))
    nulls = list(dict.fromkeys(null for _, null in scores))
    years = sorted(set().union(*(frame["year"].unique() for frame in scores.values())))
    first = {layer: scores[layer, nulls[0]] for layer in layers}
    pairs = _pairs(first)
    kinds = [f"{layer}{way}" for layer in layers for way in _ways(layer)]
    bands = 0 if intervals is None else 2
    columns = len(kinds) * (1 + (2 + bands) * len(nulls)) + len(INDEX_NAMES)
    kept = pairs.head(max(1, MOST_NUMBERS // (columns * len(years))))
    grid = _Grid(kept, years)
    arrays = {f"{kind}/observed": grid.fill(first[_layer(kind)], "observed", kind) for kind in kinds}
    exact = frozenset(arrays)
    for (layer, null), frame in scores.items():
        for way in _ways(layer):
            for value in ("expected", "z"):
                arrays[f"{layer}{way}/{null}/{value}"] = grid.fill(frame, value, layer + way)
            if intervals is not None:
                own = intervals.filter(layer=layer, null=null)
                for value in ("z_low", "z_high"):
                    arrays[f"{layer}{way}/{null}/{value}"] = grid.fill(own, value, layer + way)
    for name in INDEX_NAMES:
        filled = grid.fill(indices, name, "collaboration")
        if np.isfinite(filled).any():
            arrays[f"index/{name}"] = filled
    codes = sorted(set(kept["source"]) | set(kept["target"]) | set(facts["poles"]))
    return {
        **facts,
        "years": [int(year) for year in years],
        "layers": layers,
        "nulls": nulls,
        "countries": _countries(codes, countries, years),
        "pairs": [
            [codes.index(source), codes.index(target)]
            for source, target in kept.select("source", "target").iter_rows()
        ],
        "all_pairs": len(pairs),
        "packed": packing.pack(arrays, exact),
        "archetypes": {branch.name: _archetypes(branch, kept) for branch in branches},
        "alignment": {branch.name: _alignment(branch.alignment) for branch in branches},
        "claims": _claims(claims),
        "colours": palette.POLES[: len(facts["poles"])],
        "shapes": _shapes(),
    }


class _Grid:
    """Places of pairs and years in an array."""

    def __init__(self, pairs: pl.DataFrame, years: Sequence[int]):
        self.shape = (len(pairs), len(years))
        self.years = pl.DataFrame({"year": years}, schema={"year": pl.Int16}).with_row_index("column")
        self.pairs = pairs.select("source", "target").with_row_index("row")

    def fill(self, frame: pl.DataFrame, value: str, kind: str) -> np.ndarray:
        """Array of a column of a table of links; NaN where the table has none."""
        pairs = self.pairs
        if kind.endswith("<"):
            pairs = pairs.rename({"source": "target", "target": "source"})
        placed = frame.join(pairs, on=["source", "target"]).join(self.years, on="year")
        filled = np.full(self.shape, np.nan, dtype=np.float32)
        filled[placed["row"].to_numpy(), placed["column"].to_numpy()] = (
            placed[value].cast(pl.Float32).to_numpy()
        )
        return filled


def _ways(layer: str) -> tuple[str, ...]:
    """Suffixes of the series of a layer: one, or both directions: the first country cites, or is cited."""
    return (">", "<") if layer == DIRECTED else ("",)


def _layer(kind: str) -> str:
    """Layer of a kind of series."""
    return kind.rstrip("<>")


def _pairs(scores: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Pairs with a link in any layer, source < target, those with the greatest total weight first."""
    ordered = [
        frame.filter(pl.col("observed") > 0).select(
            pl.min_horizontal("source", "target").alias("source"),
            pl.max_horizontal("source", "target").alias("target"),
            # Layers count alike, whatever the number of their links.
            (pl.col("observed") / pl.col("observed").sum()).alias("share"),
        )
        for frame in scores.values()
    ]
    total = pl.concat(ordered).group_by("source", "target").agg(pl.col("share").sum().round(12))
    return total.sort("share", "source", "target", descending=[True, False, False])


def _countries(codes: Sequence[str], table: pl.DataFrame, years: Sequence[int]) -> list[dict[str, Any]]:
    """Code, name, region and yearly works of every country."""
    regions = dict(reference.load().select("code", "region").iter_rows())
    names = reference.names()
    papers: dict[str, dict[int, float]] = {}
    for year, country, works in table.select("year", "country", "papers").iter_rows():
        papers.setdefault(country, {})[year] = works
    return [
        {
            "code": code,
            "name": names.get(code, code),
            "region": regions.get(code),
            "works": [papers.get(code, {}).get(year) for year in years],
        }
        for code in codes
    ]


def _archetypes(branch: Branch, pairs: pl.DataFrame) -> list[list[Any] | None]:
    """Archetype, and share of perturbed clusterings that agree, of every pair of the page."""
    joined = branch.clusters.select("source", "target", "archetype").join(
        branch.stability.select("source", "target", "stability"), on=["source", "target"], how="left"
    )
    known = {(source, target): [name, sure] for source, target, name, sure in joined.iter_rows()}
    return [known.get(pair) for pair in pairs.select("source", "target").iter_rows()]


def _alignment(alignment: pl.DataFrame) -> dict[str, list[Any]]:
    """Group, index and interval of the index by country."""
    columns = ["group", "index", "index_low", "index_high"]
    return {row[0]: list(row[1:]) for row in alignment.select("country", *columns).iter_rows()}


def _claims(claims: pl.DataFrame) -> list[dict[str, Any]]:
    """Claims with their verdicts, in the order of the page of claims."""
    listed: dict[str, dict[str, Any]] = {}
    for row in claims.iter_rows(named=True):
        claim = listed.setdefault(
            row["claim"], {"id": row["claim"], "statement": row["statement"], "verdicts": []}
        )
        claim["verdicts"].append([row["variant"], row["null"], row["verdict"], row["why"]])
    return list(listed.values())


def _shapes() -> dict[str, Any]:
    """Paths of the shapes of all countries, in thousandths of the radius of the globe, and their middles."""
    outlines, others = shapes.load()
    drawn = {
        code: {
            "path": _path(shape.rings),
            "middle": [round(1000 * x) for x in shapes.equal_earth(*shape.centre) * (1, -1)],
            "small": bool(shape.area < shapes.SMALL),
        }
        for code, shape in outlines.items()
    }
    return {"countries": drawn, "others": _path(others), "outline": _path([shapes.outline()])}


def _path(rings: Sequence[np.ndarray]) -> str:
    """Path of SVG of closed rings. Its steps are relative, which takes half the bytes."""
    text = []
    for ring in rings:
        points = np.round(1000 * ring * (1, -1)).astype(int)
        steps = np.diff(points, axis=0)
        moved = steps[np.any(steps, axis=1)]
        if len(moved) > 2:
            text.append(
                f"M{points[0][0]} {points[0][1]}l" + " ".join(f"{x} {y}" for x, y in moved[:-1]) + "z"
            )
    return "".join(text)
