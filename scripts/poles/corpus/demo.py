"""A planted world: a small OpenAlex snapshot whose truth is known, made from a seed.

About sixty real countries publish, work together and cite each other, works being made one by one: year,
lead country by size, partners by size and affinity, authors; references to a country by its stock of
earlier works and affinity, then to a work of it by age and attractiveness. The affinity of every pair of
countries follows one of the paper's four archetypes; that table is the truth. Nothing here knows of null
models, z-scores or clusters, and a study reads the files as it would read OpenAlex's.

What is unrealistic, so that sixty thousand works suffice: yearly output grows 2.5 times in 33 years (in
OpenAlex about 9 times), countries are less unequal (sizes are raised to the power `Plan.evenness`), more works
are international, affinities change several times over rather than by some per cent, and every pair of
countries changes. Output before the first year is absent, so early works find little to cite.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date as day
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from poles import provenance, tables
from poles.corpus import layout as places
from poles.corpus.layout import manifests, parts
from poles.errors import StudyError
from poles.jobs import log

__all__ = ["Plan", "Works", "World", "generate", "manifests", "parts", "plant", "write_snapshot"]

ARCHETYPES = ("SC", "SD", "KI", "KD")
NAMES = {
    "SC": "Scientific Convergence",
    "SD": "Scientific Divergence",
    "KI": "Knowledge Integration",
    "KD": "Knowledge Divergence",
}
CHANGE = {"collaboration": (1, -1, -1, 0), "citation": (1, -1, 1, -1)}
"""Direction of the log-affinity of each of `ARCHETYPES` in each layer."""

WINDOW = (2000, 2021)
"""Years between which affinities change; before and after they stand still, but for noise."""

LARGEST_TEAM = 5

COUNTRIES = """
US United_States        north_america  en  pole    450  285  150  120
CN China                east_asia      zh  pole     20   65  310  280
IN India                south_asia     en  swing    15   15   25   75
GB United_Kingdom       west_europe    en  us       90   75   45   35
DE Germany              west_europe    de  us       45   60   40   30
JP Japan                east_asia      ja  bridge   65   70   45   25
CA Canada               north_america  en  bridge   50   35   25   20
FR France               west_europe    fr  bridge   35   40   30   20
KR South_Korea          east_asia      ko  swing     5   20   20   20
IT Italy                south_europe   it  bridge   25   35   25   20
AU Australia            oceania        en  china    20   25   20   20
ES Spain                south_europe   es  china    10   25   25   13
NL Netherlands          west_europe    nl  bridge   20   20   12   10
RU Russia               east_europe    ru  china    10   10    6   12
BR Brazil               latin_america  pt  china     5   13   13   11
TW Taiwan               east_asia      zh  swing    13   25   20   10
SG Singapore            southeast_asia en  swing     3   10   11   11
PL Poland               east_europe    pl  swing     7    7    7    6
IL Israel               middle_east    he  bridge   12   11    6    4
ID Indonesia            southeast_asia id  china   0.4  0.7    3   40
IR Iran                 middle_east    fa  china   0.6    2   11    8
TR Turkey               middle_east    tr  china     2    5    7   11
MY Malaysia             southeast_asia ms  china     1    2    8    9
SA Saudi_Arabia         middle_east    ar  free      2  1.5    3   11
HK Hong_Kong            east_asia      zh  free      1   10    7   12
CH Switzerland          west_europe    de  free      8   12    9    8
SE Sweden               north_europe   sv  free      8   11    6    6
PK Pakistan             south_asia     en  china     1    1    3    7
EG Egypt                africa         ar  china     3    2    4    7
AT Austria              west_europe    de  free      4    8    7    5
BE Belgium              west_europe    fr  free     10   11    8    4
MX Mexico               latin_america  es  china     2    5    5    4
PT Portugal             south_europe   pt  free    1.5    4    6    4
GR Greece               south_europe   el  free      4   10    6    5
CZ Czechia              east_europe    cs  free      4    5    5    4
VN Vietnam              southeast_asia vi  china   0.3  1.5    1    4
DK Denmark              north_europe   da  free      6    7    4    4
FI Finland              north_europe   fi  free      7    8    6    4
UA Ukraine              east_europe    uk  china   0.5    2  1.5    3
AE Arab_Emirates        middle_east    ar  free    0.3  0.5    1    6
IE Ireland              west_europe    en  free      2    3    4    3
NO Norway               north_europe   no  free      3    3    3    4
RO Romania              east_europe    ro  free    0.6    2    5    3
BD Bangladesh           south_asia     bn  china   0.6  0.5  1.5    4
JO Jordan               middle_east    ar  china   0.5  0.5    1    4
MA Morocco              africa         ar  china   0.3  0.7    1    3
NG Nigeria              africa         en  china   0.4  0.6    1    3
DZ Algeria              africa         ar  china   0.4  0.4    2  2.5
TH Thailand             southeast_asia th  china   0.3    1    3    3
NZ New_Zealand          oceania        en  free      3    4  2.5    2
TN Tunisia              africa         ar  china   0.3  0.7    2    2
ZA South_Africa         africa         en  china     3    2  1.5    2
HU Hungary              east_europe    hu  free      3    4    2    2
CO Colombia             latin_america  es  china   0.3  0.7    2  1.5
CL Chile                latin_america  es  china   0.8  1.5    2  1.5
AR Argentina            latin_america  es  china     2  2.5    2  0.8
RS Serbia               east_europe    sr  free      1  1.2  1.2    1
PH Philippines          southeast_asia en  china   0.3  0.4  0.4    2
LK Sri_Lanka            south_asia     en  china   0.3  0.3  0.4    1
QA Qatar                middle_east    ar  free    0.2  0.2  0.4  1.2
KE Kenya                africa         en  china   0.2  0.3  0.3  0.6
ET Ethiopia             africa         am  china   0.2  0.2  0.2  0.7
NA Namibia              africa         en  china   0.1  0.2  0.2  0.3
"""
"""Code, name, region, language, alignment, and size (works per thousand, own rounding) in `KNOTS`."""

KNOTS = (1990, 2000, 2010, 2023)

TOWARDS = {  # archetypes with each pole; where several are given, one is drawn
    "us": {"US": ("SC",), "CN": ("SD",)},
    "bridge": {"US": ("SC",), "CN": ("SC",)},
    "china": {"US": ("SD", "KD"), "CN": ("SC", "SC", "KI")},
    "swing": {"US": ("SD",), "CN": ("SC",)},
}
"""The paper's pattern around the poles, by alignment; free countries are drawn as any other pair."""

