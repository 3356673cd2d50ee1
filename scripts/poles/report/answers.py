"""What the study found, in ten lines with numbers: of the leading branch, and how far others agree.

A line counts the results of a stage once, however many branches share them: shared results are no further
evidence. Every number stands in a table of the study.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from poles import countries
from poles.archetypes.tables import CLUSTERS
from poles.blocs.tables import (
    BOTH,
    COURSES,
    NEITHER,
    POLARIZATION_TRENDS,
    POLES,
    UNCLUSTERED,
    UNKNOWN,
    alignment_table,
)
from poles.claims.tables import BASIS
from poles.claims.verdicts import VERDICTS
from poles.layers import LAYERS
from poles.networks.tables import COUNTRIES
from poles.nulls.scores import pair_means, partners_of, recent_links
from poles.nulls.tables import SCORES
from poles.stats.false_discovery import LEVEL
from poles.study import tables, windows
from poles.study.tables import Table
from poles.wording import enumerated

ALONE = "No other branch has results of its own."
POLE = "pole"
"""Group of the poles themselves."""
YEARS = 5
"""Years at each end of the trajectories over which z is averaged."""
LISTED = 6
"""Most countries that a line names."""
NOUNS = {
    "correlation": "correlation of z with both poles",
    "rank_correlation": "rank correlation of z with both poles",
    "modularity": "modularity",
    "pole_modularity": "modularity by nearer pole",
}
"""Measures of polarization in a sentence."""


class Line(NamedTuple):
    """One line of the answer.

    Attributes
    ----------
    topic, finding, agreement : str
        What it is about; what the leading branch finds; how far other branches find the same.
    """

    topic: str
    finding: str
    agreement: str


class Branch(NamedTuple):
    """Results of a branch. Branches that share a result have the same object.

    Attributes
    ----------
    name : str
        "variant, null model".
    scores : Mapping
        `SCORES` by layer.
    countries : pl.DataFrame
        `COUNTRIES`.
    basis : pl.DataFrame
        `BASIS`.
    courses, clusters, alignment, polarization, candidates : pl.DataFrame or None
        `COURSES`, `CLUSTERS`, `alignment_table`, `POLARIZATION_TRENDS` and `POLES`; None where the years are
        too few for trajectories.
    """

    name: str
    scores: Mapping[str, pl.DataFrame]
    countries: pl.DataFrame
    basis: pl.DataFrame
    courses: pl.DataFrame | None = None
    clusters: pl.DataFrame | None = None
    alignment: pl.DataFrame | None = None
    polarization: pl.DataFrame | None = None
    candidates: pl.DataFrame | None = None


def read(
    names: Sequence[str], files: Mapping[str, Sequence[str]], layers: Sequence[str], poles: Sequence[str]
) -> list[Branch]:
    """Read the results of all branches, each file once.

    Parameters
    ----------
    names : sequence of str
        Names of the branches, the leading one first.
    files : Mapping
        For each attribute of `Branch` a file for every branch, in their order; ``scores`` has as many for
        each branch as there are layers. Without trajectories, only ``scores``, ``countries`` and ``basis``.
    layers, poles : sequence of str

    Raises
    ------
    StudyError
        If a file is missing or holds another table.
    """
    kinds: dict[str, Table] = {
        "countries": COUNTRIES,
        "basis": BASIS,
        "courses": COURSES,
        "clusters": CLUSTERS,
        "alignment": alignment_table(poles),
        "polarization": POLARIZATION_TRENDS,
        "candidates": POLES,
    }
    known: dict[str, Any] = {}

    def table(path: str, kind: Table) -> pl.DataFrame:
        if path not in known:
            known[path] = tables.read(path, kind)
        return known[path]

    def links(paths: tuple[str, ...]) -> Mapping[str, pl.DataFrame]:
        key = " ".join(paths)
        if key not in known:
            known[key] = {layer: table(path, SCORES) for layer, path in zip(layers, paths, strict=True)}
        return known[key]

    by_branch = []
    for place, name in enumerate(names):
        own = slice(place * len(layers), (place + 1) * len(layers))
        parts = {key: table(files[key][place], kind) for key, kind in kinds.items() if files.get(key)}
        by_branch.append(Branch(name, links(tuple(files["scores"][own])), **parts))
    return by_branch


def lines(
    by_branch: Sequence[Branch],
    claims: pl.DataFrame,
    poles: Sequence[str],
    periods: Mapping[str, tuple[int, int]],
    threshold: float,
    works: int | None = None,
) -> list[Line]:
    """The lines of the answer.

    Parameters
    ----------
    by_branch : sequence of Branch
        The leading branch first.
    claims : pl.DataFrame
        `CLAIMS`.
    poles : sequence of str
        Country codes.
    periods : Mapping
        First and last year of the trajectories (``years``), of the recent years (``recent``), and of the
        works (``works``).
    threshold : float
        Mean z of the recent years above which a link is above expectation.
    works : int, optional
        Number of works of the field in the networks; None if they were counted elsewhere.
    """
    found = [_data(by_branch, periods["works"], works)]
    lead = by_branch[0]
    if lead.courses is not None and len(poles) > 1:
        channels = lead.courses["channel"].unique(maintain_order=True).to_list()
        order = [name for layer in LAYERS for name in channels if name.startswith(layer)]
        found += [_course(by_branch, name, poles[:2], periods["years"]) for name in order]
        found.append(_growth(by_branch, order, poles[:2]))
    found.append(_ties(by_branch, poles, periods["recent"], threshold))
    if lead.clusters is not None:
        found += [_archetypes(by_branch), _sides(by_branch, poles)]
    if lead.polarization is not None:
        found.append(_polarization(by_branch))
    if lead.candidates is not None:
        found.append(_candidates(by_branch, poles))
    found.append(_claims(claims, [branch.name for branch in by_branch]))
    if len(by_branch) == 1:  # the first line says so
        found[1:] = [line._replace(agreement="") for line in found[1:]]
    return found


def short(by_branch: Sequence[Branch], poles: Sequence[str]) -> str:
    """The answer in a sentence or two, from the leading branch.

    Parameters
    ----------
    by_branch : sequence of Branch
        The leading branch first.
    poles : sequence of str
        Country codes.
    """
    lead = by_branch[0]
    if lead.courses is None or lead.polarization is None:
        return "The years are too few to follow links over time, so there is no answer; see the links."
    parts = []
    if len(poles) > 1:
        of_poles = _between(lead, poles[:2])
        if of_poles.is_empty():
            parts.append(f"The link between {_names(poles[:2])} is too weak to be followed.")
        else:
            by_direction: dict[str, list[str]] = {}
            for row in of_poles.iter_rows(named=True):
                by_direction.setdefault(_direction(row), []).append(row["channel"].replace("_", " "))
            told = [f"{direction} in {enumerated(channels)}" for direction, channels in by_direction.items()]
            parts.append(
                f"Compared with what the null model {lead.name.split(', ')[1]} expects, the link between "
                f"{_names(poles[:2])} {enumerated(told)}."
            )
    towards = lead.polarization["towards"].to_list()
    rises, falls, all_measures = towards.count(1), towards.count(-1), len(towards)
    if rises or falls:
        parts.append(
            f"Of {all_measures} measures of polarization over all countries, {rises} "
            f"{'shows' if rises == 1 else 'show'} growing division beyond what growth explains, and "
            f"{falls or 'none'} "
            f"growing integration."
        )
    elif all_measures:
        parts.append(
            f"None of {all_measures} measures of polarization over all countries shows growing division, or "
            "growing integration, beyond what growth explains."
        )
    return " ".join(parts)


def _distinct(by_branch: Iterable[Branch], attribute: str) -> list[Branch]:
    """The first of the branches that share a result, for every result."""
    first: dict[int, Branch] = {}
    for branch in by_branch:
        first.setdefault(id(getattr(branch, attribute)), branch)
    return list(first.values())


def _agreement(branches: Sequence[Branch], same: Callable[[Branch], bool], words: str) -> str:
    """In how many branches with results of their own the words hold."""
    if len(branches) == 1:
        return ALONE
    count = sum(map(same, branches))
    return f"{words} in {count} of {len(branches)} branches with results of their own."


def _spread(values: Sequence[float], form: str = "{}") -> str:
    """Least and greatest of some values, or the one value that all have."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def _names(codes: Iterable[str]) -> str:
    """Names of countries in a sentence."""
    return enumerated([_name(code) for code in codes])


