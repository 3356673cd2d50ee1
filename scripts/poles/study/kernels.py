"""Compiled loops: of all processes that need them, one compiles them, and early.

Numba compiles a loop when it is first called, and keeps what it compiled beside the source. In a fresh copy
of the project, jobs that begin together would compile the same loops at once, for some seconds each. With
`one_compiles`, one does it and the others wait. `start` has it done in the background while the first data
are made, which leaves a core idle.
"""

import importlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from poles.study import locks

PACKAGE = Path(__file__).resolve().parents[1]


class Kernel(NamedTuple):
    """Loops that ``prepare`` of a module compiles together, and what numba keeps of the last of them."""

    module: str
    kept: str


KERNELS = {
    "read_works": Kernel("poles.corpus.decoded", "corpus/__pycache__/json_decode.decode-*.nbi"),
    "cluster_trajectories": Kernel("poles.archetypes.kmeans", "archetypes/__pycache__/dtw._fill_rows-*.nbi"),
    "fit_null_years": Kernel(
        "poles.nulls.rewiring_convergence", "nulls/__pycache__/rewiring_abreast.move_abreast-*.nbi"
    ),
}
"""Loops that take seconds to compile, by the first rule that needs them, in the order of need."""


@contextmanager
def one_compiles(name: str) -> Iterator[None]:
    """Let one process at a time call some loops for the first time; the next loads what that one has kept.

    Parameters
    ----------
    name : str
        Name of the loops on this machine.
    """
    with locks.held(Path(tempfile.gettempdir(), f"poles-{os.getuid()}-{name}.lock")):
        yield


def start(rules: Collection[str]) -> subprocess.Popen | None:
    """Have the loops of some rules compiled in the background, as far as none have been kept.

    Parameters
    ----------
    rules : collection of str
        Names of the rules that will run.

    Returns
    -------
    subprocess.Popen or None
        A process that ends by itself, if there is something to compile.
    """
    modules = [
        kernel.module
        for rule, kernel in KERNELS.items()
        if rule in rules and not any(PACKAGE.glob(kernel.kept))
    ]
    if not modules:
        return None
    (python,) = shlex.split(sys.executable)  # the workflow quotes it
    return subprocess.Popen(
        [python, "-m", "poles.study.kernels", *modules],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


if __name__ == "__main__":
    for module in sys.argv[1:]:
        # The prefix keeps this to modules of the study.
        importlib.import_module(f"poles.{module.removeprefix('poles.')}").prepare()
