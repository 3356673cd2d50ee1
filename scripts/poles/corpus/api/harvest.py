"""Fetch all works that match a query, and check that they are all of them.

A page of OpenAlex may be short without a notice, repeat works or leave some out, because the order of the
works changes while they are paged. So a list counts as complete only if it has as many distinct works as
OpenAlex counts. A page that is probably wrong is requested again before it is stored. A list that does not
come out right is paged through again; each round adds the works that the others missed.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from poles.corpus.api import query
from poles.corpus.api.client import Client, key_from_environment
from poles.corpus.api.ledger import BudgetSpent
from poles.corpus.api.store import Unit, describe, read_answer
from poles.errors import StudyError
from poles.study.locks import held

log = logging.getLogger(__name__)

ASKS = 3
"""Requests for one page before a doubtful answer is accepted."""

ROUNDS = 3
"""Rounds through a list before the harvest gives up on it."""

SLOW = 4500
"""Milliseconds of search from which a page is doubtful: OpenAlex cuts a search off after 5 s."""

_EVERY = 10.0
"""Seconds between two lines on the progress."""


class Page(NamedTuple):
    """A page of works.

    Attributes
    ----------
    works : list of dict
        Records of the works on the page.
    total : int
        Number of works in the whole list, as OpenAlex counts them.
    cursor : str or None
        Cursor of the next page; None on the last one.
    full : int
        Number of works on every page but the last.
    milliseconds : float
        Time that the search took.
    """

    works: list[dict[str, Any]]
    total: int
    cursor: str | None
    full: int
    milliseconds: float

    @classmethod
    def of(cls, document: Any) -> "Page":
        """Read a page from the document of an answer.

        Raises
        ------
        ValueError
            If the document is not a page of works.
        """
        try:
            meta, works = document["meta"], document["results"]
            full = min(int(meta.get("per_page") or query.PER_PAGE), query.PER_PAGE)
            milliseconds = float(meta.get("db_response_time_ms") or 0)
            page = cls(works, int(meta["count"]), meta.get("next_cursor"), full, milliseconds)
            for work in works:
                number_of(work)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a page of works ({type(error).__name__}: {error})") from None
        return page


def number_of(work: Mapping[str, Any]) -> int:
    """Return the number in the id of a work: 123 for https://openalex.org/W123."""
    return int(work["id"].rpartition("/W")[2])


class Walk:
    """The state of paging through a list.

    Parameters
    ----------
    unit : Unit
        The unit of the list. Its stored pages are read in, so that the walk continues after the last one.

    Attributes
    ----------
    works : set of int
        Works of all rounds so far.
    truncated : set of int
        Works among them whose authorships were cut off.
    round, number, cursor : int, int, str
        The page that comes next.
    """

    def __init__(self, unit: Unit):
        self.unit = unit
        self.works: set[int] = set()
        self.truncated: set[int] = set()
        self._begin(1)
        for file in unit.pages():
            if file.round != self.round:
                self._begin(file.round)
            try:
                page = Page.of(read_answer(file.path))
            except ValueError as error:
                raise StudyError(f"{file.path}: {error}; delete the file to fetch it again") from None
            self.note_total(page)
            self.add(page)

    def _begin(self, number: int) -> None:
        """Begin a round."""
        self.round, self.number, self.cursor = number, 0, "*"
        self.in_round: set[int] = set()
        self.totals: list[int] = []
        self.doubtful_totals: list[int] = []
        self.ended, self.added = False, 0

    def note_total(self, page: Page) -> None:
        """Note how many works the list has by a page; a search that was cut off may have counted too few."""
        (self.totals if page.milliseconds < SLOW else self.doubtful_totals).append(page.total)

    @property
    def total(self) -> int:
        """Number of works in the list: the last two totals if they agree, else this round's most frequent."""
        totals = self.totals or self.doubtful_totals
        if totals[-2:-1] == totals[-1:]:
            return totals[-1]
        frequency = Counter(totals)
        return max(reversed(totals), key=frequency.__getitem__)

    @property
    def has_begun(self) -> bool:
        """Whether this round has had an answer."""
        return bool(self.totals or self.doubtful_totals)

    def repeats(self, page: Page) -> int:
        """Return how often a page should be requested again because it is probably wrong."""
        ids = {number_of(work) for work in page.works}
        if len(page.works) >= page.full and page.cursor is not None:
            return 0
        is_end = page.cursor is None and len(self.works | ids) == self.total
        return 0 if is_end and page.milliseconds < SLOW else ASKS - 1

    def add(self, page: Page) -> None:
        """Add the works of a page that is stored, and move on to the next page."""
        count_before = len(self.works)
        for work in page.works:
            number = number_of(work)
            self.works.add(number)
            self.in_round.add(number)
            if len(work.get("authorships") or ()) >= query.CUT:
                self.truncated.add(number)
        self.added += len(self.works) - count_before
        self.number += 1
        self.ended = page.cursor is None
        self.cursor = page.cursor or ""

    def is_complete(self, drift: float) -> bool:
        """Whether the list is complete; if not, begin another round where this one has ended.

        Parameters
        ----------
        drift : float
            Relative difference between the works found and counted that is tolerated after two rounds if
            the second one added no work, or after the last round.

        Raises
        ------
        StudyError
            If the last round ends with a larger difference.
        """
        if not self.has_begun:
            return False
        exact = len(self.works) == self.total
        if not self.ended:
            # If works were added to the list or removed meanwhile, two equal totals confirm the new number.
            return exact and self.round > 1 and self.totals[-2:-1] == self.totals[-1:]
        near = abs(len(self.works) - self.total) <= drift * self.total
        if exact or (near and self.round > 1 and not self.added) or (near and self.round == ROUNDS):
            return True
        if self.round == ROUNDS:
            raise StudyError(
                f"{self.unit.folder}: {len(self.works)} works found in {ROUNDS} rounds, but OpenAlex counts "
                f"{self.total}; choose smaller source.api.shards or a larger source.api.drift, or delete the "
                "folder to begin again"
            )
        log.warning(
            "%s: %d works found, but OpenAlex counts %d; paging through the list again",
            self.unit, len(self.works), self.total,
        )  # fmt: skip
        self._begin(self.round + 1)
        return False


