"""From the verdicts on a claim back to the rows that decided them, and what would have changed them.

Every claim is judged anew, by the code that judged it, on the files that the table of verdicts names. What
that code hands out with its verdict is what is shown, so the two cannot part.
"""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from poles.audits import text
from poles.audits.hashes import Reader
from poles.claims import inputs, judging
from poles.claims.tables import CLAIMS
from poles.claims.verdicts import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    Claim,
    Condition,
    Verdict,
)
from poles.errors import StudyError
from poles.study import tables
from poles.study.audit import code_state

TABLE = Path("results/claims.parquet")
PAIRS = (("source", "target"), ("country", "pole"))
"""Columns that may name the two countries of a row."""
TITLES = {
    "courses": "Slopes of the logarithm of observed over expected weight, per decade",
    "trends": "Slopes of z, per decade",
    "alignment": "Countries against the poles",
    "members": "Clusters of the pairs",
    "selection": "Stability of the clusters, beside that of surrogates",
    "recent": "Links in the recent years, mean z",
    "ties": "Number of ties, by threshold and set of countries",
    "polarization": "Slopes of the yearly measure, per decade",
    "measure": "The measure by year, beside chance and constant affinities",
    "hubs": "Large producers and small neighbours of the region",
    "candidates": "The country as a pole",
    "verdicts": "Verdicts that are compared",
    "links": "Observed and expected weights of these pairs",
    "trajectories": "Trajectories of these pairs",
}
"""Title of each group of rows."""


def evidence(name: str, branch: str | None = None) -> dict[str, Any]:
    """Judge a claim anew in every branch, and collect what its verdicts follow from.

    Parameters
    ----------
    name : str
        Id of the claim.
    branch : str, optional
        One branch alone, as VARIANT/NULL.

    Returns
    -------
    dict
        ``claim``: what is claimed. ``branches``: for each branch the row of the table of claims;
        ``conditions`` (`poles.claims.verdicts.Condition`) and ``changes``,
        sentences that say what would have given another verdict; ``rows``, by name: ``file`` and ``rows``;
        and ``breaks``: what does not fit together.

    Raises
    ------
    StudyError
        If the study has no such claim or branch, or a file is missing.
    """
    reader = Reader()
    collected = _record(TABLE, reader)
    rows = tables.read(TABLE, CLAIMS)
    if name not in rows["claim"]:
        known = rows["claim"].unique(maintain_order=True).to_list()
        close = difflib.get_close_matches(name, known, 3, 0.4) or known
        raise StudyError(f"--claim: {name}; {TABLE} has no such claim; it has {', '.join(close)}")
    rows = rows.filter(claim=name)
    names = [f"{row['variant']}/{row['null']}" for row in rows.iter_rows(named=True)]
    if branch is not None:
        if branch not in names:
            raise StudyError(f"--branch: {branch}; the claim is judged in {', '.join(names)}")
        rows = rows.filter(variant=branch.split("/")[0], null=branch.split("/")[1])
    claim = _claim_in(collected, name, TABLE)
    judged = [_of_row(claim, row, collected, reader) for row in rows.iter_rows(named=True)]
    reader.save()
    return {"claim": dict(claim), "branches": judged}


def _record(path: Path, reader: Reader) -> dict[str, Any]:
    """Record of a table of verdicts, which must be the one that was written."""
    content = reader.result(path.as_posix())
    if content.record is None or content.faults:
        raise StudyError(f"{path}: {content.faults[0]}")
    return content.record


def _of_row(
    claim: Claim, row: Mapping[str, Any], collected: Mapping[str, Any], reader: Reader
) -> dict[str, Any]:
    """Evidence for one row of the table of claims."""
    several = row["null"] == judging.ALL
    path = TABLE if several else Path(f"results/{row['variant']}/claims/{row['null']}.parquet")
    record = collected if several else _record(path, reader)
    for name in record["inputs"]:
        reader.result(name)
    if several:
        names: dict[str, Any] = {"verdicts": [p for p in record["inputs"] if _is_verdicts(p)]}
        verdicts = tables.read_all(names["verdicts"], CLAIMS)
        verdict = judging.verdict_over(claim, verdicts, row["variant"])
    else:
        claim = _claim_in(record, claim["id"], path)
        names = files_of(record, row["null"])
        branch = judging.read_branch(SimpleNamespace(**names), **record["params"]["study"])
        verdict = judging.verdict_on(claim, branch)
    groups = {name: (_file(name, names, claim, row), frame) for name, frame in verdict.rows.items()}
    if not several:
        groups |= dict(_yearly(claim, verdict, names, record["params"]["study"], reader))
    shown = sorted({name for file, _ in groups.values() for name in file.split(", ")})
    breaks = [
        *_differences(row, verdict, path),
        *_changed(record, path, reader),
        *(f"{name}: {fault}" for name in shown for fault in reader.result(name).faults),
    ]
    return {
        **{key: row[key] for key in ("variant", "null", "verdict", "statistic", "why")},
        "breaks": breaks,
        "conditions": [condition._asdict() for condition in verdict.conditions],
        "changes": list(changes(verdict)),
        "rows": {name: {"file": file, "rows": frame.to_dicts()} for name, (file, frame) in groups.items()},
    }


