"""The works of a planted world, one after the other in the natural way: team, references, authors, flaws."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poles.corpus.demo.world import World
from poles.errors import StudyError

LEAST = 1000
"""Fewest works that a world can have."""

BASE, SLOT = 9_000_000_000, 10
"""Ids lie above all that OpenAlex has given, so that no demo record is taken for a real one. Each work takes
one number of a slot of ten; the others are nobody's."""

LARGEST_TEAM = 5
NOTICED = 6
"""Works that come to the authors' notice for every one that they cite."""

FLAWS = {
    "no_country": 0.05,  # none of the authors has a country
    "no_year": 0.004,
    "no_references": 0.06,
    "no_topic": 0.015,
    "nothing_of_field": 0.05,  # cites nothing of the field; works outside it alone
    "retracted": 0.004,
    "xpac": 0.015,
    "self_reference": 0.002,
}
"""Shares of works that are flawed as real records are."""
DANGLING = 0.02
"""Share of references that resolve nowhere."""

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
"""Number of topics of the field and of others; `records.TOPICS` describes them in this order."""

PLAIN, TWO_INSTITUTIONS, TWO_COUNTRIES, UNMATCHED, NOTHING = range(5)
AUTHORS = {PLAIN: 0.84, TWO_INSTITUTIONS: 0.07, TWO_COUNTRIES: 0.02, UNMATCHED: 0.04, NOTHING: 0.03}
"""What is known of an author: one institution, two, two in two countries of the team, a country but no
institution, neither. The first author from each country is always plain."""


@dataclass(frozen=True)
class Works:
    """All works of a world, ordered by year; N works, R references, A authorships, n countries.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        Numbers of the works, what OpenAlex writes after the W; they say nothing of the year.
    years : ndarray of int16, shape (N,)
        Year of the work, also where its record will have none.
    in_field : ndarray of bool, shape (N,)
        In the field.
    teams : ndarray of int8, shape (N, 5)
        Countries, lead first, filled up with -1.
    reference_start : ndarray of int64, shape (N + 1,)
        References of work i are ``references[reference_start[i]:reference_start[i + 1]]``.
    references : ndarray of int32, shape (R,)
        Cited works, distinct within a work; -1 - i stands for `nobody` beside work i.
    author_start : ndarray of int64, shape (N + 1,)
        As for references.
    author_country, author_kind : ndarray of int8, shape (A,)
        Country, and a key of `AUTHORS`.
    author_number : ndarray of int32, shape (A,)
        Which author of that country.
    institutions : ndarray of int32, shape (n,)
        Number of institutions of a country.
    types : ndarray of int8, shape (N,)
        Index into `TYPES`.
    topics : ndarray of int8, shape (N, 3)
        Distinct topics, filled up with -1; those of the field are below `FIELD_TOPICS`.
    days : ndarray of int16, shape (N,)
        Day of the year, from 0.
    flaws : dict of str to ndarray of bool, shape (N,)
        Which works have each of `FLAWS`.
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
    """Ids beside the given ones, in the same slots, that no work has."""
    return ids - ids % SLOT + (ids + 1) % SLOT


def generate(world: World, works: int, seed: int) -> Works:
    """Make the works of a world.

    Parameters
    ----------
    world : World
        From `plant`.
    works : int
        Records in all, over all years, in the field and outside.
    seed : int
        The same world, number and seed give the same works.

    Returns
    -------
    Works
        Ordered by year.

    Raises
    ------
    StudyError
        If there are fewer than `LEAST` works.
    """
    if works < LEAST:
        raise StudyError(f"demo: works is {works}, must be at least {LEAST}")
    rng = np.random.default_rng([seed, 1])
    progress = np.linspace(0, 1, len(world.years))
    output = np.cumsum(np.append(0, world.plan.growth**progress))
    bounds = np.rint(output / output[-1] * works).astype(np.int64)
    in_field = rng.random(works) >= world.plan.outside
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
        topics=np.where(flaws["no_topic"][:, None], -1, _topics(in_field, rng)).astype(np.int8),
        days=rng.integers(0, 365, works, dtype=np.int16),
        flaws=flaws,
    )


def _cumulative(weights: np.ndarray) -> np.ndarray:
    """Cumulative chances along the last axis, ending at 1; rows without any weight stay 0."""
    total = np.cumsum(weights, axis=-1)
    return np.divide(total, total[..., -1:], out=np.zeros_like(total, dtype=float), where=total[..., -1:] > 0)


def _choose(weights: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Independent choices from one distribution."""
    return np.searchsorted(_cumulative(weights)[:-1], rng.random(number), side="right").astype(np.int8)


