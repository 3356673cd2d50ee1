"""Cost against size: CPU time and largest memory of the stages of finished studies of planted worlds.

    python tests/benchmarks/plot_scale.py FIGURE [FOLDER ...]

The folders hold the studies that `make paper-scale WORKS=...` made, and are named by their number of works.
By default they are all of those in paper-scale/. FIGURE is an SVG file.
"""

import contextlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import polars as pl
from matplotlib.figure import Figure

from poles.figures import style
from poles.study.timings import read_timings

STAGES = {
    "planting the world": (["make_demo"], "#56B4E9"),
    "reading works": (["corpus"], "#0072B2"),
    "links and plain indices": (["networks"], "#009E73"),
    "null models": (["nulls", "score_links"], "#E69F00"),
    "intervals over works": (["measure_uncertainty"], "#D55E00"),
    "trajectories and clusters": (["trajectories"], "#CC79A7"),
    "claims, figures, tables, audit": ([], style.INK),
}
"""Rules or files of rules, and a colour, by the name of a stage. A rule goes before its file."""


def files() -> dict[str, str]:
    """Map every rule to the name of the file in which it stands."""
    found = {}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for names in re.findall(r"^ *(?:rule (\w+)|use rule \w+ as (\w+))", path.read_text(), re.MULTILINE):
            found["".join(names)] = path.stem
    return found


def stage_of(rule: str, file: str | None) -> str:
    """Stage of a rule."""
    named = [stage for name in (rule, file) for stage, (members, _) in STAGES.items() if name in members]
    return [*named, list(STAGES)[-1]][0]


def read(folders: list[Path]) -> pl.DataFrame:
    """Read works, stage, cpu (seconds) and memory (MB) of the studies in some folders."""
    file, frames = files(), []
    for folder in folders:
        with contextlib.chdir(folder):
            timings = read_timings()
        stages = pl.Series("stage", [stage_of(rule, file.get(rule)) for rule in timings["rule"]])
        sums = timings.with_columns(stages).group_by("stage").agg(pl.sum("cpu"), pl.max("memory"))
        frames.append(sums.with_columns(works=int(folder.name)))
    return pl.concat(frames).sort("works")


@style.styled
def draw(costs: pl.DataFrame) -> Figure:
    """Draw CPU time and memory against the number of works, with a line for each stage."""
    figure = Figure(figsize=(8.5, 4.4), layout="constrained")
    panels = figure.subplots(1, 2)
    titles = {"cpu": "CPU time, s", "memory": "Memory of the largest job, MB"}
    for panel, (column, title) in zip(panels, titles.items(), strict=True):
        for stage, (_, colour) in STAGES.items():
            line = costs.filter(pl.col("stage") == stage)
            panel.plot(line["works"], line[column], "o-", markersize=3.5, color=colour, label=stage)
        panel.set(xscale="log", yscale="log", xlabel="Works", title=title)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter("{x:,.0f}")
            axis.set_minor_formatter("")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def main(figure: Path, *folders: Path) -> None:
    """Draw the figure."""
    costs = read(list(folders) or sorted((ROOT / "paper-scale").iterdir()))
    with pl.Config(tbl_rows=-1):
        print(costs)
    style.save(draw(costs), [figure], {"rule": "plot_scale", "params": {}})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