BLEMISHES = {
    "no_country": 0.05,  # works none of whose authors has a country
    "no_year": 0.004,
    "no_references": 0.06,
    "no_topic": 0.015,
    "nothing_of_field": 0.05,  # of the works outside the field: they cite none of it
    "retracted": 0.004,
    "xpac": 0.015,
    "self_reference": 0.002,  # works that cite themselves
    "dangling": 0.02,  # references that resolve nowhere
}
"""Shares of works (of references, for ``dangling``) that are flawed as real records are."""

TYPES = {
    "article": 0.45, "conference-paper": 0.30, "preprint": 0.10, "book-chapter": 0.07, "review": 0.04,
    "book": 0.008, "dissertation": 0.01, "dataset": 0.005, "editorial": 0.006, "letter": 0.004,
    "erratum": 0.002, "paratext": 0.005,
}  # fmt: skip

DOMAINS = {1: "Life Sciences", 2: "Social Sciences", 3: "Physical Sciences", 4: "Health Sciences"}
FIELDS = {
    13: ("Biochemistry, Genetics and Molecular Biology", 1),
    17: ("Computer Science", 3),
    18: ("Decision Sciences", 2),
    20: ("Economics, Econometrics and Finance", 2),
    27: ("Medicine", 4),
    33: ("Social Sciences", 2),
}
SUBFIELDS = {
    1312: ("Molecular Biology", 13),
    1702: ("Artificial Intelligence", 17),
    1703: ("Computational Theory and Mathematics", 17),
    1705: ("Computer Networks and Communications", 17),
    1707: ("Computer Vision and Pattern Recognition", 17),
    1710: ("Information Systems", 17),
    1803: ("Management Science and Operations Research", 18),
    2000: ("General Economics, Econometrics and Finance", 20),
    2739: ("Public Health, Environmental and Occupational Health", 27),
    3303: ("Development", 33),
    3304: ("Education", 33),
}
TOPICS = (
    (10320, "Neural Networks and Applications", 1702),
    (10181, "Natural Language Processing Techniques", 1702),
    (10028, "Topic Modeling", 1702),
    (10100, "Metaheuristic Optimization Algorithms Research", 1702),
    (10215, "Semantic Web and Ontologies", 1702),
    (10201, "Speech Recognition and Synthesis", 1702),
    (10664, "Sentiment Analysis and Opinion Mining", 1702),
    (10462, "Reinforcement Learning in Robotics", 1702),
    (12535, "Machine Learning and Data Classification", 1702),
    (11901, "Bayesian Methods and Mixture Models", 1702),
    (11550, "Text and Document Classification Technologies", 1702),
    (11714, "Multimodal Machine Learning Applications", 1707),
    (10036, "Advanced Neural Network Applications", 1707),
    (10211, "Computational Drug Discovery Methods", 1703),
    (10715, "Distributed and Parallel Computing Systems", 1705),
    (11937, "Research Data Management Practices", 1710),
    (12016, "Web Data Mining and Analysis", 1710),
    (11720, "Probability and Risk Models", 1803),
    (10128, "Global trade and economics", 2000),
    (10254, "Innovations in Medical Education", 2739),
    (11970, "Molecular Biology Techniques and Applications", 1312),
    (12636, "Regional Development and Innovation", 3303),
    (11806, "Service-Learning and Community Engagement", 3304),
)
"""Topics of the demo: number, name, subfield; those of the field come first."""

CORE_SUBFIELD = 1702
_CORE_TOPICS = sum(subfield == CORE_SUBFIELD for *_, subfield in TOPICS)

# Ids above all that OpenAlex has given, so that no demo record is ever taken for a real one. Each work owns a
# slot of ten numbers and one number in it; the others belong to nobody, which is where dangling references go.
_BASE, _SLOT = 9_000_000_000, 10


@dataclass(frozen=True)
class Plan:
    """What a planted world looks like; every value is a keyword of `plant` and `write_snapshot`.

    Attributes
    ----------
    contrast : float
        Total change of a pair's log-affinity over `WINDOW` where its archetype rises or falls.
    noise : float
        Standard deviation of the yearly AR(1) noise of a log-affinity (correlation 0.5 between years).
    idiosyncrasy : float
        Standard deviation of the constant part of a pair's log-affinity.
    proximity : float
        Log-affinity added within a region; half as much again for a common language.
    sc, sd, ki, kd : float
        Shares of the archetypes among the pairs that are drawn freely (relative weights).
    evenness : float
        Power to which country sizes are raised: 1 as in the table, 0 all equal.
    growth : float
        Output of the last year over that of the first.
    outside : float
        Share of the records that lie outside the field.
    international_first, international_last : float
        Share of international works in the first and in the last year, linear between.
    partners : float
        Mean number of partner countries of an international work before it is cut at four.
    references : float
        Mean number of references of a work of the field to the field, once there is enough to cite.
    outside_references : float
        The same for a work outside the field.
    home : float
        Log-affinity of a country with its own works.
    memory : float
        Years over which the chance to be cited falls by a factor e.
    attractiveness : float
        Standard deviation of the log of a work's chance to be cited.
    """

    contrast: float = 2.2
    noise: float = 0.15
    idiosyncrasy: float = 0.4
    proximity: float = 0.5
    sc: float = 0.3
    sd: float = 0.2
    ki: float = 0.2
    kd: float = 0.3
    evenness: float = 0.7
    growth: float = 2.5
    outside: float = 0.34
    international_first: float = 0.25
    international_last: float = 0.45
    partners: float = 1.8
    references: float = 18.0
    outside_references: float = 8.0
    home: float = 1.0
    memory: float = 6.0
    attractiveness: float = 1.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise StudyError(f"demo: {name} is {value!r}, must be a number")
            if value < 0:
                raise StudyError(f"demo: {name} is {value}, must not be negative")
        for name in ("outside", "international_first", "international_last"):
            if getattr(self, name) >= 1:
                raise StudyError(f"demo: {name} is {getattr(self, name)}, must be a share below 1")
        if self.partners < 1 or self.growth == 0 or self.memory == 0:
            raise StudyError("demo: partners must be at least 1, growth and memory above 0")
        if self.sc + self.sd + self.ki + self.kd == 0:
            raise StudyError("demo: of sc, sd, ki, kd one at least must be above 0")