def _choose_in(cumulative: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column for each row given by number, with the chances that a table of `_cumulative` holds."""
    flat = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
    # Below the next integer, lest rounding carry a draw into the next row.
    at = np.minimum(rows + rng.random(len(rows)), np.nextafter(rows + 1.0, 0))
    return np.searchsorted(flat, at, side="right") - rows * cumulative.shape[1]


def _choose_by(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column of each row, with chances proportional to the exponential of its score."""
    chances = _cumulative(np.exp(scores - scores.max(axis=1, keepdims=True)))
    return (chances <= rng.random((len(chances), 1))).sum(axis=1)


def _teams(world: World, t: int, works: int, rng: np.random.Generator) -> np.ndarray:
    """Countries of the works of one year: a partner joins by its size, and its affinity to all who are in."""
    plan = world.plan
    progress = t / max(len(world.years) - 1, 1)
    share = plan.international_first + (plan.international_last - plan.international_first) * progress
    teams = np.full((works, LARGEST_TEAM), -1, dtype=np.int8)
    teams[:, 0] = _choose(world.sizes[t], works, rng)
    open_ = np.flatnonzero(rng.random(works) < share)
    wanted = np.minimum(rng.geometric(1 / plan.partners, len(open_)), LARGEST_TEAM - 1)
    scores = np.log(world.sizes[t]) + world.collaboration[t][teams[open_, 0]]
    for place in range(1, LARGEST_TEAM):
        more = wanted >= place
        open_, wanted, scores = open_[more], wanted[more], scores[more]
        if len(open_):
            partner = _choose_by(scores, rng)
            teams[open_, place] = partner
            scores = scores + world.collaboration[t][partner]
    return teams


class _Shelf:
    """Works of the field under each of their countries and years, to be found by age and attractiveness."""

    def __init__(self, teams: np.ndarray, when: np.ndarray, in_field: np.ndarray, pull: np.ndarray, shape):
        work, place = np.nonzero((teams >= 0) & in_field[:, None])
        cell = teams[work, place].astype(np.int64) * shape[1] + when[work]
        self.works = work[np.argsort(cell, kind="stable")]
        self.counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        self.start = np.append(0, np.cumsum(self.counts))
        self.pull = np.append(0, np.cumsum(pull[self.works]))

    def find(self, countries: np.ndarray, chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A work of each given country, its year drawn by a cumulative table and the work by its pull."""
        cell = countries * chances.shape[1] + _choose_in(chances, countries, rng)
        low, high = self.pull[self.start[cell]], self.pull[self.start[cell + 1]]
        at = np.searchsorted(self.pull, low + rng.random(len(low)) * (high - low), side="right") - 1
        return self.works[np.clip(at, self.start[cell], self.start[cell + 1] - 1)]


def _references(
    world: World,
    bounds: np.ndarray,
    in_field: np.ndarray,
    teams: np.ndarray,
    flaws: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """References of all works, year by year: `Works.reference_start` and `Works.references`."""
    plan = world.plan
    works, years = len(in_field), len(world.years)
    when = np.repeat(np.arange(years), np.diff(bounds))
    pull = np.exp(rng.normal(0, plan.attractiveness, works))
    shelf = _Shelf(teams, when, in_field, pull, (len(world.codes), years))
    outside = np.flatnonzero(~in_field)
    mean = np.where(in_field, plan.references, plan.outside_references)
    mean[flaws["nothing_of_field"] | flaws["no_references"]] = 0
    other_mean = np.where(flaws["no_references"], 0, np.where(in_field, 1.5, 4.0))
    found = [_self_references(flaws)]
    for t in range(years):
        these = np.arange(bounds[t], bounds[t + 1])
        mature = 1 - math.exp(
            -(t + 1) / 5
        )  # in the first years most of what is cited is older than the world
        spread = rng.gamma(2, 0.5, len(these)) * mature
        anything = shelf.counts[:, : t + 1].any()
        citing = np.repeat(these, rng.poisson(mean[these] * spread * anything))
        if len(citing):
            found.append(citing * works + _cited(world, t, citing, teams, shelf, rng))
        # Works outside the field are cited too, mostly from outside; a study drops these references.
        known = np.searchsorted(outside, bounds[t + 1])
        if known:
            citing = np.repeat(these, rng.poisson(other_mean[these] * mature))
            found.append(citing * works + outside[rng.integers(0, known, len(citing))])
    links = np.unique(np.concatenate(found))
    citing, cited = links // works, links % works
    keep = (citing != cited) | flaws["self_reference"][citing]
    citing, cited = citing[keep], cited[keep].astype(np.int32)
    lost = (rng.random(len(cited)) < DANGLING) & (citing != cited)
    return np.searchsorted(citing, np.arange(works + 1)), np.where(lost, -1 - cited, cited)


def _self_references(flaws: Mapping[str, np.ndarray]) -> np.ndarray:
    """References of works to themselves, as citing * works + cited."""
    flaws["self_reference"][flaws["no_references"]] = False
    return np.flatnonzero(flaws["self_reference"]) * (len(flaws["self_reference"]) + 1)


def _cited(
    world: World, t: int, citing: np.ndarray, teams: np.ndarray, shelf: _Shelf, rng: np.random.Generator
) -> np.ndarray:
    """A cited work for every reference of a year.

    Some works come to notice, each through one country of the citing team: its country by the stock of works
    and affinity, the work by age and attractiveness. Of these, one is cited by the affinities between all
    countries of either team, but for the pair that brought it to notice.
    """
    affinity = world.citation[t]
    age = t - np.arange(len(world.years))
    fresh = np.where(age > 0, np.exp(-np.maximum(age, 0) / world.plan.memory), 0.3 * (age == 0))
    stock = shelf.counts * fresh
    through = np.repeat(citing, NOTICED)
    members = (teams[citing] >= 0).sum(axis=1).repeat(NOTICED)
    reader = teams[through, (rng.random(len(through)) * members).astype(np.int64)].astype(np.int64)
    source = _choose_in(_cumulative(stock.sum(axis=1) * np.exp(affinity)), reader, rng)
    noticed = shelf.find(source, _cumulative(stock), rng)
    # Affinity of a citing team to each country, and 0 to the -1 that fills up teams.
    first, last = citing[0], citing[-1]
    padded = np.pad(affinity, ((0, 1), (0, 1)))
    towards = padded[teams[first : last + 1]].sum(axis=1)
    scores = -affinity[reader, source]
    for place in range(LARGEST_TEAM):
        scores += towards[through - first, teams[noticed, place]]
    noticed = noticed.reshape(-1, NOTICED)
    return noticed[np.arange(len(citing)), _choose_by(scores.reshape(-1, NOTICED), rng)]


def _topics(in_field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to three topics: the first says whether the work is in the field, one in five others is astray."""
    works = len(in_field)
    number = rng.integers(1, 4, works)
    topics = np.full((works, 3), -1, dtype=np.int8)
    for place in range(3):
        field = in_field if place == 0 else in_field ^ (rng.random(works) < 0.2)
        skewed = rng.random(works) ** 1.5
        topic = np.where(field, skewed * FIELD_TOPICS, FIELD_TOPICS + skewed * OTHER_TOPICS).astype(np.int8)
        new = (number > place) & (topic[:, None] != topics[:, :place]).all(axis=1)
        topics[new, place] = topic[new]
    # A topic drawn twice leaves a gap; close it.
    gap = (topics[:, 1] < 0) & (topics[:, 2] >= 0)
    topics[gap, 1:] = topics[gap, :0:-1]
    return topics


def _authors(teams: np.ndarray, countries: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Authors of all works, country by country of their teams."""
    work, place = np.nonzero(teams >= 0)
    alone = teams[work, 1] < 0
    number = np.minimum(1 + rng.poisson(np.where(alone, 1.8, 0.8)), 12)
    entry = np.repeat(np.arange(len(work)), number)
    country = teams[work, place][entry]
    present = np.bincount(teams[work, place], minlength=countries)
    kind = _choose(np.array(list(AUTHORS.values())), len(entry), rng)
    kind[(kind == TWO_COUNTRIES) & alone[entry]] = PLAIN
    kind[np.cumsum(number) - number] = PLAIN
    return {
        "author_start": np.searchsorted(work[entry], np.arange(len(teams) + 1)),
        "author_country": country,
        # Squared: a few authors of a country write much.
        "author_number": (rng.random(len(entry)) ** 2 * np.maximum(0.6 * present, 3)[country]).astype(
            np.int32
        ),
        "author_kind": kind,
        "institutions": np.clip(np.sqrt(present), 3, 400).astype(np.int32),
    }