class Progress:
    """Reports the progress every ten seconds: works so far, speed, time and credits left."""

    def __init__(self, what: str):
        self.what, self._start, self._shown = what, time.monotonic(), time.monotonic()
        self._begun_with: int | None = None

    def show(self, done: int, of: int, unit: str, left: int | None) -> None:
        """Report the progress if the last line is old enough."""
        now = time.monotonic()
        self._begun_with = done if self._begun_with is None else self._begun_with
        if now - self._shown < _EVERY:
            return
        self._shown = now
        speed = (done - self._begun_with) / (now - self._start)
        rest = f", {max(of - done, 0) / speed:.0f} s left" if speed else ""
        credits = "" if left is None else f"; {left} credits left today"
        line = f"{self.what}: {done} of {of} {unit}, {speed:.0f} a second{rest}{credits}"
        log.info(line)
        print(line, file=sys.stderr, flush=True)


def _next_page(walk: Walk, conditions: query.Conditions, client: Client) -> tuple[Page, bytes]:
    """Request the next page, repeatedly if it is doubtful; return the best answer and its bytes."""
    best: tuple[int, Page, bytes] | None = None
    path = query.page(conditions, walk.cursor)
    problem, requests, repeats = "", 0, ASKS - 1
    while requests <= repeats:
        requests += 1
        answer = client.get(path, 1, f"{walk.unit} p{walk.round}-{walk.number:05d}")
        try:
            page = Page.of(answer.document)
        except ValueError as error:
            problem = str(error)
            continue
        walk.note_total(page)
        repeats = min(repeats, walk.repeats(page))
        new = len({number_of(work) for work in page.works} - walk.in_round)
        if best is None or new >= best[0] or not repeats:
            best = new, page, answer.body
    if best is None:
        raise StudyError(f"{client.url}{path[:200]}: {problem}")
    return best[1:]


def fetch(unit: Unit, conditions: query.Conditions, client: Client, drift: float) -> None:
    """Fetch the missing answers of a unit, and record that it is complete.

    Parameters
    ----------
    unit : Unit
        Its stored answers are kept and not requested again.
    conditions : Mapping
        Filter for the works.
    client : Client
        Sends the requests.
    drift : float
        See `Walk.is_complete`.

    Raises
    ------
    BudgetSpent
        If no credits are left; the message says how many works are stored and when to go on.
    StudyError
        If the service cannot be reached, or the list stays incomplete.
    """
    unit.folder.mkdir(parents=True, exist_ok=True)
    with held(unit.folder / ".lock"):
        if unit.is_complete():  # another process has completed it meanwhile
            return
        walk, progress = Walk(unit), Progress(str(unit))
        try:
            while not walk.is_complete(drift):
                page, body = _next_page(walk, conditions, client)
                unit.save_page(walk.round, walk.number, body)
                walk.add(page)
                progress.show(len(walk.works), walk.total, "works", client.left)
            gone = _fetch_authorships(unit, walk.truncated, client)
        except BudgetSpent as error:
            total = f" of {walk.total}" if walk.has_begun else ""
            raise BudgetSpent(f"{unit}: {len(walk.works)}{total} works are stored; {error}") from None
        unit.finish(
            {
                "url": client.url,
                "filter": dict(conditions),
                "works": len(walk.works),
                "count": walk.total,
                "rounds": walk.round,
                "cut": len(walk.truncated),
                "gone": gone,
            }
        )


