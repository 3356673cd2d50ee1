"""Run the study on planted worlds, to see whether it finds what was planted and nothing else.

    python tests/worlds.py [--folder FOLDER] [WORLD ...] [-- snakemake options ...]

runs the study up to its claims on all worlds of `WORLDS`, or on those named. For each world and each reading
of z (`VARIANTS`) it prints how well the archetypes are recovered, how well a supervised method recovers them,
how many clusters the data prefer, and how many verdicts are right, open or false. Every world has a folder
of its own below FOLDER, so that an interrupted run can go on.

A verdict is false if it calls a claim reproduced that was not planted, or contradicted that was planted.
What was planted follows from the plan of the world alone (`planted`), that is, from the archetypes of pairs
and not from z. A verdict does not count if the plan does not decide the claim, for example how many ties are
significant.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import numpy as np
import polars as pl
import yaml

from poles.archetypes import tables as archetypes_tables
from poles.claims import tables as claims_tables
from poles.corpus.demo.world import ARCHETYPES, CHANGE, KD, KI, SC, SD, World, plant
from poles.layers import LAYERS, channels_of
from poles.study import tables
from poles.trajectories.pair_panel import PairPanel

UNEVEN = {"sc": 0.6, "sd": 0.25, "ki": 0.1, "kd": 0.05}
WORLDS: dict[str, dict[str, Any]] = {
    "the demo": {"seed": 1},
    "another seed": {"seed": 2},
    "a third seed": {"seed": 3},
    "noise x 2": {"seed": 4, "world": {"noise": 0.16}},
    "noise x 4": {"seed": 5, "world": {"noise": 0.32}},
    "groups 60:25:10:5": {"seed": 6, "world": UNEVEN},
    "groups 5:10:25:60": {"seed": 7, "world": dict(zip(UNEVEN, [0.05, 0.1, 0.25, 0.6], strict=True))},
    "60:25:10:5, works x 4": {"seed": 6, "works": 240_000, "world": UNEVEN},
    "three poles": {"seed": 8, "world": {"poles": 3}},
    "no polarization": {"seed": 9, "world": {"contrast": 0}},
    "random walks": {"seed": 10, "world": {"contrast": 0, "walk": 0.4}},
}
"""Settings of `demo` by the name of the world."""

FEW = {"resamples": 6, "headline_resamples": 8, "surrogate_resamples": 1}
"""Runs of the study of stability: fewer than by default, as there are many worlds."""
VARIANTS = ("beyond_growth", "full")
"""Readings of z: without what growth alone makes of it, and as it is."""
NULL = "max_entropy"
CHANNELS = channels_of(LAYERS, "mean")
CLAIMS = f"results/{{variant}}/claims/{NULL}.parquet"
STABILITY = f"results/{{variant}}/clusters/{NULL}.stability.parquet"
SELECTION = f"results/{{variant}}/clusters/{NULL}.selection.parquet"
TRAJECTORIES = f"results/{{variant}}/trajectories/{NULL}.parquet"
RECOVERY = f"results/{{variant}}/recovery/{NULL}.parquet"


def planted(claim: Mapping[str, Any], world: World, followed: Collection[str]) -> bool | None:
    """Whether a claim is true of the plan of a world.

    Parameters
    ----------
    claim : Mapping
        One of ``config/claims.yaml``.
    world : World
        The planted world.
    followed : collection of str
        Countries of the panel; the claim is about no others.

    Returns
    -------
    bool or None
        None if the plan does not decide the claim.
    """
    kind, plan = claim["kind"], world.plan
    if kind == "clusters":
        return plan.contrast > 0 and claim["k"] == len(ARCHETYPES)
    if kind in ("polarization", "hub"):
        return False if not (plan.contrast or plan.walk) else None
    if kind in ("significant", "neighbours", "continents", "robust") or plan.walk:
        return None
    place = {code: number for number, code in enumerate(world.codes)}

    def archetype(country: str, other: str) -> int | None:
        return int(world.archetype[place[country], place[other]]) if plan.contrast else None

    def change(country: str, other: str, layer: str) -> int:
        return CHANGE[layer][archetype(country, other)] if plan.contrast else 0

    if kind == "trend":
        return change(*claim["pair"], claim["layer"]) == {"falls": -1, "rises": 1}[claim["direction"]]
    if kind == "pole":
        return bool(plan.contrast and plan.poles == 3)
    if kind == "among":
        size = dict(zip(world.codes, world.sizes.mean(axis=0), strict=True))
        largest = [place[c] for c in sorted(followed, key=lambda c: (-size[c], c))[: claim["largest"]]]
        among = world.archetype[np.ix_(largest, largest)][np.triu_indices(len(largest), 1)]
        share = (among == ARCHETYPES.index(claim["archetype"])).mean()
        return bool(plan.contrast and share >= claim["share"])
    countries = [country for country in claim["countries"] if country in followed]
    if kind == "group":
        joined = {c: [p for p in claim["poles"] if archetype(c, p) in (SC, KI)] for c in countries}
        poles = {"both": list(claim["poles"]), "neither": []}
        poles_of_group = poles.get(claim["group"], [claim["group"].removeprefix("only ")])
        fits = [joined[country] == poles_of_group for country in countries]
    elif kind == "turn":
        fits = [
            archetype(c, claim["leaving"]) in (SD, KD) and archetype(c, claim["joining"]) in (SC, KI)
            for c in countries
        ]
    elif kind == "courses":
        courses = {"rises": {1}, "falls": {-1}, "not rises": {-1, 0}, "not falls": {0, 1}}
        fits = [
            all(
                change(c, pole, claim["layer"]) in courses[course] for pole, course in claim["toward"].items()
            )
            for c in countries
        ]
    else:
        raise ValueError(f"{claim['id']}: kind {kind} has no rule here")
    return bool(np.mean(fits) >= claim["share"])


class Outcome(NamedTuple):
    """Results of the study on a world.

    Attributes
    ----------
    pairs : int
        Pairs of the panel.
    recovered, merged : float or None
        Adjusted Rand index with the planted archetypes: of four clusters, and of eight that are merged by
        name. None if nothing was planted.
    ceiling : float or None
        The same index of a supervised method, see `supervised_ceiling`.
    preferred : int or None
        Number of clusters that the data prefer.
    verdicts : Counter
        Right, open and false verdicts on the claims that the plan decides.
    false : list of str
        Claims with a false verdict.
    """

    pairs: int
    recovered: float | None
    merged: float | None
    ceiling: float | None
    preferred: int | None
    verdicts: Counter
    false: list[str]


def supervised_ceiling(panel: PairPanel, truth: pl.DataFrame) -> float:
    """How well a supervised method recovers the planted archetypes from the trajectories.

    The method is a linear discriminant with shrunken covariance (Ledoit and Wolf 2004). It learns the
    archetypes of four fifths of the pairs and predicts those of the last fifth, for each fifth in turn.

    Parameters
    ----------
    panel : PairPanel
        The prepared trajectories.
    truth : pl.DataFrame
        source, target, planted.

    Returns
    -------
    float
        Adjusted Rand index of the predicted with the planted archetypes.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import adjusted_rand_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x, keys = panel.prepared, ["source", "target"]
    planted = panel.pairs.join(truth, on=keys, how="left", maintain_order="left")["planted"].to_numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    fifths = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(model, x.reshape(len(x), -1), planted, cv=fifths)
    return adjusted_rand_score(planted, predicted)


