"""Fetch every work that a query has, and know that it is every one.

A page of OpenAlex may come short without saying so, repeat works or leave some out, for the order of works
changes while they are paged. So a list is complete only where its distinct works are as many as OpenAlex
counts; a page that cannot be right is asked for again before it is kept, and a list that does not come out
right is gone through again, every round adding what the others missed.
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
from poles.corpus.api.locks import held
from poles.corpus.api.store import Unit, describe, read_answer
from poles.errors import StudyError

log = logging.getLogger(__name__)

ASKS = 3
"""Times that one page is asked for before a doubtful answer is taken."""

ROUNDS = 3
"""Times that a list is gone through before it is given up."""

SLOW = 4500
"""Milliseconds of search from which a short page is doubted: OpenAlex cuts a search off after 5 s."""

_EVERY = 10.0
"""Seconds between two lines on the progress."""


class Page(NamedTuple):
    """A page of works."""

    works: list[dict[str, Any]]
    count: int
    cursor: str | None
    full: int  # works on a page that is not the last
    milliseconds: float

    @classmethod
    def of(cls, document: Any) -> "Page":
        """Read a page; ValueError where the document is none."""
        try:
            meta, works = document["meta"], document["results"]
            full = min(int(meta.get("per_page") or query.PER_PAGE), query.PER_PAGE)
            milliseconds = float(meta.get("db_response_time_ms") or 0)
            page = cls(works, int(meta["count"]), meta.get("next_cursor"), full, milliseconds)
            for work in works:
                number_of(work)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"no page of works ({type(error).__name__}: {error})") from None
        return page


def number_of(work: Mapping[str, Any]) -> int:
    """Number in the id of a work, https://openalex.org/W123."""
    return int(work["id"].rpartition("/W")[2])


class Walk:
    """What is known of a list while it is gone through.

    Parameters
    ----------
    unit : Unit
        Its stored pages are taken in, so that the walk goes on behind the last of them.

    Attributes
    ----------
    found : set of int
        Works found in any round.
    cut : set of int
        Those among them whose authorships came cut off.
    round, number, cursor : int, int, str
        The page that comes next.
    """

    def __init__(self, unit: Unit):
        self.unit = unit
        self.found: set[int] = set()
        self.cut: set[int] = set()
        self._begin(1)
        for file in unit.pages():
            if file.round != self.round:
                self._begin(file.round)
            try:
                page = Page.of(read_answer(file.path))
            except ValueError as error:
                raise StudyError(f"{file.path}: {error}; delete it, and it is fetched again") from None
            self.hear(page)
            self.take(page)

    def _begin(self, number: int) -> None:
        self.round, self.number, self.cursor = number, 0, "*"
        self.in_round: set[int] = set()
        self.counts: list[int] = []
        self.doubtful: list[int] = []
        self.ended, self.added = False, 0

    def hear(self, page: Page) -> None:
        """Take note of how many works the list has; a search that was cut off may have counted too few."""
        (self.counts if page.milliseconds < SLOW else self.doubtful).append(page.count)

    @property
    def count(self) -> int:
        """Works that the list has: as the last two answers agree, or else as most of this round's say."""
        counts = self.counts or self.doubtful
        if counts[-2:-1] == counts[-1:]:
            return counts[-1]
        frequency = Counter(counts)
        return max(reversed(counts), key=frequency.__getitem__)

    @property
    def has_begun(self) -> bool:
        """Whether this round has had an answer."""
        return bool(self.counts or self.doubtful)

    def doubts(self, page: Page) -> int:
        """Times that a page should be asked for again because it can hardly be right."""
        ids = {number_of(work) for work in page.works}
        if len(page.works) >= page.full and page.cursor is not None:
            return 0
        whole = page.cursor is None and len(self.found | ids) == self.count
        return 0 if whole and page.milliseconds < SLOW else ASKS - 1

    def take(self, page: Page) -> None:
        """Take in a page that is kept, and go on behind it."""
        before = len(self.found)
        for work in page.works:
            number = number_of(work)
            self.found.add(number)
            self.in_round.add(number)
            if len(work.get("authorships") or ()) >= query.CUT:
                self.cut.add(number)
        self.added += len(self.found) - before
        self.number += 1
        self.ended = page.cursor is None
        self.cursor = page.cursor or ""

    def is_complete(self, drift: float) -> bool:
        """Whether every work is found; else what comes next is another page, if need be of another round.

        Parameters
        ----------
        drift : float
            Relative difference between works found and counted that is tolerated after two rounds, of which
            the second brought nothing new.

        Raises
        ------
        StudyError
            If the last round ends with a larger difference.
        """
        if not self.has_begun:
            return False
        exact = len(self.found) == self.count
        if not self.ended:
            # The list was longer or shorter by a work gone or come: the new count says so, twice.
            return exact and self.round > 1 and self.counts[-2:-1] == self.counts[-1:]
        near = abs(len(self.found) - self.count) <= drift * self.count
        if exact or (near and self.round > 1 and not self.added) or (near and self.round == ROUNDS):
            return True
        if self.round == ROUNDS:
            raise StudyError(
                f"{self.unit.folder}: {len(self.found)} works found in {ROUNDS} rounds, but OpenAlex counts "
                f"{self.count}; take smaller source.api.shards or a larger source.api.drift, or delete the "
                "folder to begin it anew"
            )
        log.warning(
            "%s: %d works found, but OpenAlex counts %d; going through it again",
            self.unit, len(self.found), self.count,
        )  # fmt: skip
        self._begin(self.round + 1)
        return False