def _name(code: str) -> str:
    """Name of a country in a sentence; the code of the rest of the world."""
    return countries.in_text(code) if code in countries.names() else code


def _capital(text: str) -> str:
    """Text at the start of a sentence."""
    return f"{text[0].upper()}{text[1:]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _data(by_branch: Sequence[Branch], period: tuple[int, int], works: int | None) -> Line:
    """What was counted."""
    table = by_branch[0].countries.filter(pl.col("year").is_between(*period))
    parts = [] if works is None else [f"{works:,} works of the field"]
    parts.append(f"{table['country'].n_unique()} countries")
    if "collaboration" in by_branch[0].scores:
        parts.append(f"{table['collaboration_strength'].sum() / 2:,.0f} shared works of pairs of countries")
    if "citation" in by_branch[0].scores:
        parts.append(f"{table['citation_strength_out'].sum():,.0f} citations between countries")
    number = len(by_branch)
    branches = "one branch" if number == 1 else f"{number} branches, of which {by_branch[0].name} leads"
    return Line("Data", f"{windows.named(*period)}: {enumerated(parts)}.", f"The study has {branches}.")


def _between(branch: Branch, pair: Sequence[str]) -> pl.DataFrame:
    """Rows of the courses of two poles with each other, one for each channel."""
    assert branch.courses is not None
    rows = branch.courses.filter(country=pair[1], pole=pair[0])
    order = {name: place for place, name in enumerate(LAYERS)}
    return rows.sort(pl.col("channel").replace_strict(order, default=9, return_dtype=pl.Int64), "channel")


