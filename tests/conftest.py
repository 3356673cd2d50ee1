"""Fixtures that several test modules share."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The machine may be busy: no test is about time. Examples are the same in every automatic run.
settings.register_profile(
    "study", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("study")

ROOT = Path(__file__).resolve().parent.parent
TINY = Path(__file__).with_name("tiny.yaml")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a real data set by name; the test is skipped where it is not at hand."""
    base = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))

    def locate(name: str) -> Path:
        if not (base / name).exists():
            pytest.skip(f"real data {name} not found; set POLES_SHARED_DATA to its folder")
        return base / name

    return locate


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory):
    """The tiny study, finished; it runs once for all workers. A test that changes it takes a twin."""
    from workflow import Project

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    finished = shared / "tiny.txt"
    with (shared / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            project = Project.copy(tmp_path_factory.mktemp("tiny") / "project")
            (project.folder / "config/config.yaml").write_text(TINY.read_text())
            project.run()
            finished.write_text(str(project.folder))
    return Project(Path(finished.read_text()))


@pytest.fixture
def twin(tiny, tmp_path: Path):
    """A copy of the tiny study, with its results, that a test may change."""
    return tiny.twin(tmp_path / "twin")
