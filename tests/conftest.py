"""Fixtures that several test modules share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a real data set by name; the test is skipped where it is not at hand."""
    base = Path(os.environ.get("POLES_SHARED_DATA", ROOT.parent / "shared" / "data"))

    def locate(name: str) -> Path:
        if not (base / name).exists():
            pytest.skip(f"real data {name} not found; set POLES_SHARED_DATA to its folder")
        return base / name

    return locate