@dataclass(frozen=True)
class World:
    """Countries, their sizes and affinities, by year; n countries, T years.

    Attributes
    ----------
    plan : Plan
        What it was made from.
    years : ndarray, shape (T,)
    codes, names : tuple of str
    sizes : ndarray, shape (T, n)
        Chance of a country to lead a work; rows sum to 1.
    collaboration : ndarray, shape (T, n, n)
        Log-affinity of two countries to work together; symmetric, -inf on the diagonal.
    citation : ndarray, shape (T, n, n)
        Log-affinity of row to cite column; the diagonal is the home bias.
    archetype : ndarray of int8, shape (n, n)
        Index into `ARCHETYPES`; symmetric, -1 on the diagonal.
    """

    plan: Plan
    years: np.ndarray
    codes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    collaboration: np.ndarray
    citation: np.ndarray
    archetype: np.ndarray

    def truth(self) -> pl.DataFrame:
        """Archetype of every pair, as table `tables.TRUTH`."""
        rows, columns = np.triu_indices(len(self.codes), 1)
        pairs = [sorted((self.codes[i], self.codes[j])) for i, j in zip(rows, columns, strict=True)]
        return tables.conform(
            pl.DataFrame(
                {
                    "source": [pair[0] for pair in pairs],
                    "target": [pair[1] for pair in pairs],
                    "archetype": [NAMES[ARCHETYPES[index]] for index in self.archetype[rows, columns]],
                }
            ),
            tables.TRUTH,
        )


@dataclass(frozen=True)
class Works:
    """All works of a world as arrays, ordered by year; N works, A authorships, R references.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        Numbers after the W; in no order.
    years : ndarray of int16, shape (N,)
        Year in which a work was made, also where its record has none.
    is_core : ndarray of bool, shape (N,)
        In the field.
    teams : ndarray of int8, shape (N, 5)
        Indices of the countries, lead first, filled up with -1.
    reference_start : ndarray of int64, shape (N + 1,)
    references : ndarray of int32, shape (R,)
        Indices of the cited works, sorted within a work; -1 - i for an id next to that of work i
        that belongs to nobody.
    author_start : ndarray of int64, shape (N + 1,)
    author_country, author_flaw : ndarray of int8, shape (A,)
        Flaw: 0 none, 1 second institution, 2 second country of the team, 3 country known but no
        institution, 4 neither.
    author_number : ndarray of int32, shape (A,)
        Which author of that country.
    institutions : ndarray of int32, shape (n,)
        Institutions that a country has.
    type : ndarray of int8, shape (N,)
        Index into `TYPES`.
    topics : ndarray of int8, shape (N, 3)
        Indices into `TOPICS`, filled up with -1; all -1 where a record has none.
    day : ndarray of int16, shape (N,)
        Day of the year, from 0.
    flaws : dict of str to ndarray of bool, shape (N,)
        By the keys of `BLEMISHES` that concern works.
    """

    ids: np.ndarray
    years: np.ndarray
    is_core: np.ndarray
    teams: np.ndarray
    reference_start: np.ndarray
    references: np.ndarray
    author_start: np.ndarray
    author_country: np.ndarray
    author_flaw: np.ndarray
    author_number: np.ndarray
    institutions: np.ndarray
    type: np.ndarray
    topics: np.ndarray
    day: np.ndarray
    flaws: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)


# ---------------------------------------------------------------------------------------------- the plant


