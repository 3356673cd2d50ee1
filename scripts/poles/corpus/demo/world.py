"""The plan of a planted world, its countries, and their affinities over the years."""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields

import numpy as np
import polars as pl

from poles import countries
from poles.corpus.demo.sizes import COUNTRIES, KNOTS, USUAL
from poles.corpus.tables import TRUTH
from poles.errors import StudyError
from poles.study import tables

ARCHETYPES = (
    "Scientific Convergence",
    "Scientific Divergence",
    "Knowledge Integration",
    "Knowledge Divergence",
)
SC, SD, KI, KD = range(4)
CHANGE = {"collaboration": (1, -1, -1, 0), "citation": (1, -1, 1, -1)}
"""Direction in which the log-affinity of a pair of each of `ARCHETYPES` changes in each layer."""

ROWS = [line.split() for line in COUNTRIES.strip().splitlines()]
"""The entries of `COUNTRIES`."""
FEWEST = 10
"""Fewest countries of a world."""

WINDOW = (2000, 2021)
"""Years between which affinities change; before and after they are constant except for noise."""

POLES = ("US", "CN", "IN")
"""Poles of a world; the third one exists only in a plan of three poles."""
TOWARDS = {
    "us": ((SC,), (SD,)),
    "bridge": ((SC,), (SC,)),
    "china": ((SD, KD), (SC,)),
    "south": ((SD, KD), (SC, SC, KI)),
    "swing": ((SD,), (SC,)),
    "rest": ((SC, KI), (SD, KD)),
}
"""Archetypes of a country with each of two poles, by its alignment; if there are several, one is drawn.

They follow the paper's pattern. The paper says nothing about the countries called rest. They move in the
opposite direction to the many countries that turn to China, because only relative trends are visible once the
activity of every country is given.
"""

TOWARDS_THREE = {
    "us": ((SC,), (SD,), (SD, KD)),
    "bridge": ((SC,), (SC,), (SD, KD)),
    "china": ((SD, KD), (SC,), (SD, KD)),
    "south": ((SD, KD), (SD, KD), (SC, SC, KI)),
    "swing": ((SD,), (SC,), (SC,)),
    "rest": ((SC, KI), (SD, KD), (SD, KD)),
}
"""The same in a world of three poles, in which the south turns to the third pole."""