def _direction(row: Mapping[str, Any]) -> str:
    """What the interval of a course says."""
    if row["low"] is not None and row["low"] > 0:
        return "strengthened"
    return "weakened" if row["high"] is not None and row["high"] < 0 else "shows no clear trend"


def _factor(slope: float | None) -> str:
    """Factor by which a ratio changes whose logarithm has a slope."""
    return "unknown" if slope is None else f"{math.exp(min(slope, 100)):.2f}"


def _course(by_branch: Sequence[Branch], channel: str, pair: Sequence[str], years: tuple[int, int]) -> Line:
    """The link of the first two poles in a channel: observed over expected weight, and z."""
    topic = f"{_capital(_names(pair))} in {channel.replace('_', ' ')}"
    rows = {branch.name: _between(branch, pair).filter(channel=channel) for branch in by_branch}
    row = next(rows[by_branch[0].name].iter_rows(named=True), None)
    if row is None:
        return Line(topic, "The link is too weak to be followed.", "")
    layer = next(name for name in LAYERS if channel.startswith(name))
    z = partners_of(pair[0], pair_means(by_branch[0].scores[layer])).filter(country=pair[1])
    ends = [(years[0], years[0] + YEARS - 1), (years[1] - YEARS + 1, years[1])]
    means = [z.filter(pl.col("year").is_between(*end)).select(pl.mean("z")).item() for end in ends]
    low, factor, high = (_factor(row[name]) for name in ("low", "slope", "high"))
    told = [
        f"{'none' if mean is None else f'{mean:.2f}'} ({windows.named(*end)})"
        for mean, end in zip(means, ends, strict=True)
    ]
    finding = (
        f"The link {_direction(row)}: observed over expected changes by a factor of {factor} per decade "
        f"(95 % interval {low} to {high}). z goes from {' to '.join(told)}."
    )
    return Line(
        topic,
        finding,
        _agreement(
            _distinct(by_branch, "courses"),
            lambda branch: (
                [_direction(one) for one in rows[branch.name].iter_rows(named=True)] == [_direction(row)]
            ),
            f"It {_direction(row)}",
        ),
    )


def _growth(by_branch: Sequence[Branch], channels: Sequence[str], pair: Sequence[str]) -> Line:
    """What growth alone would make of the link of the first two poles."""

    def beyond(branch: Branch) -> list[bool]:
        rows = _between(branch, pair).drop_nulls(["slope", "growth_slope"])
        return [slope > growth for slope, growth in rows.select("slope", "growth_slope").iter_rows()]

    rows = _between(by_branch[0], pair).drop_nulls("growth_slope")
    topic = "Growth or preference"
    if rows.is_empty():
        return Line(topic, "The link of the poles is too weak to be followed.", "")
    told = [
        f"{_factor(row['growth_slope'])} in {row['channel'].replace('_', ' ')}"
        for row in rows.iter_rows(named=True)
    ]
    own = beyond(by_branch[0])
    words = (
        "stronger"
        if all(own)
        else "weaker"
        if not any(own)
        else "stronger in some networks and weaker in others"
    )
    finding = (
        f"Had no pair changed its affinity, the growth of countries alone would give a factor of "
        f"{enumerated(told)}. "
        f"Beside that the link became {words}."
    )
    return Line(
        topic, finding,
        _agreement(_distinct(by_branch, "courses"), lambda branch: beyond(branch) == own, "The same"),
    )  # fmt: skip