def judge(folder: Path, variant: str, world: World, claims: list[Mapping[str, Any]]) -> Outcome:
    """Compare the results of a study with the plan of its world."""
    from sklearn.metrics import adjusted_rand_score

    stability, selection, recovery = (
        tables.read(folder / path.format(variant=variant), table)
        for path, table in (
            (STABILITY, archetypes_tables.STABILITY),
            (SELECTION, archetypes_tables.SELECTION),
            (RECOVERY, archetypes_tables.RECOVERY),
        )
    )
    truth = world.truth().rename({"archetype": "planted"})
    recovered = stability.join(truth, on=["source", "target"], how="left", validate="1:1")
    judged = tables.read(folder / CLAIMS.format(variant=variant), claims_tables.CLAIMS)
    verdict_on = dict(judged.select("claim", "verdict").iter_rows())
    followed = {*stability["source"], *stability["target"]}
    verdicts: Counter = Counter()
    false = []
    for claim in claims:
        verdict = verdict_on.get(claim["id"], "not testable")
        if verdict == "not testable" or (truth_of_claim := planted(claim, world, followed)) is None:
            continue
        if verdict == "inconclusive":
            verdicts["open"] += 1
        elif (verdict == "reproduced") == truth_of_claim:
            verdicts["right"] += 1
        else:
            verdicts["false"] += 1
            false.append(f"{claim['id']} ({verdict})")
    polarized = world.plan.contrast > 0
    panel = PairPanel.read(folder / TRAJECTORIES.format(variant=variant), CHANNELS)
    return Outcome(
        len(recovered),
        recovery["adjusted_rand_index"][0] if polarized else None,
        adjusted_rand_score(recovered["planted"], recovered["merged"]) if polarized else None,
        supervised_ceiling(panel, truth) if polarized else None,
        selection.filter(pl.col("preferred"))["k"].max(),
        verdicts,
        false,
    )