@dataclass(frozen=True)
class Plan:
    """The settings of a planted world; each one is a keyword of `plant` and of `write_snapshot`.

    Attributes
    ----------
    contrast : float
        Total change of a pair's log-affinity over `WINDOW`, if its archetype rises or falls.
    noise : float
        Standard deviation of the yearly AR(1) noise of a log-affinity (correlation 0.5 between years).
    idiosyncrasy : float
        Standard deviation of the constant part of a pair's log-affinity.
    proximity : float
        Log-affinity added within a subregion (UN M49); half of it is added for a common language.
    home : float
        Log-affinity of a country to its own works in citations.
    sc, sd, ki, kd : float
        Weights of the archetypes among the pairs that the paper's pattern leaves open.
    countries : float
        Number of countries: the first so many of `COUNTRIES`.
    evenness : float
        Power to which country sizes are raised: 1 for those of `COUNTRIES`, 0 for equal ones.
    growth : float
        Output of the last year divided by that of the first.
    outside : float
        Share of the records outside the field.
    international_first, international_last : float
        Share of international works in the first and in the last year; it is linear in between.
    partners : float
        Mean number of partner countries of an international work, before the number is cut at four.
    references : float
        Mean number of references of a work of the field to the field, once there are enough works to cite.
    outside_references : float
        The same for a work outside the field.
    memory : float
        Years in which the probability of being cited falls by a factor e.
    attractiveness : float
        Standard deviation of the logarithm of a work's probability of being cited.
    poles : float
        2 (the United States and China) or 3 (India too).
    walk : float
        Standard deviation of the yearly steps of a random walk within `WINDOW` that is added to a pair's
        log-affinity in each layer. Its courses are as smooth as planted ones, but follow no archetype.
    vision : float
        Share of the records that are in Computer Vision, a subfield with affinities of its own (see
        `World.vision`). They cite each other alone, so the works of the field and those that cite them are
        the ones of a world without such records.
    """

    contrast: float = 2.6
    noise: float = 0.08
    idiosyncrasy: float = 0.25
    proximity: float = 0.3
    home: float = 2.0
    sc: float = 0.3
    sd: float = 0.22
    ki: float = 0.2
    kd: float = 0.28
    countries: float = USUAL
    evenness: float = 0.6
    growth: float = 3.0
    outside: float = 0.32
    international_first: float = 0.3
    international_last: float = 0.5
    partners: float = 2.5
    references: float = 18.0
    outside_references: float = 8.0
    memory: float = 6.0
    attractiveness: float = 1.0
    poles: float = 2.0
    walk: float = 0.0
    vision: float = 0.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise StudyError(f"demo: {name} is {value!r}, but has to be a number")
            if value < 0:
                raise StudyError(f"demo: {name} is {value}, but must not be negative")
        for name in ("outside", "international_first", "international_last", "vision"):
            if getattr(self, name) >= 1:
                raise StudyError(f"demo: {name} is {getattr(self, name)}, but has to be a share below 1")
        for name, least in (("partners", 1), ("growth", 0.01), ("memory", 0.1)):
            if getattr(self, name) < least:
                raise StudyError(f"demo: {name} is {getattr(self, name)}, but has to be at least {least}")
        if not FEWEST <= self.countries <= len(ROWS) or self.countries % 1:
            allowed = f"a whole number from {FEWEST} to {len(ROWS)}"
            raise StudyError(f"demo: countries is {self.countries:g}, but has to be {allowed}")
        if self.poles not in (2, 3):
            raise StudyError(f"demo: poles is {self.poles:g}, but has to be 2 or 3")
        if self.sc + self.sd + self.ki + self.kd == 0:
            raise StudyError("demo: sc, sd, ki and kd are all 0; at least one has to be greater")


@dataclass(frozen=True)
class World:
    """The countries with their sizes and affinities by year: n countries, T years.

    Attributes
    ----------
    plan : Plan
        Settings that the world was drawn with.
    years : ndarray of int, shape (T,)
        Years in which works appear.
    codes, names : tuple of str
        Codes and names of the countries.
    sizes : ndarray, shape (T, n)
        Probability of a country to lead a work; rows sum to 1.
    collaboration : ndarray, shape (T, n, n)
        Log-affinity of two countries in collaboration; symmetric, -inf on the diagonal.
    citation : ndarray, shape (T, n, n)
        Log-affinity of the row's country to cite the column's; the home bias on the diagonal.
    archetype : ndarray of int8, shape (n, n)
        Index into `ARCHETYPES`; symmetric, -1 on the diagonal.
    vision : World or None
        The same world for the works in Computer Vision, if the plan has any. There every country is to the
        United States what it otherwise is to China, and the reverse; the two converge instead of diverging.
        All other affinities are the same.
    """

    plan: Plan
    years: np.ndarray
    codes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    collaboration: np.ndarray
    citation: np.ndarray
    archetype: np.ndarray
    vision: "World | None" = None

    def truth(self) -> pl.DataFrame:
        """Return the archetype of every pair of countries, as `TRUTH`."""
        rows, columns = np.triu_indices(len(self.codes), 1)
        pairs = [sorted((self.codes[i], self.codes[j])) for i, j in zip(rows, columns, strict=True)]
        archetypes = [ARCHETYPES[index] for index in self.archetype[rows, columns]]
        sources, targets = zip(*pairs, strict=True)
        frame = pl.DataFrame({"source": sources, "target": targets, "archetype": archetypes})
        return tables.conform(frame, TRUTH)