def _ties(
    by_branch: Sequence[Branch], poles: Sequence[str], recent: tuple[int, int], threshold: float
) -> Line:
    """Partners of each pole whose link is above expectation."""
    distinct = _distinct(by_branch, "scores")
    counts: list[dict[tuple[str, str], int]] = []
    for branch in distinct:
        links = recent_links(branch.scores, *recent)
        strong = links.filter(pl.col("z") > threshold)
        counts.append(
            {
                (pole, layer): len(partners_of(pole, strong.filter(layer=layer)))
                for pole in poles
                for layer in branch.scores
            }
        )
    told, spread = [], []
    for pole in poles:
        name = countries.in_text(pole)
        layers = [f"{counts[0][pole, layer]} in {layer}" for layer in by_branch[0].scores]
        told.append(f"{name} has {enumerated(layers)}")
        ranges = [
            f"{_spread([one[pole, layer] for one in counts])} in {layer}" for layer in by_branch[0].scores
        ]
        spread.append(f"{name} {enumerated(ranges)}")
    finding = f"Partners with a mean z above {threshold:g} in {windows.named(*recent)}: {'; '.join(told)}."
    others = f"Over all null models and counts: {'; '.join(spread)}." if len(distinct) > 1 else ALONE
    return Line("Links above expectation", finding, others)


def _archetypes(by_branch: Sequence[Branch]) -> Line:
    """Shares of the archetypes, and pairs that keep theirs in other branches."""
    lead = by_branch[0]
    assert lead.clusters is not None
    topic = "Archetypes of change"
    if lead.clusters.is_empty():
        return Line(topic, "There are no clusters: the panel has too few pairs.", "")
    counted = lead.clusters.group_by("archetype").len().sort("len", "archetype", descending=[True, False])
    told = [f"{_percent(number / len(lead.clusters))} {name}" for name, number in counted.iter_rows()]
    k = lead.clusters["cluster"].n_unique()
    preferred = lead.basis["preferred"][0]
    sure = (
        f"The data support {k} clusters." if preferred == k
        else f"The data support {preferred} clusters rather than {k}." if preferred
        else "No number of clusters is both stable and beyond chance, so these groups may be chance."
    )  # fmt: skip
    others = _distinct(by_branch, "clusters")[1:]
    shares = []
    for branch in others:
        assert branch.clusters is not None
        both = lead.clusters.join(branch.clusters, on=["source", "target"], suffix="_other")
        if len(both):
            shares.append(float((both["archetype"] == both["archetype_other"]).to_numpy().mean()))
    agreement = (
        f"In other branches, {_spread([100 * share for share in shares], '{:.0f}')} % of the common "
        "pairs have the same archetype."
        if shares
        else ALONE
    )
    return Line(topic, f"Of {len(lead.clusters):,} pairs, {enumerated(told)}. {sure}", agreement)


def _sides(by_branch: Sequence[Branch], poles: Sequence[str]) -> Line:
    """With which pole countries integrate."""

    def count(branch: Branch) -> dict[str, int]:
        assert branch.alignment is not None
        table = branch.alignment.filter(~pl.col("group").is_in([POLE, UNKNOWN, UNCLUSTERED]))
        return dict(table.group_by("group").len().sort("group").iter_rows())

    topic = "Sides of countries"
    own = count(by_branch[0])
    if not own:
        return Line(topic, "There are no groups of countries, as there are no clusters.", "")
    order = sorted(own, key=lambda group: (-own[group], group))
    told = [f"{own[group]} {_group(group, poles)}" for group in order]
    finding = f"With whom {sum(own.values())} countries integrate, by their archetypes: {enumerated(told)}."
    distinct = _distinct(by_branch, "alignment")
    if len(distinct) == 1:
        return Line(topic, finding, ALONE)
    counts = [count(branch) for branch in distinct]
    ranges = [f"{_spread([one.get(group, 0) for one in counts])} {_group(group, poles)}" for group in order]
    return Line(topic, finding, f"Over all branches: {enumerated(ranges)}.")


def _group(group: str, poles: Sequence[str]) -> str:
    """A group of countries, by the poles with which they integrate."""
    if group.startswith("only "):
        return f"with {countries.in_text(group.removeprefix('only '))} alone"
    two = len(poles) == 2
    known = {
        BOTH: "with both poles" if two else "with all poles",
        NEITHER: "with neither" if two else "with no pole",
    }
    return known.get(group) or f"with {_names(group.split('+'))}"