class Progress:
    """A line every ten seconds: works so far, speed, time and credits left."""

    def __init__(self, what: str):
        self.what, self._start, self._shown = what, time.monotonic(), time.monotonic()
        self._begun_with: int | None = None

    def show(self, done: int, of: int, unit: str, left: int | None) -> None:
        """Say how far it is, if the last line is old enough."""
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


def _ask(walk: Walk, conditions: query.Conditions, client: Client) -> tuple[Page, bytes]:
    """The page that comes next, asked for again as long as there is reason to."""
    best: tuple[int, Page, bytes] | None = None
    path = query.page(conditions, walk.cursor)
    wrong, asked, doubts = "", 0, ASKS - 1
    while asked <= doubts:
        asked += 1
        answer = client.get(path, 1, f"{walk.unit} p{walk.round}-{walk.number:05d}")
        try:
            page = Page.of(answer.document)
        except ValueError as error:
            wrong = str(error)
            continue
        walk.hear(page)
        doubts = min(doubts, walk.doubts(page))
        new = len({number_of(work) for work in page.works} - walk.in_round)
        if best is None or new >= best[0] or not doubts:
            best = new, page, answer.body
    if best is None:
        raise StudyError(f"{client.url}{path[:200]}: {wrong}")
    return best[1:]


def fetch(unit: Unit, conditions: query.Conditions, client: Client, drift: float) -> None:
    """Fetch what a unit lacks, and write down that it is complete.

    Parameters
    ----------
    unit : Unit
        What is stored stays and is not asked for again.
    conditions : Mapping
        Which works.
    client : Client
        Asks.
    drift : float
        See `Walk.is_complete`.

    Raises
    ------
    BudgetSpent
        With what is stored, and when to go on.
    StudyError
        If the service cannot be asked, or the list does not come out right.
    """
    unit.folder.mkdir(parents=True, exist_ok=True)
    with held(unit.folder / ".lock"):
        if unit.is_complete():  # meanwhile, by another process
            return
        walk, progress = Walk(unit), Progress(str(unit))
        try:
            while not walk.is_complete(drift):
                page, body = _ask(walk, conditions, client)
                unit.save_page(walk.round, walk.number, body)
                walk.take(page)
                progress.show(len(walk.found), walk.count, "works", client.left)
            gone = _fetch_authorships(unit, walk.cut, client)
        except BudgetSpent as error:
            count = f" of {walk.count}" if walk.has_begun else ""
            raise BudgetSpent(f"{unit}: {len(walk.found)}{count} works are stored; {error}") from None
        unit.finish(
            {
                "url": client.url,
                "filter": dict(conditions),
                "works": len(walk.found),
                "count": walk.count,
                "rounds": walk.round,
                "cut": len(walk.cut),
                "gone": gone,
            }
        )


