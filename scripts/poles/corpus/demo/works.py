"""The works of a planted world: teams of countries, references, authors and flaws, year by year."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from poles.corpus.demo import drawing
from poles.corpus.demo.world import World
from poles.errors import StudyError

LEAST = 1000
"""Fewest works that a world can have."""

BASE, SLOT = 9_000_000_000, 10
"""Ids are greater than all ids of OpenAlex, so that no demo record is mistaken for a real one.

Each work takes one number of a slot of ten; no work has the other nine.
"""

LARGEST_TEAM = 5
"""Most countries of a work."""
NOTICED = 6
"""Works that authors consider for each one that they cite."""

FLAWS = {
    "no_country": 0.05,  # no author has a country
    "no_year": 0.004,
    "no_references": 0.06,
    "no_topic": 0.015,
    "nothing_of_field": 0.05,  # cites no work of the field; only works outside it
    "retracted": 0.004,
    "xpac": 0.015,
    "self_reference": 0.002,
}
"""Shares of works with the flaws of real records."""
DANGLING = 0.02
"""Share of references to works that do not exist."""

TYPES = {
    "article": 0.450,
    "conference-paper": 0.300,
    "preprint": 0.100,
    "book-chapter": 0.070,
    "review": 0.040,
    "dissertation": 0.010,
    "book": 0.009,
    "editorial": 0.006,
    "dataset": 0.005,
    "paratext": 0.005,
    "letter": 0.003,
    "erratum": 0.002,
}
"""Document types and their shares. Paratext has no authors."""
PARATEXT = list(TYPES).index("paratext")

FIELD_TOPICS, OTHER_TOPICS = 11, 12
"""Number of topics of the field and of other topics; `records.TOPICS` describes them in this order."""
VISION_TOPICS = 2
"""Number of topics of Computer Vision, which are the first ones of the others."""

AT_ONCE = 20_000
"""Choices that are drawn at once, so that they stay in the cache; it does not matter what is drawn."""

PLAIN, TWO_INSTITUTIONS, TWO_COUNTRIES, UNMATCHED, NOTHING = range(5)
AUTHORS = {PLAIN: 0.84, TWO_INSTITUTIONS: 0.07, TWO_COUNTRIES: 0.02, UNMATCHED: 0.04, NOTHING: 0.03}
"""Shares of authors by what their records say.

