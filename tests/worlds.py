"""The study on planted worlds: whether it finds what was planted, and what it claims to find that was not.

    python tests/worlds.py [--folder FOLDER] [WORLD ...] [-- snakemake options ...]

runs the study up to its claims on every world of `WORLDS` (or those named), and prints for each, and for both
readings of z (`VARIANTS`), how well the archetypes are recovered, how well one could who was told of them,
how many clusters the data prefer, and how many verdicts are right, open or false. Every world has a folder of
its own below FOLDER, in which a run that was ended goes on.

A verdict is false where it says reproduced of what was not planted, or contradicted of what was. What is
planted is read off the plan of the world alone (`planted`): archetypes of pairs, not z-scores. Where a plan
does not decide a claim (how many ties are significant, say), its verdict is not counted.
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
from poles.corpus import demo
from poles.corpus.demo.world import ARCHETYPES, CHANGE, KD, KI, SC, SD, World
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
"""Draws of the study of stability: fewer than by default, as there are many worlds."""
VARIANTS = ("beyond_growth", "full")
"""Readings of z: less what it does when countries grow and no affinity changes, and as it is."""
NULL = "max_entropy"
CHANNELS = channels_of(LAYERS, "mean")
CLAIMS = f"results/{{variant}}/claims/{NULL}.parquet"
STABILITY = f"results/{{variant}}/clusters/{NULL}.stability.parquet"
SELECTION = f"results/{{variant}}/clusters/{NULL}.selection.parquet"
TRAJECTORIES = f"results/{{variant}}/trajectories/{NULL}.parquet"
RECOVERY = f"results/{{variant}}/recovery/{NULL}.parquet"


def planted(claim: Mapping[str, Any], world: World, panel: Collection[str]) -> bool | None:
    """Whether a world was planned as a claim says; None where the plan does not decide it.

    Parameters
    ----------
    claim : Mapping
        One of ``config/claims.yaml``.
    world : World
    panel : collection of str
        Countries that are followed; of the others a claim is not asked.

    Returns
    -------
    bool or None
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
        largest = [place[c] for c in sorted(panel, key=lambda c: (-size[c], c))[: claim["largest"]]]
        among = world.archetype[np.ix_(largest, largest)][np.triu_indices(len(largest), 1)]
        wanted = ARCHETYPES.index(claim["archetype"])
        return bool(plan.contrast and (among == wanted).mean() >= claim["share"])
    countries = [country for country in claim["countries"] if country in panel]
    if kind == "group":
        near = {c: [p for p in claim["poles"] if archetype(c, p) in (SC, KI)] for c in countries}
        groups = {"both": list(claim["poles"]), "neither": []}
        wanted = groups.get(claim["group"], [claim["group"].removeprefix("only ")])
        fits = [near[country] == wanted for country in countries]
    elif kind == "turn":
        fits = [
            archetype(c, claim["leaving"]) in (SD, KD) and archetype(c, claim["joining"]) in (SC, KI)
            for c in countries
        ]
    elif kind == "courses":
        courses = {"rises": {1}, "falls": {-1}, "not rises": {-1, 0}, "not falls": {0, 1}}
        fits = [
            all(change(c, pole, claim["layer"]) in courses[way] for pole, way in claim["toward"].items())
            for c in countries
        ]
    else:
        raise ValueError(f"{claim['id']}: nothing is known of kind {kind}")
    return bool(np.mean(fits) >= claim["share"])


class Outcome(NamedTuple):
    """What the study made of a world.

    Attributes
    ----------
    pairs : int
        Of the panel.
    recovered, merged : float or None
        Adjusted Rand index with the planted archetypes, of four clusters and of twice as many, merged; None
        where nothing was planted.
    told : float or None
        The same index of a classifier that is told the planted archetypes of other pairs, see `ceiling`.
    preferred : int or None
        Number of clusters that the data prefer.
    verdicts : Counter
        right, open and false of what the plan decides.
    false : list of str
        Claims with a false verdict.
    """

    pairs: int
    recovered: float | None
    merged: float | None
    told: float | None
    preferred: int | None
    verdicts: Counter
    false: list[str]