def plant(seed: int, first: int = 1990, last: int = 2023, **knobs: float) -> World:
    """Draw a world: sizes, affinities, and the archetype of every pair.

    Parameters
    ----------
    seed : int
        Seed; an equal seed and plan give an equal world.
    first, last : int
        Years in which works appear.
    **knobs
        Attributes of `Plan`.

    Returns
    -------
    World
        World of the countries that the plan asks for.

    Raises
    ------
    StudyError
        If a setting is unknown or out of range, or the years are not in order.
    """
    names = [field.name for field in fields(Plan)]
    for name in knobs:
        if name not in names:
            raise StudyError(f"demo: no setting is named {name!r}; use one of {', '.join(names)}")
    plan = Plan(**knobs)
    if not 1900 <= first <= last <= 2100:
        raise StudyError(f"years: {first} to {last}, but the first must not be after the last")
    rng = np.random.default_rng([seed, 0])
    rows = ROWS[: int(plan.countries)]
    codes = tuple(row[0] for row in rows)
    years = np.arange(first, last + 1)
    sizes = _sizes(np.array([row[3:] for row in rows], dtype=float), years, plan.evenness)
    archetype = _archetypes(plan, codes, [row[2] for row in rows], sizes.mean(axis=0), rng)
    near = _nearness(codes, [row[1] for row in rows]) * plan.proximity

    def world(archetype: np.ndarray, rng: np.random.Generator, vision: World | None = None) -> World:
        return World(
            plan=plan,
            years=years,
            codes=codes,
            names=tuple(countries.names()[code] for code in codes),
            sizes=sizes,
            collaboration=_affinity(plan, "collaboration", years, near, archetype, rng),
            citation=_affinity(plan, "citation", years, near, archetype, rng),
            archetype=archetype,
            vision=vision,
        )

    # Equal random numbers: only what the archetypes say differs.
    vision = world(_exchanged(archetype, codes), deepcopy(rng)) if plan.vision else None
    return world(archetype, rng, vision)


def _sizes(table: np.ndarray, years: np.ndarray, evenness: float) -> np.ndarray:
    """Relative sizes by year, with exponential growth between the knots."""
    logs = np.array([np.interp(years, KNOTS, row) for row in np.log(table)]).T
    sizes = np.exp(evenness * logs)
    return sizes / sizes.sum(axis=1, keepdims=True)


def _nearness(codes: Sequence[str], languages: Sequence[str]) -> np.ndarray:
    """Nearness of two countries: one for a common subregion, plus one half for a common language."""
    subregions = dict(countries.load().select("code", "subregion").iter_rows())
    region = np.array([subregions[code] for code in codes])
    language = np.array(languages)
    return (region[:, None] == region) + 0.5 * (language[:, None] == language)