def study(folder: Path, settings: Mapping[str, Any], options: list[str]) -> None:
    """Run the study on one world up to its claims."""
    config = folder / "world.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    keys = {"demo": dict(settings), "run": {"variants": list(VARIANTS)}, "stability": FEW}
    config.write_text(yaml.safe_dump(keys))
    files = [path.format(variant=variant) for path in (CLAIMS, STABILITY, RECOVERY) for variant in VARIANTS]
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--quiet", "all"),
        *("--directory", str(folder), *options, *files, "--configfile", str(config)),
    ]
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    """Run and judge the worlds; the exit status is 0 unless a run fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=", ".join(WORLDS))
    parser.add_argument("--folder", type=Path, default=ROOT / "results/worlds")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    chosen, options = parser.parse_args(words[:end]), words[end + 1 :]
    if unknown := set(chosen.worlds) - set(WORLDS):
        parser.error(f"no world {', '.join(sorted(unknown))}; there are {', '.join(WORLDS)}")
    claims = yaml.safe_load((ROOT / "config/claims.yaml").read_text(encoding="utf-8"))
    heads = ("pairs", "k = 4", "k = 8 merged", "ceiling", "k preferred", "right", "open", "false")
    print(f"| {'world':22} | {'reading':13} | {' | '.join(heads)} |\n|---|---|{'---:|' * len(heads)}")
    false = []
    for name in chosen.worlds or WORLDS:
        settings = WORLDS[name]
        folder = chosen.folder / name.replace(" ", "_").replace(":", "-").replace(",", "")
        study(folder, settings, options)
        world = plant(settings["seed"], **settings.get("world", {}))
        for variant in VARIANTS:
            outcome = judge(folder, variant, world, claims)
            cells = [
                str(outcome.pairs),
                *("-" if value is None else f"{value:.2f}" for value in outcome[1:4]),
                str(outcome.preferred or "none"),
                *(str(outcome.verdicts[word]) for word in ("right", "open", "false")),
            ]
            columns = (f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
            print(f"| {name:22} | {variant:13} | {' | '.join(columns)} |", flush=True)
            false += [f"{name}, {variant}: {claim}" for claim in outcome.false]
    print("\nfalse verdicts:", *(false or ["none"]), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