def _fetch_authorships(unit: Unit, cut: Iterable[int], client: Client) -> list[str]:
    """Fetch the whole authorships of works whose list was cut off; those that are gone keep the list."""
    stored = unit.works()
    for work in (f"W{number}" for number in sorted(cut)):
        if work in stored:
            continue
        answer = client.get(query.singleton(work), may_be_gone=True)
        gone = answer.status >= 300
        if not gone and not isinstance(answer.document.get("authorships"), list):
            raise StudyError(f"{client.url}{query.singleton(work)}: no authorships in the answer")
        unit.save_work(work, answer.body, gone)
        stored[work] = None if gone else unit.folder
    return sorted(work for work, path in stored.items() if path is None)


def lines(units: Iterable[Unit]) -> bytes:
    """Works of some units, one JSON record a line, by rising id.

    Each work stands there once, as updated last, with all its authorships. The order in which pages came,
    and how often, leaves no trace.
    """
    best: dict[int, tuple[str, bytes]] = {}
    for unit in units:
        whole = {work: path for work, path in unit.works().items() if path is not None}
        for file in unit.pages():
            for work in Page.of(read_answer(file.path)).works:
                number, updated = number_of(work), work.get("updated_date") or ""
                if number in best and best[number][0] >= updated:
                    continue
                if len(work.get("authorships") or ()) >= query.CUT and f"W{number}" in whole:
                    work["authorships"] = read_answer(whole[f"W{number}"])["authorships"]
                best[number] = updated, orjson.dumps(work, option=orjson.OPT_APPEND_NEWLINE)
    return b"".join(best[number][1] for number in sorted(best))


def client_of(settings: Mapping[str, Any], store: Path) -> Client:
    """Client for the settings of ``source.api``, with the key of the environment."""
    return Client(
        settings["url"],
        store,
        key_from_environment(),
        budget=settings["budget"],
        rate=settings["rate"],
        timeout=settings["timeout"],
    )


def core_conditions(asked: Mapping[str, Any]) -> dict[str, str]:
    """Conditions for the works of the field, dates left out.

    Parameters
    ----------
    asked : Mapping
        ``field`` and ``types`` of the study.
    """
    return query.in_field(asked["field"]) | query.of_types(asked["types"])


def harvest_shard(
    store: str, asked: Mapping[str, Any], span: str, settings: Mapping[str, Any]
) -> tuple[bytes, list[str]]:
    """Works of the field published in a span of dates, from the store as far as it has them.

    Parameters
    ----------
    store : str
        Folder of the store.
    asked : Mapping
        ``url``, ``field`` and ``types``: what tells this harvest from another.
    span : str
        See `poles.corpus.api.date_ranges`.
    settings : Mapping
        ``source.api`` of the configuration: how to ask.

    Returns
    -------
    content : bytes
        See `lines`.
    records : list of str
        The ``complete.json`` of the unit, for the audit.

    Raises
    ------
    StudyError
        If the works cannot be had, or not today.
    """
    conditions = core_conditions(asked)
    identity = query.identity(asked["url"], conditions)
    unit = Unit(Path(store, identity, span))
    if not unit.is_complete():
        describe(Path(store), identity, dict(asked))
        with client_of(settings, Path(store)) as client:
            fetch(unit, {**conditions, **query.of_span(span)}, client, settings["drift"])
    content, known = lines([unit]), unit.summary()
    log.info(
        "%s: %d works from %d pages in %d rounds, OpenAlex counts %d; whole authorships fetched of %d works, "
        "%d of which are gone",
        unit, content.count(b"\n"), len(unit.pages()), known["rounds"], known["count"], known["cut"],
        len(known["gone"]),
    )  # fmt: skip
    return content, [unit.record.as_posix()]