def plant(seed: int, first: int = 1990, last: int = 2023, **knobs: float) -> World:
    """Draw a world: sizes, affinities, and the archetype of every pair.

    Parameters
    ----------
    seed : int
        The same seed and plan give the same world.
    first, last : int
        Years in which works appear.
    **knobs
        Attributes of `Plan`.

    Returns
    -------
    World
        Of all countries of `COUNTRIES`.

    Raises
    ------
    StudyError
        If a knob is unknown or out of range, or the years are not in order.
    """
    known = [field.name for field in fields(Plan)]
    for name in knobs:
        if name not in known:
            raise StudyError(f"demo: no setting {name!r}; there are {', '.join(known)}")
    plan = Plan(**knobs)
    if not 1900 <= first <= last <= 2100:
        raise StudyError(f"demo: years {first}-{last}; the first must not be after the last")
    rng = np.random.default_rng([seed, 0])
    rows = [line.split() for line in COUNTRIES.strip().splitlines()]
    codes = tuple(row[0] for row in rows)
    years = np.arange(first, last + 1)
    logs = np.log(np.array([row[5:] for row in rows], dtype=float))
    sizes = np.exp(plan.evenness * np.array([np.interp(years, KNOTS, log) for log in logs])).T
    sizes /= sizes.sum(axis=1, keepdims=True)
    archetype = _archetypes(plan, codes, [row[4] for row in rows], rng)
    region, language = (np.array([row[column] for row in rows]) for column in (2, 3))
    near = plan.proximity * ((region[:, None] == region) + 0.5 * (language[:, None] == language))
    upper = np.triu_indices(len(codes), 1)
    layers = {}
    for layer, change in CHANGE.items():
        base = near[upper] + rng.normal(0, plan.idiosyncrasy, len(upper[0]))
        amplitude = plan.contrast * np.exp(rng.normal(0, 0.15, len(upper[0])))
        trend = _trends(years, len(upper[0]), rng)  # from -1/2 to 1/2
        moving = base + np.array(change)[archetype[upper]] * amplitude * trend
        layers[layer] = np.zeros((len(years), len(codes), len(codes)))
        for direction in (upper, upper[::-1]):
            # Both directions of citation share trend and baseline; works together have one direction.
            if layer == "citation" or direction is upper:
                wobble = _autoregressive(plan.noise, moving.shape, rng)
            layers[layer][:, *direction] = moving + wobble
    diagonal = np.arange(len(codes))
    layers["collaboration"][:, diagonal, diagonal] = -np.inf
    layers["citation"][:, diagonal, diagonal] = plan.home
    names = tuple(row[1].replace("_", " ") for row in rows)
    return World(plan, years, codes, names, sizes, **layers, archetype=archetype)


def _archetypes(plan: Plan, codes: Sequence[str], alignment: Sequence[str], rng) -> np.ndarray:
    """Archetype of every pair: the pattern around the poles, the other pairs drawn by shares."""
    n = len(codes)
    weights = np.array([plan.sc, plan.sd, plan.ki, plan.kd])
    found = np.full((n, n), -1, dtype=np.int8)
    upper = np.triu_indices(n, 1)
    found[upper] = rng.choice(len(ARCHETYPES), size=len(upper[0]), p=weights / weights.sum())
    poles = {code: codes.index(code) for code in ("US", "CN")}
    for country, kind in enumerate(alignment):
        for pole, choice in TOWARDS.get(kind, {}).items():
            pair = tuple(sorted((country, poles[pole])))
            found[pair] = ARCHETYPES.index(choice[rng.integers(len(choice))])
    found[tuple(sorted(poles.values()))] = ARCHETYPES.index("SD")
    return np.where(np.eye(n, dtype=bool), -1, np.maximum(found, found.T)).astype(np.int8)


def _trends(years: np.ndarray, pairs: int, rng) -> np.ndarray:
    """Smooth change from -1/2 to 1/2 over `WINDOW`: logistic curves, or ramps, with varying onset."""
    start, stop = WINDOW
    at = np.clip(years, start, stop)[:, None].astype(float)
    onset = rng.uniform(start, start + 6, pairs)
    ramp = np.clip((at - onset) / (rng.uniform(stop - 5, stop, pairs) - onset), 0, 1)
    centre = rng.uniform(start + 6, stop - 6, pairs)
    steepness = rng.uniform(0.25, 0.8, pairs)
    low, high, curve = (1 / (1 + np.exp(-steepness * (x - centre))) for x in (start, stop, at))
    return np.where(rng.random(pairs) < 0.4, ramp, (curve - low) / (high - low)) - 0.5


def _autoregressive(deviation: float, shape: tuple[int, int], rng, correlation: float = 0.5) -> np.ndarray:
    """Stationary AR(1) noise along the first axis."""
    noise = rng.normal(0, deviation, shape)
    for t in range(1, shape[0]):
        noise[t] = correlation * noise[t - 1] + math.sqrt(1 - correlation**2) * noise[t]
    return noise


# ---------------------------------------------------------------------------------------------- the works


def generate(world: World, works: int, seed: int) -> Works:
    """Make the works of a world.

    Parameters
    ----------
    world : World
        From `plant`.
    works : int
        Records in all, the years and those outside the field included; 1000 at least.
    seed : int
        The same world, number and seed give the same works.

    Returns
    -------
    Works
        Ordered by year.

    Raises
    ------
    StudyError
        If there are fewer than 1000 works.
    """
    if works < 1000:
        raise StudyError(f"demo: works is {works}, must be at least 1000")
    rng = np.random.default_rng([seed, 1])
    plan = world.plan
    n = len(world.years)
    output = plan.growth ** (np.arange(n) / max(n - 1, 1))
    bounds = np.rint(np.concatenate([[0], np.cumsum(output)]) / output.sum() * works).astype(np.int64)
    when = np.repeat(np.arange(n), np.diff(bounds))
    is_core = rng.random(works) >= plan.outside
    teams = np.concatenate([_teams(world, t, bounds[t + 1] - bounds[t], rng) for t in range(n)])
    flaws = {
        name: rng.random(works) < share for name, share in BLEMISHES.items() if name not in ("dangling",)
    }
    flaws["nothing_of_field"] &= ~is_core
    reference_start, references = _references(world, bounds, is_core, teams, flaws, rng)
    slots = 1 + np.argsort(rng.random(works), kind="stable")
    ids = _BASE + _SLOT * slots + rng.integers(0, _SLOT, works)
    topics = _topics(is_core, rng)
    topics[flaws["no_topic"]] = -1
    weights = np.array(list(TYPES.values()))
    kind = np.searchsorted(np.cumsum(weights)[:-1] / weights.sum(), rng.random(works), side="right")
    kind = kind.astype(np.int8)
    return Works(
        ids=ids,
        years=world.years[when].astype(np.int16),
        is_core=is_core,
        teams=teams,
        reference_start=reference_start,
        references=references,
        **_authors(world, teams, kind == list(TYPES).index("paratext"), rng),
        type=kind,
        topics=topics,
        day=rng.integers(0, 365, works, dtype=np.int16),
        flaws=flaws,
    )