They name one institution, two in one country, two in two countries of the team, a country without an
institution, or nothing. The first author from each country always has one institution.
"""


@dataclass(frozen=True)
class Works:
    """All works of a world: N works, R references, A authorships, n countries.

    They are ordered by year; those in Computer Vision with affinities of their own follow all others.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        Numbers of the works, which OpenAlex writes after the W; they do not depend on the year.
    years : ndarray of int16, shape (N,)
        Year of the work, also if its record will have none.
    in_field : ndarray of bool, shape (N,)
        Whether the work is in the field.
    teams : ndarray of int16, shape (N, 5)
        Countries, the lead country first, filled up with -1.
    reference_start : ndarray of int64, shape (N + 1,)
        References of work i are ``references[reference_start[i]:reference_start[i + 1]]``.
    references : ndarray of int32, shape (R,)
        Cited works, distinct within a work; -1 - i is the `nobody` beside work i.
    author_start : ndarray of int64, shape (N + 1,)
        Authorships of work i are entries ``author_start[i]`` to ``author_start[i + 1] - 1``.
    author_country, author_kind : ndarray of int16, shape (A,)
        Country, and a key of `AUTHORS`.
    author_number : ndarray of int32, shape (A,)
        Number of the author within the country.
    institutions : ndarray of int32, shape (n,)
        Number of institutions of a country.
    types : ndarray of int16, shape (N,)
        Index into `TYPES`.
    topics : ndarray of int8, shape (N, 3)
        Distinct topics, filled up with -1; topics of the field are below `FIELD_TOPICS`.
    days : ndarray of int16, shape (N,)
        Day of the year, from 0.
    flaws : dict of str to ndarray of bool, shape (N,)
        Whether each work has each of `FLAWS`.
    """

    ids: np.ndarray
    years: np.ndarray
    in_field: np.ndarray
    teams: np.ndarray
    reference_start: np.ndarray
    references: np.ndarray
    author_start: np.ndarray
    author_country: np.ndarray
    author_kind: np.ndarray
    author_number: np.ndarray
    institutions: np.ndarray
    types: np.ndarray
    topics: np.ndarray
    days: np.ndarray
    flaws: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)


def nobody(ids: np.ndarray) -> np.ndarray:
    """Return ids that no work has, in the slots of the given ids."""
    return ids - ids % SLOT + (ids + 1) % SLOT


def generate(world: World, works: int, seed: int) -> Works:
    """Generate the works of a world.

    Parameters
    ----------
    world : World
        From `plant`.
    works : int
        Number of records, over all years, in the field and outside.
    seed : int
        Seed; an equal world, number and seed give equal works.

    Returns
    -------
    Works

    Raises
    ------
    StudyError
        If `works` is below `LEAST`.
    """
    if works < LEAST:
        raise StudyError(f"demo: works is {works}, but has to be at least {LEAST}")
    in_vision = round(world.plan.vision * works)
    generated = _generate(world, works - in_vision, np.random.default_rng([seed, 1]))
    if world.vision is None or not in_vision:
        return generated
    return _joined(generated, _generate(world.vision, in_vision, np.random.default_rng([seed, 2]), True))


def _generate(world: World, works: int, rng: np.random.Generator, is_vision: bool = False) -> Works:
    """Generate works that cite each other alone: of the field and outside it, or all in Computer Vision."""
    progress = np.linspace(0, 1, len(world.years))
    output = np.cumsum(np.append(0, world.plan.growth**progress))
    bounds = np.rint(output / output[-1] * works).astype(np.int64)
    in_field = (rng.random(works) >= world.plan.outside) | is_vision
    teams = np.concatenate([_teams(world, t, number, rng) for t, number in enumerate(np.diff(bounds))])
    flaws = {name: rng.random(works) < share for name, share in FLAWS.items()}
    flaws["nothing_of_field"] &= ~in_field
    reference_start, references = _references(world, bounds, in_field, teams, flaws, rng)
    types = _choose(np.array(list(TYPES.values())), works, rng)
    return Works(
        ids=BASE + SLOT * rng.permutation(works) + rng.integers(0, SLOT, works),
        years=np.repeat(world.years, np.diff(bounds)).astype(np.int16),
        in_field=in_field,
        teams=teams,
        reference_start=reference_start,
        references=references,
        **_authors(np.where((types == PARATEXT)[:, None], -1, teams), len(world.codes), rng),
        types=types,
        topics=np.where(
            flaws["no_topic"][:, None],
            -1,
            _vision_topics(works, rng) if is_vision else _topics(in_field, rng),
        ).astype(np.int8),
        days=rng.integers(0, 365, works, dtype=np.int16),
        flaws=flaws,
    )


def _cumulative(weights: np.ndarray) -> np.ndarray:
    """Cumulative probabilities along the last axis, ending at 1; rows without weight stay 0."""
    total = np.cumsum(weights, axis=-1)
    return np.divide(total, total[..., -1:], out=np.zeros_like(total, dtype=float), where=total[..., -1:] > 0)


def _table(weights: np.ndarray) -> drawing.Table:
    """Make a table of rows of weights. The number of a row is added to its cumulative probabilities."""
    rows, columns = weights.shape
    number = np.arange(rows, dtype=float)
    ends = (_cumulative(weights) + number[:, None]).ravel()
    return drawing.tabulate(ends, np.arange(rows + 1) * columns, number, np.ones(rows))


def _parts(number: int) -> Iterator[slice]:
    """Yield slices of at most `AT_ONCE` entries that cover a number of entries, in order."""
    for begin in range(0, number, AT_ONCE):
        yield slice(begin, min(begin + AT_ONCE, number))


def _choose(weights: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw independently from one distribution."""
    bounds = _cumulative(weights)[:-1]
    chosen = np.empty(number, dtype=np.int16)
    for part in _parts(number):
        chosen[part] = np.searchsorted(bounds, rng.random(part.stop - part.start), side="right")
    return chosen