def _fetch_authorships(unit: Unit, truncated: Iterable[int], client: Client) -> list[str]:
    """Fetch all authorships of works that a list truncates; return the works that no longer exist."""
    stored = unit.works()
    for work in (f"W{number}" for number in sorted(truncated)):
        if work in stored:
            continue
        answer = client.get(query.singleton(work), may_be_gone=True)
        gone = answer.status >= 300
        if not gone and not isinstance(answer.document.get("authorships"), list):
            raise StudyError(f"{client.url}{query.singleton(work)}: the answer has no authorships")
        unit.save_work(work, answer.body, gone)
        stored[work] = None if gone else unit.folder
    return sorted(work for work, path in stored.items() if path is None)


def lines(units: Iterable[Unit]) -> bytes:
    """Return the works of some units, one JSON record a line, in order of their ids.

    Each work occurs once, with its latest update and all its authorships. So the result depends neither on
    the order of the pages nor on how often they came.
    """
    latest: dict[int, tuple[str, bytes]] = {}
    for unit in units:
        singles = {work: path for work, path in unit.works().items() if path is not None}
        for file in unit.pages():
            for work in Page.of(read_answer(file.path)).works:
                number, updated = number_of(work), work.get("updated_date") or ""
                if number in latest and latest[number][0] >= updated:
                    continue
                if len(work.get("authorships") or ()) >= query.CUT:
                    if f"W{number}" in singles:
                        work["authorships"] = read_answer(singles[f"W{number}"])["authorships"]
                        work.pop("is_authors_truncated", None)
                    else:
                        work["is_authors_truncated"] = True
                latest[number] = updated, orjson.dumps(work, option=orjson.OPT_APPEND_NEWLINE)
    return b"".join(latest[number][1] for number in sorted(latest))


def client_of(settings: Mapping[str, Any], store: Path) -> Client:
    """Make a client with the settings of ``source.api`` and the key of the environment."""
    return Client(
        settings["url"],
        store,
        key_from_environment(),
        budget=settings["budget"],
        rate=settings["rate"],
        timeout=settings["timeout"],
    )


def core_conditions(scope: Mapping[str, Any]) -> dict[str, str]:
    """Conditions for the works of the field, without dates.

    Parameters
    ----------
    scope : Mapping
        ``field`` and ``types`` of the study.
    """
    return query.in_field(scope["field"]) | query.of_types(scope["types"])


def harvest_shard(
    store: str, scope: Mapping[str, Any], date_range: str, settings: Mapping[str, Any]
) -> tuple[bytes, list[str]]:
    """Return the works of the field published in a date range; fetch those that the store lacks.

    Parameters
    ----------
    store : str
        Folder of the store.
    scope : Mapping
        ``url``, ``field`` and ``types``, which identify the harvest.
    date_range : str
        See `date_ranges.list_ranges`.
    settings : Mapping
        ``source.api`` of the configuration, which says how requests are sent.

    Returns
    -------
    content : bytes
        See `lines`.
    records : list of str
        Path of the ``complete.json`` of the unit, for the audit.

    Raises
    ------
    StudyError
        If the works cannot be fetched, or not today.
    """
    conditions = core_conditions(scope)
    identity = query.identity(scope["url"], conditions)
    unit = Unit(Path(store, identity, date_range))
    if not unit.is_complete():
        describe(Path(store), identity, dict(scope))
        with client_of(settings, Path(store)) as client:
            fetch(unit, {**conditions, **query.published_in(date_range)}, client, settings["drift"])
    content, summary = lines([unit]), unit.summary()
    log.info(
        "%s: %d works from %d pages in %d rounds, OpenAlex counts %d; %d works had truncated authorships, %d "
        "of these works no longer exist",
        unit, content.count(b"\n"), len(unit.pages()), summary["rounds"], summary["count"], summary["cut"],
        len(summary["gone"]),
    )  # fmt: skip
    return content, [unit.record.as_posix()]