def _archetypes(
    plan: Plan, codes: Sequence[str], alignments: Sequence[str], sizes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw the archetype of every pair: by the paper's pattern with the poles, by their shares otherwise."""
    n = len(codes)
    archetype = np.full((n, n), -1, dtype=np.int8)
    poles = [codes.index(pole) for pole in POLES[: int(plan.poles)]]
    towards = TOWARDS if plan.poles == 2 else TOWARDS_THREE
    for country, alignment in enumerate(alignments):
        for pole, choice in zip(poles, towards.get(alignment, ()), strict=False):
            archetype[country, pole] = archetype[pole, country] = choice[rng.integers(len(choice))]
    archetype[np.ix_(poles, poles)] = SD
    archetype[poles, poles] = -1
    rows, columns = np.nonzero(np.triu(archetype < 0, 1))
    shares = np.array([plan.sc, plan.sd, plan.ki, plan.kd])
    bounds = np.rint(np.cumsum(shares) / shares.sum() * len(rows))
    labels = rng.permutation(np.searchsorted(bounds, np.arange(len(rows)), side="right"))
    _balance(labels, (rows, columns), archetype, sizes, rng)
    archetype[rows, columns] = archetype[columns, rows] = labels
    return archetype


def _exchanged(archetype: np.ndarray, codes: Sequence[str]) -> np.ndarray:
    """Archetypes of Computer Vision: those with the two first poles exchanged, and the poles converging."""
    poles = [codes.index(pole) for pole in POLES[:2]]
    exchanged = archetype.copy()
    exchanged[:, poles] = archetype[:, poles[::-1]]
    exchanged[poles, :] = exchanged[:, poles].T
    exchanged[np.ix_(poles, poles)] = SC
    exchanged[poles, poles] = -1
    return exchanged


def _balance(
    labels: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    fixed: np.ndarray,
    sizes: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Exchange labels between pairs, in place, so that no country turns to all others or away from all.

    If all affinities of a country rise, none of them seems to rise once the activity of the country is given.
    So random exchanges are kept if they bring the sums of the countries' changes, weighted by the sizes of
    their partners, nearer to 0.
    """
    change = np.array(list(CHANGE.values()))
    i, j = pairs
    sums = np.where(fixed >= 0, change[:, fixed], 0) @ sizes  # (layer, country)
    np.add.at(sums.T, i, (change[:, labels] * sizes[j]).T)
    np.add.at(sums.T, j, (change[:, labels] * sizes[i]).T)
    # Plain lists are faster, because each of many thousand steps uses only eight numbers.
    proposals = rng.integers(0, len(i), (20 * len(i), 2)).tolist()
    change, sums, size, i, j, label = (x.tolist() for x in (change, sums, sizes, i, j, labels))
    for a, b in proposals:
        if label[a] == label[b] or len({i[a], j[a], i[b], j[b]}) < 4:
            continue
        ends = ((i[a], size[j[a]]), (j[a], size[i[a]]), (i[b], -size[j[b]]), (j[b], -size[i[b]]))
        steps = [turn[label[b]] - turn[label[a]] for turn in change]
        layers = list(zip(sums, steps, strict=True))
        if sum((2 * layer[end] + step * w) * step * w for layer, step in layers for end, w in ends) < 0:
            label[a], label[b] = label[b], label[a]
            for layer, step in layers:
                for end, w in ends:
                    layer[end] += step * w
    labels[:] = label


def _affinity(
    plan: Plan,
    layer: str,
    years: np.ndarray,
    near: np.ndarray,
    archetype: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the log-affinities of one layer: a constant part of each pair, its trend or walk, and noise."""
    n = len(archetype)
    upper = np.triu_indices(n, 1)
    pairs = len(upper[0])
    constant = near[upper] + rng.normal(0, plan.idiosyncrasy, pairs)
    amplitude = plan.contrast * np.exp(rng.normal(0, 0.15, pairs))
    course = constant + np.array(CHANGE[layer])[archetype[upper]] * amplitude * _trends(years, pairs, rng)
    if plan.walk:
        course += _walks(plan.walk, years, pairs, rng)
    affinity = np.empty((len(years), n, n))
    affinity[:, *upper] = course + _autoregressive(plan.noise, course.shape, rng)
    if layer == "collaboration":
        affinity[:, *upper[::-1]] = affinity[:, *upper]
    else:  # both directions have the same constant part and trend
        affinity[:, *upper[::-1]] = course + _autoregressive(plan.noise, course.shape, rng)
    affinity[:, range(n), range(n)] = -np.inf if layer == "collaboration" else plan.home
    return affinity


def _trends(years: np.ndarray, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ramps and logistic curves from -1/2 to 1/2 within `WINDOW`, early or late, shape (T, pairs)."""
    start, stop = WINDOW
    at = np.clip(years, start, stop)[:, None].astype(float)
    onset, end = rng.uniform(start, start + 6, pairs), rng.uniform(stop - 5, stop, pairs)
    ramp = np.clip((at - onset) / (end - onset), 0, 1)
    centre = rng.uniform(start + 6, stop - 6, pairs)
    steepness = rng.uniform(0.25, 0.8, pairs)
    low, high, curve = (1 / (1 + np.exp(-steepness * (x - centre))) for x in (start, stop, at))
    return np.where(rng.random(pairs) < 0.4, ramp, (curve - low) / (high - low)) - 0.5


def _walks(deviation: float, years: np.ndarray, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw random walks with mean 0 that begin and end with `WINDOW`, shape (T, pairs)."""
    moves = (years > WINDOW[0]) & (years <= WINDOW[1])
    walks = np.cumsum(rng.normal(0, deviation, (len(years), pairs)) * moves[:, None], axis=0)
    return walks - walks.mean(axis=0)


def _autoregressive(deviation: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw stationary AR(1) noise along the first axis, with correlation 0.5."""
    noise = rng.normal(0, deviation, shape)
    for t in range(1, len(noise)):
        noise[t] = 0.5 * noise[t - 1] + math.sqrt(0.75) * noise[t]
    return noise