def _draw(cumulative: np.ndarray, row: np.ndarray, rng) -> np.ndarray:
    """One column for each given row, with the chances that the rows of a cumulative table hold (ending at 1)."""
    flat = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
    # Cut just below the next integer, lest rounding carry a draw into the next row.
    at = np.minimum(row + rng.random(len(row)), np.nextafter(row + 1.0, 0))
    return np.searchsorted(flat, at, side="right") - row * cumulative.shape[1]


def _cumulative(weights: np.ndarray) -> np.ndarray:
    """Cumulative chances along the last axis, ending at exactly 1; all-zero rows stay zero."""
    total = np.cumsum(weights, axis=-1)
    return np.divide(total, total[..., -1:], out=np.zeros_like(total), where=total[..., -1:] > 0)


def _teams(world: World, t: int, works: int, rng) -> np.ndarray:
    """Countries of the works of one year; a partner joins by size and affinity to all who are in."""
    plan = world.plan
    progress = t / max(len(world.years) - 1, 1)
    share = plan.international_first + (plan.international_last - plan.international_first) * progress
    teams = np.full((works, LARGEST_TEAM), -1, dtype=np.int8)
    teams[:, 0] = _draw(_cumulative(world.sizes[t][None]), np.zeros(works, dtype=np.int64), rng)
    international = np.flatnonzero(rng.random(works) < share)
    wanted = np.minimum(rng.geometric(1 / plan.partners, len(international)), LARGEST_TEAM - 1)
    affinity = world.collaboration[t]
    pull = np.log(world.sizes[t]) + affinity[teams[international, 0]]
    for place in range(1, LARGEST_TEAM):
        keep = wanted >= place
        international, wanted, pull = international[keep], wanted[keep], pull[keep]
        if not len(international):
            break
        chance = _cumulative(np.exp(pull - pull.max(axis=1, keepdims=True)))
        partner = (chance <= rng.random(len(chance))[:, None]).sum(axis=1)
        teams[international, place] = partner
        pull = pull + affinity[partner]
    return teams