def _polarization(by_branch: Sequence[Branch]) -> Line:
    """Measures of polarization, beyond what growth explains."""
    table = by_branch[0].polarization
    assert table is not None
    topic = "Polarization of the world"
    if table.is_empty():
        return Line(topic, "The panel has too few countries to measure it.", "")
    first = min(table["channel"].unique(), key=lambda name: [name != layer for layer in LAYERS])
    row = next(table.filter(measure="correlation", channel=first).iter_rows(named=True), None)
    row = row or table.row(0, named=True)
    towards = table["towards"].to_list()
    example = (
        f"The {NOUNS.get(row['measure'], row['measure'])} in {row['channel']} changes by "
        f"{row['excess_slope']:+.2f} per decade beyond growth (95 % interval {row['excess_low']:+.2f} to "
        f"{row['excess_high']:+.2f})."
        if row["excess_slope"] is not None
        else ""
    )
    finding = (
        f"{towards.count(1)} of {len(towards)} measures show growing division, {towards.count(-1)} growing "
        f"integration, and {towards.count(0)} neither. {example}"
    )

    def divided(branch: Branch) -> bool:
        assert branch.polarization is not None
        return bool((branch.polarization["towards"] == 1).any())

    own = divided(by_branch[0])
    words = "At least one measure shows growing division" if own else "No measure shows growing division"
    return Line(
        topic, finding.strip(),
        _agreement(_distinct(by_branch, "polarization"), lambda branch: divided(branch) == own, words),
    )  # fmt: skip


def _attracting(branch: Branch) -> list[str]:
    """Countries that attract more partners than chance explains, and more than they repel; most first."""
    assert branch.candidates is not None
    table = branch.candidates.filter(
        (pl.col("q_attracts") < LEVEL) & (pl.col("attracted") > pl.col("repelled"))
    )
    return table.sort("rank", "country")["country"].to_list()


def _candidates(by_branch: Sequence[Branch], poles: Sequence[str]) -> Line:
    """Countries that attract their partners, poles of the study or not."""
    own = _attracting(by_branch[0])
    more = f" and {len(own) - LISTED} more" if len(own) > LISTED else ""
    named = f"{', '.join(map(_name, own[:LISTED]))}{more}"
    finding = (
        f"Countries that attract more partners than chance explains (q < {LEVEL:g}): {named}. "
        f"{sum(pole in own for pole in poles)} of the {len(poles)} poles "
        f"{'is' if sum(pole in own for pole in poles) == 1 else 'are'} among them."
        if own
        else f"No country, poles included, attracts more partners than chance explains (q < {LEVEL:g})."
    )
    distinct = _distinct(by_branch, "candidates")
    if len(distinct) == 1:
        return Line("Other poles", finding, ALONE)
    found = [_attracting(branch) for branch in distinct]
    always = sorted(set.intersection(*map(set, found)))
    agreement = (
        f"In all {len(distinct)} branches with results of their own: {_names(always)}."
        if always
        else f"No country is so in all {len(distinct)} branches with results of their own; "
        f"{len(set().union(*found)) or 'none'} in some of them."
    )
    return Line("Other poles", finding, agreement)


def _verdicts(claims: pl.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Verdicts on each claim in every branch that judges it, the leading one first."""
    pairs = [tuple(name.split(", ")) for name in names]
    for (claim,), rows in claims.group_by("claim", maintain_order=True):
        known = {(row["variant"], row["null"]): row["verdict"] for row in rows.iter_rows(named=True)}
        found = [known.get((variant, null)) or known.get((variant, "all")) for variant, null in pairs]
        yield str(claim), [verdict for verdict in found if verdict]


def _claims(claims: pl.DataFrame, names: Sequence[str]) -> Line:
    """Verdicts on the claims."""
    verdicts = [found for _, found in _verdicts(claims, names) if found]
    if not verdicts:
        return Line("Claims", "There are no claims.", "")
    lead = [found[0] for found in verdicts]
    told = [f"{lead.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in lead]
    same = sum(len(set(found)) == 1 for found in verdicts)
    agreement = f"{same} have one verdict in all branches." if len(names) > 1 else ALONE
    return Line("Claims", f"Of {len(verdicts)} claims, {enumerated(told)}.", agreement)