def _claim_in(record: Mapping[str, Any], name: str, path: Path) -> Claim:
    """The claim that a table of verdicts was made on, from its record."""
    claims = record.get("params", {}).get("claims")
    if isinstance(claims, list):
        for claim in claims:
            if isinstance(claim, dict) and claim.get("id") == name:
                return claim
    raise StudyError(f"{path}: its record does not hold the claim {name}; audit.py {path} says more")


def _is_verdicts(path: str) -> bool:
    """Whether an input of the table of all verdicts is that of a branch, and no table beside it."""
    return Path(path).parent.name == "claims" and Path(path).name.count(".") == 1


def files_of(record: Mapping[str, Any], null: str) -> dict[str, Any]:
    """Files that the verdicts on a branch were made from.

    Parameters
    ----------
    record : Mapping
        Record of these verdicts.
    null : str
        Null model of the branch.

    Returns
    -------
    dict
        Paths by the names that `poles.claims.judging.read_branch` uses; ``scores`` has one for each layer.
    """
    paths = sorted(record["inputs"])
    endings = {name: path.format(null=null) for name, (_, path) in inputs.OF_TRAJECTORIES.items()}
    endings["countries"] = "countries.parquet"
    found = {name: next((p for p in paths if p.endswith(f"/{end}")), None) for name, end in endings.items()}
    scores = {Path(path).parts[-3]: path for path in paths if path.endswith(f"/scores/{null}.parquet")}
    of_layers = [scores[layer] for layer in record["params"]["study"]["layers"]]
    return {name: path for name, path in found.items() if path} | {"scores": of_layers}


def _file(name: str, names: Mapping[str, Any], claim: Claim, row: Mapping[str, Any]) -> str:
    """Path of the table that holds a group of rows, or of the tables."""
    if name == "ties":
        return f"results/{row['variant']}/claims/{row['null']}.ties.parquet"
    if name == "recent":
        return next(path for path in names["scores"] if f"/{claim['layer']}/" in path)
    paths = names["clusters" if name == "members" else name]
    return paths if isinstance(paths, str) else ", ".join(paths)


def _yearly(
    claim: Claim, verdict: Verdict, names: Mapping[str, Any], study: Mapping[str, Any], reader: Reader
) -> Iterator[tuple[str, tuple[str, pl.DataFrame]]]:
    """Yearly weights and trajectories of the pairs that decided a verdict, with their files."""
    if "polarization" in verdict.rows:
        path = Path(names["polarization"].replace(".trends.parquet", ".parquet"))
        reader.result(str(path))
        of_measure = verdict.rows["polarization"].select("channel", "measure", "poles")
        yield (
            "measure",
            (str(path), pl.read_parquet(path).join(of_measure, on=of_measure.columns, how="semi")),
        )
    pairs = sorted({pair for frame in verdict.rows.values() for pair in _pairs(frame)})
    if not pairs:
        return
    listed = pl.DataFrame(pairs, ["source", "target"], orient="row")
    of_links = "recent" in verdict.rows
    period = [study["significance"][end] for end in ("first", "last")] if of_links else study["period"]
    both = pl.concat([listed, listed.select(source="target", target="source")])
    layers = dict(zip(study["layers"], names["scores"], strict=True))
    chosen = {layer: path for layer, path in layers.items() if claim.get("layer", layer) == layer}
    weights = [
        pl.read_parquet(path)
        .filter(pl.col("year").is_between(*period))
        .join(both, on=["source", "target"], how="semi")
        .select(pl.lit(layer).alias("layer"), "source", "target", "year", *MODEL)
        for layer, path in chosen.items()
    ]
    yield "links", (", ".join(chosen.values()), pl.concat(weights).sort("layer", "source", "target", "year"))
    if of_links or "signal" not in names:
        return
    path = Path(names["signal"].removesuffix(".signal.parquet") + ".parquet")
    if path.is_file():
        reader.result(str(path))
        courses = pl.read_parquet(path).join(listed, on=["source", "target"], how="semi")
        yield "trajectories", (str(path), courses)


MODEL = ("observed", "expected", "std", "z", "q")
"""Columns of the scores that are shown."""


