"""Lines that say how far a long stage is."""

import io
import logging
from types import SimpleNamespace

import pytest

from poles.stats import progress
from poles.stats.progress import Progress, duration
from poles.stats.threads import parallel_map
from poles.study import jobs


class Clock:
    """Time that stands still unless it is moved on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def test_a_line_every_some_seconds_says_what_is_done_and_how_long_the_rest_takes(caplog):
    caplog.set_level(logging.INFO, "poles")
    clock = Clock()
    counted = Progress(10, "networks", every=20, clock=clock)
    for _ in counted.follow(range(10)):
        clock.now += 9
    # A part takes 9 s: a line after the third part (27 s), and 20 s later or more after the sixth (54 s) and
    # the ninth (81 s). The last part is the end, which the log of the job tells.
    assert [record.getMessage() for record in caplog.records] == [
        "3 of 10 networks after 27 s, about 63 s left",
        "6 of 10 networks after 54 s, about 36 s left",
        "9 of 10 networks after 81 s, about 9 s left",
    ]


def test_a_quick_stage_has_no_line(caplog):
    caplog.set_level(logging.INFO, "poles")
    assert list(Progress(1000, "years").follow("abc")) == ["a", "b", "c"]
    assert not caplog.records


def test_threads_share_a_counter():
    counted = Progress(500, "parts")
    parallel_map(lambda _: counted.step(), range(500), 8)
    assert counted.done == 500


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (100, "2 min"), (3540, "59 min"), (7500, "2 h 5 min")]
)
def test_times_are_short_words(seconds: float, words: str):
    assert duration(seconds) == words


class Terminal(io.StringIO):
    """Standard error, shown to somebody or not."""

    def __init__(self, shown: bool):
        super().__init__()
        self.shown = shown

    def isatty(self) -> bool:
        """Say whether somebody looks on."""
        return self.shown


@pytest.mark.parametrize("shown", [True, False])
def test_progress_is_in_the_log_and_on_a_terminal_but_not_where_nobody_looks_on(
    tmp_path, monkeypatch, shown: bool
):
    terminal = Terminal(shown)
    monkeypatch.setattr("sys.stderr", terminal)
    before = [*progress.log.handlers]
    job = SimpleNamespace(
        rule="study_stability", params={}, wildcards={"variant": "full"}, input=[],
        log=[str(tmp_path / "job.log")], config={"source": {}},
    )  # fmt: skip
    clock = Clock()
    try:
        with jobs.run(job):
            counted = Progress(3, "clusterings", every=1, clock=clock)
            clock.now += 60
            counted.step()
    finally:
        progress.log.handlers = before
    line = "1 of 3 clusterings after 60 s, about 2 min left"
    assert f"INFO {line}\n" in (tmp_path / "job.log").read_text()
    assert terminal.getvalue() == (f"study_stability full: {line}\n" if shown else "")