def _choose_by(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a column of each row, with probabilities proportional to the exponential of its score."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return drawing.choose(weights, rng.random(len(weights)))


def _teams(world: World, t: int, works: int, rng: np.random.Generator) -> np.ndarray:
    """Countries of the works of one year.

    A partner joins a team with a probability by its size and its affinity to all members.
    """
    plan = world.plan
    progress = t / max(len(world.years) - 1, 1)
    share = plan.international_first + (plan.international_last - plan.international_first) * progress
    teams = np.full((works, LARGEST_TEAM), -1, dtype=np.int16)
    teams[:, 0] = _choose(world.sizes[t], works, rng)
    growing = np.flatnonzero(rng.random(works) < share)
    partners = np.minimum(rng.geometric(1 / plan.partners, len(growing)), LARGEST_TEAM - 1)
    for place in range(1, LARGEST_TEAM):
        more = partners >= place
        growing, partners = growing[more], partners[more]
        for part in _parts(len(growing)):
            some = growing[part]
            scores = np.log(world.sizes[t]) + world.collaboration[t][teams[some, 0]]
            for earlier in range(1, place):
                scores += world.collaboration[t][teams[some, earlier]]
            teams[some, place] = _choose_by(scores, rng)
    return teams


class _Shelf:
    """The works of the field by country and year, from which works are drawn by age and attractiveness.

    Attributes
    ----------
    works : ndarray of int64, shape (S,)
        Works by country and year; a work of two countries stands there twice.
    counts : ndarray of int64, shape (n, Y)
        Number of works of each country in each year.
    pulls : Table
        Attractiveness of `works`, with a row for each country and year.
    """

    def __init__(self, teams: np.ndarray, when: np.ndarray, in_field: np.ndarray, pull: np.ndarray, shape):
        work, place = np.nonzero((teams >= 0) & in_field[:, None])
        cell = teams[work, place].astype(np.int64) * shape[1] + when[work]
        self.works = work[np.argsort(cell, kind="stable")]
        self.counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        start = np.append(0, np.cumsum(self.counts))
        total = np.append(0, np.cumsum(pull[self.works]))
        self.pulls = drawing.tabulate(total[1:], start, total[start[:-1]], np.diff(total[start]))


def _references(
    world: World,
    bounds: np.ndarray,
    in_field: np.ndarray,
    teams: np.ndarray,
    flaws: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the references of all works, year by year: `Works.reference_start` and `Works.references`."""
    plan = world.plan
    works, years = len(in_field), len(world.years)
    when = np.repeat(np.arange(years), np.diff(bounds))
    pull = np.exp(rng.normal(0, plan.attractiveness, works))
    shelf = _Shelf(teams, when, in_field, pull, (len(world.codes), years))
    outside = np.flatnonzero(~in_field)
    mean = np.where(in_field, plan.references, plan.outside_references)
    mean[flaws["nothing_of_field"] | flaws["no_references"]] = 0
    other_mean = np.where(flaws["no_references"], 0, np.where(in_field, 1.5, 4.0))
    flaws["self_reference"][flaws["no_references"]] = (
        False  # works without references have none to themselves
    )
    start, lists = np.zeros(works + 1, dtype=np.int64), []
    for t in range(years):
        of_year = np.arange(bounds[t], bounds[t + 1])
        # In the first years most cited works would be older than the world, so there are fewer references.
        maturity = 1 - math.exp(-(t + 1) / 5)
        spread = rng.gamma(2, 0.5, len(of_year)) * maturity
        is_citable = shelf.counts[:, : t + 1].any()
        links = [of_year[flaws["self_reference"][of_year]] * (works + 1)]  # each as citing * works + cited
        citing = np.repeat(of_year, rng.poisson(mean[of_year] * spread * is_citable))
        if len(citing):
            links.append(citing * works + _cited(world, t, citing, teams, shelf, rng))
        # Works outside the field are cited too, mostly by works outside; the study drops these references.
        published = np.searchsorted(outside, bounds[t + 1])
        if published:
            citing = np.repeat(of_year, rng.poisson(other_mean[of_year] * maturity))
            links.append(citing * works + outside[rng.integers(0, published, len(citing))])
        pairs = np.sort(np.concatenate(links))  # np.unique takes several times as long
        is_first = np.append(True, pairs[1:] > pairs[:-1])[: len(pairs)]  # a year may have no references
        citing, cited = np.divmod(pairs[is_first], works)
        keep = (citing != cited) | flaws["self_reference"][citing]
        start[of_year + 1] = np.bincount(citing[keep] - bounds[t], minlength=len(of_year))
        lists.append(cited[keep].astype(np.int32))
    start = np.cumsum(start)
    references = np.concatenate(lists)
    for part in _parts(works):
        within = slice(start[part.start], start[part.stop])
        cited = references[within]
        citing = np.repeat(np.arange(part.start, part.stop), np.diff(start[part.start : part.stop + 1]))
        lost = (rng.random(len(cited)) < DANGLING) & (citing != cited)
        references[within] = np.where(lost, -1 - cited, cited)
    return start, references


def _cited(
    world: World, t: int, citing: np.ndarray, teams: np.ndarray, shelf: _Shelf, rng: np.random.Generator
) -> np.ndarray:
    """Draw a cited work for every reference of a year.

    For each reference the authors notice some works, each through one country of the citing team. The country
    of such a work is drawn by the stock of works and affinity, and the work by age and attractiveness. One of
    them is cited, by the affinities between all countries of both teams, except the pair of countries through
    which it was noticed.
    """
    affinity = world.citation[t]
    age = t - np.arange(len(world.years))
    fresh = np.where(age > 0, np.exp(-np.maximum(age, 0) / world.plan.memory), 0.3 * (age == 0))
    stock = shelf.counts * fresh
    chances = _table(stock.sum(axis=1) * np.exp(affinity)), _table(stock)
    *streams, choice = _streams(rng, [NOTICED * len(citing)] * 4 + [len(citing)])
    cited = np.empty(len(citing), dtype=np.int64)
    for part in _parts(len(citing)):
        some = citing[part]
        draws = np.array([stream.random((len(some), NOTICED)) for stream in streams])
        noticed, scores = drawing.notice(some, teams, draws, affinity, *chances, shelf.pulls, shelf.works)
        cited[part] = noticed[np.arange(len(some)), _choose_by(scores, choice)]
    return cited


def _streams(rng: np.random.Generator, lengths: Sequence[int]) -> list[np.random.Generator]:
    """Make a generator for each of several runs of `rng.random` that follow each other, and skip the runs.

    So a little of each run can be drawn at a time, and the numbers are those of drawing run after run.
    """
    bits = cast(np.random.PCG64, rng.bit_generator)  # the one of `numpy.random.default_rng`
    streams = []
    for length in lengths:
        state = rng.bit_generator.state
        stream = np.random.default_rng()
        stream.bit_generator.state = state
        streams.append(stream)
        bits.advance(length)
        # Moving ahead drops the half of a number that whole numbers of 32 bits have left.
        halves = {key: state[key] for key in ("has_uint32", "uinteger")}
        rng.bit_generator.state = {**rng.bit_generator.state, **halves}
    return streams


def _topics(in_field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw up to three topics of each work.

    The first topic tells whether the work is in the field; one in five of the others does not agree with it.
    """
    works = len(in_field)
    number = rng.integers(1, 4, works)
    topics = np.full((works, 3), -1, dtype=np.int8)
    for place in range(3):
        field = in_field if place == 0 else in_field ^ (rng.random(works) < 0.2)
        skewed = rng.random(works) ** 1.5
        topic = np.where(field, skewed * FIELD_TOPICS, FIELD_TOPICS + skewed * OTHER_TOPICS).astype(np.int8)
        new = (number > place) & (topic[:, None] != topics[:, :place]).all(axis=1)
        topics[new, place] = topic[new]
    # A topic that was drawn twice leaves a gap, which is closed.
    gap = (topics[:, 1] < 0) & (topics[:, 2] >= 0)
    topics[gap, 1:] = topics[gap, :0:-1]
    return topics


def _vision_topics(works: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the topics of works in Computer Vision: a half has a second topic, of the field or another."""
    topics = np.full((works, 3), -1, dtype=np.int8)
    topics[:, 0] = FIELD_TOPICS + rng.integers(0, VISION_TOPICS, works)
    of_field = rng.integers(0, FIELD_TOPICS, works)
    other = rng.integers(FIELD_TOPICS + VISION_TOPICS, FIELD_TOPICS + OTHER_TOPICS, works)
    kind = rng.random(works)
    topics[:, 1] = np.select([kind < 0.25, kind < 0.5], [of_field, other], -1)
    return topics


def _joined(first: Works, second: Works) -> Works:
    """Put works of the second, none of which are in the field, behind those of the first."""
    shift = len(first)
    columns = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in (
            *("years", "teams", "author_country", "author_kind", "author_number"),
            *("types", "topics", "days"),
        )
    }
    references = second.references + np.where(second.references < 0, -shift, shift)
    return replace(
        first,
        ids=np.append(first.ids, second.ids + SLOT * shift),
        in_field=np.append(first.in_field, np.zeros(len(second), dtype=bool)),
        reference_start=_bounds(first.reference_start, second.reference_start),
        references=np.append(first.references, references.astype(np.int32)),
        author_start=_bounds(first.author_start, second.author_start),
        flaws={name: np.append(first.flaws[name], second.flaws[name]) for name in FLAWS},
        **columns,
    )


def _bounds(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Bounds of the lists of two tables, one behind the other."""
    return np.append(first, first[-1] + second[1:])


def _authors(teams: np.ndarray, countries: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the authors of all works, country by country of their teams."""
    work, place = np.nonzero(teams >= 0)
    alone = teams[work, 1] < 0
    number = np.minimum(1 + rng.poisson(np.where(alone, 1.8, 0.8)), 12)
    entry = np.repeat(np.arange(len(work)), number)
    country = teams[work, place][entry]
    present = np.bincount(teams[work, place], minlength=countries)
    # Of each country of a team, the first author has one institution.
    kind = _choose(np.array(list(AUTHORS.values())), len(entry), rng)
    kind[(kind == TWO_COUNTRIES) & alone[entry]] = PLAIN
    kind[np.cumsum(number) - number] = PLAIN
    # The square makes some authors of a country more productive than others.
    productive = np.maximum(0.6 * present, 3)
    author = np.empty(len(entry), dtype=np.int32)
    for part in _parts(len(entry)):
        author[part] = rng.random(part.stop - part.start) ** 2 * productive[country[part]]
    return {
        "author_start": np.append(0, np.cumsum(np.bincount(work, number, len(teams)).astype(np.int64))),
        "author_country": country,
        "author_number": author,
        "author_kind": kind,
        "institutions": np.clip(np.sqrt(present), 3, 400).astype(np.int32),
    }