def ceiling(panel: PairPanel, truth: pl.DataFrame) -> float:
    """How well the planted archetypes can be read off the trajectories by one who knows what to look for.

    Parameters
    ----------
    panel : PairPanel
    truth : pl.DataFrame
        source, target, planted.

    Returns
    -------
    float
        Adjusted Rand index of a linear discriminant with shrunken covariance (Ledoit and Wolf 2004), which is
        told the archetypes of four fifths of the pairs and names the last fifth, each fifth in turn.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import adjusted_rand_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x, keys = panel.prepared, ["source", "target"]
    planted = panel.pairs.join(truth, on=keys, how="left", maintain_order="left")["planted"].to_numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    fifths = StratifiedKFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(model, x.reshape(len(x), -1), planted, cv=fifths)
    return adjusted_rand_score(planted, found)


def judge(folder: Path, variant: str, world: World, claims: list[Mapping[str, Any]]) -> Outcome:
    """Hold the results of a study against the plan of its world."""
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
    both = stability.join(truth, on=["source", "target"], how="left", validate="1:1")
    judged = tables.read(folder / CLAIMS.format(variant=variant), claims_tables.CLAIMS)
    found = dict(judged.select("claim", "verdict").iter_rows())
    followed = {*stability["source"], *stability["target"]}
    verdicts: Counter = Counter()
    false = []
    for claim in claims:
        verdict = found.get(claim["id"], "not testable")
        if verdict == "not testable" or (expected := planted(claim, world, followed)) is None:
            continue
        if verdict == "inconclusive":
            verdicts["open"] += 1
        elif (verdict == "reproduced") == expected:
            verdicts["right"] += 1
        else:
            verdicts["false"] += 1
            false.append(f"{claim['id']} ({verdict})")
    some = world.plan.contrast > 0
    panel = PairPanel.read(folder / TRAJECTORIES.format(variant=variant), CHANNELS)
    return Outcome(
        len(both),
        recovery["adjusted_rand_index"][0] if some else None,
        adjusted_rand_score(both["planted"].to_list(), both["merged"].to_list()) if some else None,
        ceiling(panel, truth) if some else None,
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
    """Run and judge the worlds; the exit status is 0 unless a study fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=", ".join(WORLDS))
    parser.add_argument("--folder", type=Path, default=ROOT / "results/worlds")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    chosen, options = parser.parse_args(words[:end]), words[end + 1 :]
    if unknown := set(chosen.worlds) - set(WORLDS):
        parser.error(f"no world {', '.join(sorted(unknown))}; there are {', '.join(WORLDS)}")
    claims = yaml.safe_load((ROOT / "config/claims.yaml").read_text(encoding="utf-8"))
    heads = ("pairs", "k = 4", "k = 8 merged", "told", "k preferred", "right", "open", "false")
    print(f"| {'world':22} | {'reading':13} | {' | '.join(heads)} |\n|---|---|{'---:|' * len(heads)}")
    wrong = []
    for name in chosen.worlds or WORLDS:
        settings = WORLDS[name]
        folder = chosen.folder / name.replace(" ", "_").replace(":", "-").replace(",", "")
        study(folder, settings, options)
        world = demo.plant(settings["seed"], **settings.get("world", {}))
        for variant in VARIANTS:
            found = judge(folder, variant, world, claims)
            cells = [
                str(found.pairs),
                *("-" if value is None else f"{value:.2f}" for value in found[1:4]),
                str(found.preferred or "none"),
                *(str(found.verdicts[word]) for word in ("right", "open", "false")),
            ]
            columns = (f"{cell:>{len(head)}}" for cell, head in zip(cells, heads, strict=True))
            print(f"| {name:22} | {variant:13} | {' | '.join(columns)} |", flush=True)
            wrong += [f"{name}, {variant}: {claim}" for claim in found.false]
    print("\nfalse verdicts:", *(wrong or ["none"]), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