def _references(
    world: World,
    bounds: np.ndarray,
    is_core: np.ndarray,
    teams: np.ndarray,
    flaws: Mapping[str, np.ndarray],
    rng,
) -> tuple[np.ndarray, np.ndarray]:
    """References of all works as CSR arrays (`Works.reference_start`, `Works.references`)."""
    plan = world.plan
    works, years, n = len(is_core), len(world.years), len(world.codes)
    when = np.repeat(np.arange(years), np.diff(bounds))
    # Works of the field listed under each of their countries, by country and then year: cells of a table.
    work, place = np.nonzero((teams >= 0) & is_core[:, None])
    cell = teams[work, place].astype(np.int64) * years + when[work]
    order = np.argsort(cell, kind="stable")
    listed = work[order]
    count = np.bincount(cell, minlength=n * years)
    start = np.concatenate([[0], np.cumsum(count)])
    pull = np.exp(rng.normal(0, plan.attractiveness, works))
    weight = np.concatenate([[0], np.cumsum(pull[listed])])
    outside = np.flatnonzero(~is_core)
    members = (teams >= 0).sum(axis=1)
    silent = flaws["no_references"]
    citing, cited = [], []
    for t in range(years):
        these = np.arange(bounds[t], bounds[t + 1])
        these = these[~silent[these]]
        mature = 1 - math.exp(-(t + 1) / 5)
        spread = rng.gamma(2, 0.5, len(these)) * mature
        core = is_core[these]
        wanted = np.where(core, plan.references, plan.outside_references)
        wanted[flaws["nothing_of_field"][these]] = 0
        owner = np.repeat(these, rng.poisson(wanted * spread))
        country = teams[owner, (rng.random(len(owner)) * members[owner]).astype(np.int64)].astype(np.int64)
        age = t - np.arange(years)
        fresh = np.where(age > 0, np.exp(-age / plan.memory), np.where(age == 0, 0.3, 0.0))
        stock = count.reshape(n, years) * fresh
        source = _draw(_cumulative(stock.sum(axis=1) * np.exp(world.citation[t])), country, rng)
        chosen = source * years + _draw(_cumulative(stock), source, rng)
        low, high = weight[start[chosen]], weight[start[chosen + 1]]
        entry = np.searchsorted(weight, low + rng.random(len(low)) * (high - low), side="right") - 1
        citing.append(owner)
        cited.append(listed[np.clip(entry, start[chosen], start[chosen + 1] - 1)])
        # References between works outside the field, and a few from the field to them: a study drops them.
        others = np.searchsorted(outside, bounds[t + 1])
        if others:
            owner = np.repeat(these, rng.poisson(np.where(core, 1.5, 4) * mature, len(these)))
            citing.append(owner)
            cited.append(outside[(rng.random(len(owner)) * others).astype(np.int64)])
    citing, cited = np.concatenate(citing), np.concatenate(cited)
    key = np.unique(citing * works + cited)
    key = key[key // works != key % works]
    itself = np.flatnonzero(flaws["self_reference"] & ~silent)
    key = np.sort(np.concatenate([key, itself * (works + 1)]))
    citing, cited = key // works, (key % works).astype(np.int32)
    lost = (rng.random(len(cited)) < BLEMISHES["dangling"]) & (citing != cited)
    return np.searchsorted(citing, np.arange(works + 1)), np.where(lost, -1 - cited, cited)


def _topics(is_core: np.ndarray, rng) -> np.ndarray:
    """Up to three topics; the first is of the field or not, the others may be either."""
    works = len(is_core)
    first = np.where(
        is_core,
        (rng.random(works) ** 1.5 * _CORE_TOPICS).astype(np.int64),
        _CORE_TOPICS + (rng.random(works) * (len(TOPICS) - _CORE_TOPICS)).astype(np.int64),
    )
    found = np.full((works, 3), -1, dtype=np.int8)
    found[:, 0] = first
    more = rng.integers(0, 3, works)
    for place in (1, 2):
        # A topic of the work's own side most of the time; the others make "any topic" differ from "primary".
        same = rng.random(works) < 0.8
        core = is_core == same
        low = np.where(core, 0, _CORE_TOPICS)
        width = np.where(core, _CORE_TOPICS, len(TOPICS) - _CORE_TOPICS)
        topic = low + (rng.random(works) * width).astype(np.int64)
        new = (more >= place) & (topic[:, None] != found[:, :place]).all(axis=1)
        new &= found[:, place - 1] >= 0
        found[new, place] = topic[new]
    return found


def _authors(world: World, teams: np.ndarray, none: np.ndarray, rng) -> dict[str, np.ndarray]:
    """Authors of all works, country by country; the first of each country has a plain affiliation."""
    work, place = np.nonzero((teams >= 0) & ~none[:, None])
    single = teams[work, 1] < 0
    number = np.minimum(1 + rng.poisson(np.where(single, 1.8, 0.8)), 12)
    entry = np.repeat(np.arange(len(work)), number)
    country = teams[work, place][entry]
    entries = np.bincount(teams[work, place], minlength=len(world.codes))
    pool = np.maximum(entries * 0.6, 3)
    leading = np.zeros(len(entry), dtype=bool)
    leading[np.cumsum(number) - number] = True
    flaw = np.searchsorted([0.84, 0.91, 0.93, 0.97], rng.random(len(entry)), side="right").astype(np.int8)
    flaw[leading | ((flaw == 2) & single[entry])] = 0
    return {
        "author_start": np.searchsorted(work[entry], np.arange(len(teams) + 1)),
        "author_country": country,
        "author_number": (rng.random(len(entry)) ** 2 * pool[country]).astype(np.int32),
        "author_flaw": flaw,
        "institutions": np.clip(np.sqrt(entries), 3, 400).astype(np.int32),
    }


# ------------------------------------------------------------------------------------------- the snapshot


def write_snapshot(
    folder: str | Path,
    works: int,
    seed: int,
    first: int,
    last: int,
    layout: str,
    record: Mapping[str, Any],
    **knobs: float,
) -> pl.DataFrame:
    """Make a demo snapshot: part files and manifests, as OpenAlex lays them out.

    Parameters
    ----------
    folder : path
        What stands for the bucket; `parts` and `manifests` are relative to it.
    works : int
        Records in all; 1000 at least.
    seed : int
        The same arguments give the same bytes.
    first, last : int
        Years in which works appear.
    layout : str
        ``jsonl`` or ``parquet``: the same records.
    record : Mapping
        Provenance of the job, embedded in every file.
    **knobs
        Attributes of `Plan`.

    Returns
    -------
    pl.DataFrame
        Archetype of every pair of countries, table `tables.TRUTH`.

    Raises
    ------
    StudyError
        If an argument is out of range.
    """
    names = parts(works, layout)
    world = plant(seed, first, last, **knobs)
    made = generate(world, works, seed)
    log.info(
        "demo: %d works, %d of the field, %d references, %d authorships, %d countries",
        works, made.is_core.sum(), len(made.references), len(made.author_country), len(world.codes),
    )  # fmt: skip
    write = {"jsonl": _write_jsonl, "parquet": _write_parquet}[layout]
    order = np.argsort(made.ids)
    describe = _Describe(world, made)
    files, begin = [], 0
    for name, (updated, number) in zip(names, places.shares(works), strict=True):
        path = Path(folder) / name
        write(describe.records(order[begin : begin + number], updated), path, record)
        begin += number
        meta = {"content_length": path.stat().st_size, "record_count": number}
        files.append({"url": f"s3://openalex/{name}", "meta": meta})
    _write_manifests(Path(folder), layout, files, record)
    return world.truth()


def _write_manifests(
    folder: Path, layout: str, files: list[dict[str, Any]], record: Mapping[str, Any]
) -> None:
    """Manifest of the works, and of the format, whose only entity they are."""
    meta = {key: sum(file["meta"][key] for file in files) for key in ("record_count", "content_length")}
    whole, entity = manifests(layout)
    head = {"date": places.RELEASE, "format": layout}
    works = {"entity": "works", **meta, "files": files}
    provenance.write_json({**head, **works}, folder / entity, record)
    provenance.write_json({**head, "meta": meta, "entities": [works]}, folder / whole, record)


def _write_jsonl(records: Iterator[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    lines = [orjson.dumps(work, option=orjson.OPT_APPEND_NEWLINE) for work in records]
    provenance.write_gzip(b"".join(lines), path, record)


class _Describe:
    """Turns works into OpenAlex records; keeps what many records share."""

    def __init__(self, world: World, works: Works):
        self.world, self.works = world, works
        self.citations = np.bincount(works.references[works.references >= 0], minlength=len(works))
        self.types = list(TYPES)
        self.topics = [_topic(*topic) for topic in TOPICS]
        self.plain: dict[tuple[int, int], tuple] = {}

    def records(self, order: np.ndarray, updated: str) -> Iterator[dict[str, Any]]:
        """Records of the works with the given indices, in that order."""
        works = self.works
        columns = {
            "number": works.ids, "year": works.years, "day": works.day, "type": works.type,
            "cited": self.citations, "topic": works.topics, "team": works.teams,
        }  # fmt: skip
        flaws = {name: flags[order].tolist() for name, flags in works.flaws.items()}
        rows = {name: values[order].tolist() for name, values in columns.items()}
        for place, index in enumerate(order.tolist()):
            work = {name: values[place] for name, values in rows.items()}
            flaw = {name for name, values in flaws.items() if values[place]}
            yield self._record(index, work, flaw, f"{updated}T00:00:00.000Z")

    def _record(self, index: int, work: dict[str, Any], flaw: set[str], updated: str) -> dict[str, Any]:
        """One record, with the keys of the exporter in its order; what is not simulated is null or empty."""
        number, kind = work["number"], self.types[work["type"]]
        url = f"https://openalex.org/W{number}"
        doi = f"https://doi.org/10.5555/demo.{number}" if number % 11 else None
        topics = [] if "no_topic" in flaw else self._scored(work["topic"], number)
        title = _title(topics, number) if number % 331 else None
        authorships = self._authorships(index, work["team"], "no_country" in flaw)
        institutions = {one["id"]: one for author in authorships for one in author["institutions"]}
        references = self._references(index)
        published = None if "no_year" in flaw else day(work["year"], 1, 1) + timedelta(days=work["day"])
        return {
            "id": url,
            "doi": doi,
            "title": title,
            "display_name": title,
            "ids": {"openalex": url, "doi": doi} if doi else {"openalex": url},
            "indexed_in": ["crossref"] if doi else [],
            "publication_date": published and published.isoformat(),
            "publication_year": published and published.year,
            "language": "en" if number % 13 else None,
            "type": kind,
            "authorships": authorships,
            "authors_count": len(authorships),
            "corresponding_author_ids": [one["author"]["id"] for one in authorships[:1]],
            "corresponding_institution_ids": [
                one["id"] for author in authorships[:1] for one in author["institutions"]
            ],
            "primary_topic": topics[0] if topics else None,
            "topics": topics,
            "keywords": [],
            "concepts": [],
            "locations": [],
            "locations_count": 0,
            "primary_location": None,
            "best_oa_location": None,
            "sustainable_development_goals": [],
            "awards": [],
            "funders": [],
            "institutions": [],
            # As in OpenAlex, countries parsed from a string do not count here.
            "countries_distinct_count": len({one["country_code"] for one in institutions.values()}),
            "institutions_distinct_count": len(institutions),
            "open_access": {
                "is_oa": False, "oa_status": "closed", "any_repository_has_fulltext": False, "oa_url": None,
            },
            "is_paratext": kind == "paratext",
            "is_retracted": "retracted" in flaw,
            "is_xpac": "xpac" in flaw,
            "biblio": {"volume": None, "issue": None, "first_page": None, "last_page": None},
            "referenced_works": references,
            "referenced_works_count": len(references or ()),
            "related_works": [],
            "abstract_inverted_index": None,
            "cited_by_count": work["cited"],
            "counts_by_year": [],
            "apc_list": None,
            "apc_paid": None,
            "fwci": 0.0,
            "citation_normalized_percentile": None,
            "cited_by_percentile_year": None,
            "mesh": [],
            "has_content": {"pdf": False, "grobid_xml": False},
            "has_fulltext": False,
            "created_date": f"{min(work['year'] + 1, 2026)}-01-15T00:00:00.000Z",
            "updated_date": updated,
        }  # fmt: skip

    def _references(self, index: int) -> list[str] | None:
        start, stop = self.works.reference_start[index : index + 2]
        if start == stop:
            return None
        cited = self.works.references[start:stop]
        ids = self.works.ids[np.where(cited < 0, -1 - cited, cited)]
        # A dangling reference names a number of the slot that no work has.
        slot = ids - ids % _SLOT
        ids = np.sort(np.where(cited < 0, slot + (ids + 1) % _SLOT, ids))
        return [f"https://openalex.org/W{number}" for number in ids.tolist()]

    def _scored(self, indices: list[int], number: int) -> list[dict[str, Any]]:
        scores = (0.99, 0.97, 0.94)
        return [
            {**self.topics[topic], "score": round(score - number % 97 / 1000, 4)}
            for topic, score in zip(indices, scores, strict=True)
            if topic >= 0
        ]

    def _authorships(self, index: int, team: list[int], blank: bool) -> list[dict[str, Any]]:
        works = self.works
        start, stop = works.author_start[index : index + 2].tolist()
        countries = works.author_country[start:stop].tolist()
        numbers = works.author_number[start:stop].tolist()
        flaws = works.author_flaw[start:stop].tolist()
        found = []
        for place, (country, number, flaw) in enumerate(zip(countries, numbers, flaws, strict=True)):
            institutions, codes, strings, affiliations = self._affiliation(
                country, number, 4 if blank else flaw, team
            )
            name = f"Author {self.world.codes[country]}-{number}"
            found.append(
                {
                    "author": {
                        "id": f"https://openalex.org/A{_BASE + country * 10_000_000 + number}",
                        "display_name": name,
                        "orcid": None,
                    },
                    "author_position": "first"
                    if not place
                    else "last"
                    if place == stop - start - 1
                    else "middle",
                    "affiliations": affiliations,
                    "countries": codes,
                    "raw_author_name": name,
                    "is_corresponding": not place,
                    "raw_affiliation_strings": strings,
                    "raw_orcid": None,
                    "institutions": institutions,
                }
            )
        return found

    def _affiliation(self, country: int, number: int, flaw: int, team: list[int]) -> tuple:
        """Institutions, countries, raw strings and affiliations of one author."""
        if flaw == 4:
            return [], [], [], []
        if flaw == 3:
            name = f"Unlisted Laboratory, {self.world.names[country]}"
            raw = [{"raw_affiliation_string": name, "institution_ids": []}]
            return [], [self.world.codes[country]], [name], raw
        home = self._institution(country, number)
        if flaw == 0:
            return home
        second = country if flaw == 1 else team[0] if team[0] != country else team[1]
        other = self._institution(second, number + 1)
        if other is home:
            return home
        institutions, codes, strings, raw = (a + b for a, b in zip(home, other, strict=True))
        return institutions, sorted(set(codes)), strings, raw

    def _institution(self, country: int, number: int) -> tuple:
        """Affiliation with the one institution of that number; shared between records."""
        number %= int(self.works.institutions[country])
        if (country, number) not in self.plain:
            code = self.world.codes[country]
            url = f"https://openalex.org/I{_BASE + country * 1000 + number}"
            name = f"University {number + 1} of {self.world.names[country]}"
            institution = {
                "id": url, "display_name": name, "ror": None, "country_code": code, "type": "education",
                "lineage": [url],
            }  # fmt: skip
            raw = f"{name}, {self.world.names[country]}"
            affiliation = {"raw_affiliation_string": raw, "institution_ids": [url]}
            self.plain[country, number] = ([institution], [code], [raw], [affiliation])
        return self.plain[country, number]


def _topic(number: int, name: str, subfield: int) -> dict[str, Any]:
    subfield_name, field = SUBFIELDS[subfield]
    field_name, domain = FIELDS[field]
    base = "https://openalex.org"
    return {
        "id": f"{base}/T{number}",
        "display_name": name,
        "score": None,
        "subfield": {"id": f"{base}/subfields/{subfield}", "display_name": subfield_name},
        "field": {"id": f"{base}/fields/{field}", "display_name": field_name},
        "domain": {"id": f"{base}/domains/{domain}", "display_name": DOMAINS[domain]},
    }


def _title(topics: list[dict[str, Any]], number: int) -> str:
    """A title that says that it is made up."""
    opening = ("Notes on", "A study of", "Advances in", "An approach to", "Experiments in")[number // 10 % 5]
    subject = topics[0]["display_name"].lower() if topics else "an unclassified matter"
    return f"{opening} {subject} (demo work {number - _BASE})"


def _write_parquet(records: Iterator[dict[str, Any]], path: Path, record: Mapping[str, Any]) -> None:
    """Records as Parquet in the exporter's types, in row groups small enough to keep memory low."""
    import itertools

    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa)
    described = schema.with_metadata({"provenance": provenance.canonical(record)})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, described, compression="snappy", store_schema=False) as writer:
        while group := list(itertools.islice(records, 10_000)):
            columns = [_column(pa, [work[field.name] for work in group], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=described))
    partial.replace(path)


def _column(pa, values: list[Any], kind):
    """One column; dates and times are read from the text that the JSON layout has."""
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        text = pa.array([value and value[:10] for value in values], pa.string())
        return text.cast(pa.date32()).cast(kind)
    if pa.types.is_map(kind):
        values = [list(value.items()) for value in values]
    return pa.array(values, kind)


def _schema(pa):
    """Types of the 49 columns of a work in the Parquet layout."""
    text, whole, real, flag = pa.string(), pa.int32(), pa.float64(), pa.bool_()

    def struct(**kinds):
        return pa.struct(list(kinds.items()))

    named = struct(id=text, display_name=text)
    scored = struct(id=text, display_name=text, score=real)
    topic = struct(id=text, display_name=text, score=real, subfield=named, field=named, domain=named)
    institution = struct(
        id=text, display_name=text, ror=text, country_code=text, type=text, lineage=pa.list_(text)
    )
    authorship = struct(
        author=struct(id=text, display_name=text, orcid=text),
        author_position=text,
        affiliations=pa.list_(struct(raw_affiliation_string=text, institution_ids=pa.list_(text))),
        countries=pa.list_(text),
        raw_author_name=text,
        is_corresponding=flag,
        raw_affiliation_strings=pa.list_(text),
        raw_orcid=text,
        institutions=pa.list_(institution),
    )
    source = struct(id=text, display_name=text, type=text, is_core=flag)
    location = struct(source=source, is_oa=flag, landing_page_url=text, version=text, license=text)
    price = struct(value=pa.int64(), currency=text, value_usd=pa.int64())
    moment = pa.timestamp("us", tz="UTC")
    kinds = {
        "id": text, "doi": text, "title": text, "display_name": text, "ids": pa.map_(text, text),
        "indexed_in": pa.list_(text), "publication_date": pa.date32(), "publication_year": whole,
        "language": text, "type": text, "authorships": pa.list_(authorship), "authors_count": whole,
        "corresponding_author_ids": pa.list_(text), "corresponding_institution_ids": pa.list_(text),
        "primary_topic": topic, "topics": pa.list_(topic), "keywords": pa.list_(scored),
        "concepts": pa.list_(struct(id=text, wikidata=text, display_name=text, level=whole, score=real)),
        "locations": pa.list_(location), "locations_count": whole, "primary_location": location,
        "best_oa_location": location, "sustainable_development_goals": pa.list_(scored),
        "awards": pa.list_(struct(id=text, funder_award_id=text, funder_id=text)),
        "funders": pa.list_(named), "institutions": pa.list_(named), "countries_distinct_count": whole,
        "institutions_distinct_count": whole,
        "open_access": struct(is_oa=flag, oa_status=text, any_repository_has_fulltext=flag, oa_url=text),
        "is_paratext": flag, "is_retracted": flag, "is_xpac": flag,
        "biblio": struct(volume=text, issue=text, first_page=text, last_page=text),
        "referenced_works": pa.list_(text), "referenced_works_count": whole, "related_works": pa.list_(text),
        "abstract_inverted_index": text, "cited_by_count": whole,
        "counts_by_year": pa.list_(struct(year=whole, cited_by_count=whole)), "apc_list": price,
        "apc_paid": price, "fwci": real,
        "citation_normalized_percentile": struct(value=real, is_in_top_1_percent=flag, is_in_top_10_percent=flag),
        "cited_by_percentile_year": struct(min=whole, max=whole),
        "mesh": pa.list_(struct(descriptor_ui=text, descriptor_name=text)),
        "has_content": struct(pdf=flag, grobid_xml=flag), "has_fulltext": flag,
        "created_date": moment, "updated_date": moment,
    }  # fmt: skip
    return pa.schema(list(kinds.items()))