def _pairs(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Pairs of countries that the rows of a table are about, each in the order of the codes."""
    for columns in PAIRS:
        if set(columns) <= set(frame.columns):
            for pair in frame.select(columns).iter_rows():
                yield min(pair), max(pair)
    for row in frame.iter_rows(named=True):
        for first, second in combinations(row.get("large") or (), 2):  # of a region with hubs
            yield min(first, second), max(first, second)
        for partner in (*(row.get("attracts") or ()), *(row.get("repels") or ())):  # of a pole
            yield min(row["country"], partner), max(row["country"], partner)


def _differences(row: Mapping[str, Any], verdict: Verdict, path: Path) -> Iterator[str]:
    """In what the present verdict is not the one in the tables."""
    for key in ("verdict", "statistic", "why"):
        if row[key] != (present := getattr(verdict, key)):
            yield f"{TABLE}: {key} {row[key]!r}; judged anew it is {present!r}"
    if path != TABLE:
        named = {"claim": row["claim"]}
        if tables.read(path, CLAIMS).filter(**named).rows(named=True) != [row]:
            yield f"{path}: its row on {row['claim']} is not that of {TABLE}"


def _changed(record: Mapping[str, Any], path: Path, reader: Reader) -> Iterator[str]:
    """Inputs of a table of verdicts that have changed since it was made, and its code."""
    for name, digest in record["inputs"].items():
        if reader(name).digest != digest:
            yield f"{name}: has changed since {path} was made"
    if difference := code_state(dict(record)):
        yield f"{path}: {difference}"


def changes(verdict: Verdict) -> Iterator[str]:
    """Sentences that say what would have given another verdict.

    Parameters
    ----------
    verdict : Verdict
        With its conditions.

    Yields
    ------
    str
    """
    for outcome in (REPRODUCED, CONTRADICTED):
        own = [condition for condition in verdict.conditions if condition.verdict == outcome]
        failing = [condition for condition in own if not condition.holds]
        if verdict.verdict == outcome:
            yield f"It would no longer be {outcome} if {' or '.join(_clause(one, 'not ') for one in own)}."
        elif failing:
            yield f"It would be {outcome} if {' and '.join(map(_clause, failing))}."
    for condition in verdict.conditions:
        if condition.verdict == NOT_TESTABLE:
            way, no = ("be testable", "not ") if condition.holds else ("not be testable", "")
            yield f"It would {way} if {_clause(condition, no)}."


def _clause(condition: Condition, no: str = "") -> str:
    """A condition, or with "not " its contrary, as the clause of a sentence, with the present value."""
    value = _value(condition)
    if isinstance(condition.limit, bool):
        wanted = text.number(condition.limit != bool(no))
        return f"the answer to {condition.what} were {wanted} (it is {value})"
    compared = f"{no}{condition.relation} {_limit(condition, bool(no))}"
    return f"the {condition.what} were {compared} (it is {value}{_distance(condition)})"


def _distance(condition: Condition) -> str:
    """How far a value is from its limit."""
    if condition.total is not None or condition.relation == "equal to":
        return ""
    return f", {abs(condition.value - condition.limit):.3g} away"


def _value(condition: Condition) -> str:
    """Value of a condition; a share with the number that it stands for."""
    if condition.total is None:
        return text.number(condition.value)
    return f"{condition.value:.3g}, {round(condition.value * condition.total)} of {condition.total}"


def _limit(condition: Condition, plain: bool = False) -> str:
    """Limit of a condition; that of a share is followed by the number that meets it, if not `plain`."""
    if condition.total is None or plain:
        return text.number(condition.limit)
    exact = condition.limit * condition.total
    count = math.ceil(exact - 1e-9)
    count = count if condition.relation == "at least" else count - 1
    return f"{condition.limit:.3g} (that is {'none' if count < 0 else count} of {condition.total})"


def describe(traced: Mapping[str, Any], full: bool = False) -> str:
    """Write what `evidence` gives as text for a terminal.

    Parameters
    ----------
    traced : Mapping
        As `evidence` returns it.
    full : bool
        Whether to list all rows of long tables.
    """
    claim = traced["claim"]
    keys = {key: value for key, value in claim.items() if key not in ("id", "statement")}
    lines = [f"{claim['id']}: {claim['statement'].strip()}", f"  {text.keys(keys)}"]
    for branch in traced["branches"]:
        statistic = "none" if branch["statistic"] is None else text.number(branch["statistic"])
        name = f"{branch['variant']}/{branch['null']}"
        lines += ["", f"{name}: {branch['verdict']}, statistic {statistic}", f"  {branch['why']}"]
        lines += [f"  BROKEN: {sentence}" for sentence in branch["breaks"]]
        lines += _conditions([Condition(**condition) for condition in branch["conditions"]])
        lines += [f"  {sentence}" for sentence in branch["changes"]]
        for group, held in branch["rows"].items():
            lines += ["", f"  {TITLES[group]} ({held['file']})", text.table(held["rows"], full, "  ")]
    return "\n".join(lines)


def _conditions(conditions: Sequence[Condition]) -> Iterator[str]:
    """Lines that list the conditions of each decided verdict."""
    for outcome in (REPRODUCED, CONTRADICTED):
        own = [condition for condition in conditions if condition.verdict == outcome]
        if own:
            yield f"  {outcome} if all of this holds:"
        for condition in own:
            mark = "✓" if condition.holds else "✗"
            compared = f"{condition.relation} {_limit(condition)}"
            if isinstance(condition.limit, bool):
                compared = _limit(condition)
            yield f"    {mark} {condition.what}: {compared}; it is {_value(condition)}"


def breaks(traced: Mapping[str, Any]) -> list[str]:
    """What does not fit together in any branch of what `evidence` gives."""
    return [sentence for branch in traced["branches"] for sentence in branch["breaks"]]
