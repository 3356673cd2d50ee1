"""How each kind of claim is judged on the results of one branch: a statistic, a threshold, and a verdict.

A claim about a share of countries or pairs is reproduced from its threshold `share` on, and contradicted
below the lesser of 1 - `share` and half of `share`, even if all those of which nothing is known (no clear
course, a cluster without a name) were as it says. A claim about a single course is reproduced where the
95 % interval of the trend lies beyond the least trend that it asks for, on its side of zero, and contradicted
where it falls short of that (a test of a minimum effect, Murphy and Myors 1999). What is not there cannot be
judged: a missing country, layer or null model makes a claim not testable, never reproduced. A claim about
archetypes is inconclusive where the clusters that it rests on are not both stable and above data without
archetypes; and a pair whose cluster has no name speaks neither for it nor against it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from poles import countries
from poles.archetypes.names import DIVERGING, INTEGRATING, UNNAMED
from poles.blocs.alignment import UNKNOWN
from poles.layers import LAYERS

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
INCONCLUSIVE, NOT_TESTABLE = "inconclusive", "not testable"
SIGNIFICANT = 0.05
"""Level of the tests."""
LEAST_SHOWN = 0.005
"""Slope from which on a sentence of two decimals shows it."""
OPPOSITE = {"rises": {"falls"}, "falls": {"rises"}, "not rises": {"rises"}, "not falls": {"falls"}}
"""Courses that speak against what a claim says of one."""


class Verdict(NamedTuple):
    """Outcome of one claim: the statistic behind it (None where there is none) and one sentence why."""

    verdict: str
    statistic: float | None
    why: str


class Branch(NamedTuple):
    """Results of one branch (variant, null model) that claims are judged on.

    Attributes
    ----------
    layers : sequence of str
        Layers of the study.
    poles : sequence of str
        Country codes of the poles.
    trends, alignment : pl.DataFrame
        See `poles.blocs.alignment.align`.
    significant : pl.DataFrame
        See `poles.nulls.scores.significant_links`.
    threshold : float
        Mean z above which a link is significant.
    k : int
        Number of clusters.
    members : pl.DataFrame
        source, target, archetype of the pairs of the panel.
    sizes : Mapping
        Size of each country, see `poles.networks.links.sizes`.
    polarization, hubs, candidates, selection, signal : pl.DataFrame
        `POLARIZATION_TRENDS`, `HUBS`, `POLES`, `SELECTION` and `SIGNAL`.
    """

    layers: Sequence[str]
    poles: Sequence[str]
    trends: pl.DataFrame
    alignment: pl.DataFrame
    significant: pl.DataFrame
    threshold: float
    k: int
    members: pl.DataFrame
    sizes: Mapping[str, float]
    polarization: pl.DataFrame
    hubs: pl.DataFrame
    candidates: pl.DataFrame
    selection: pl.DataFrame
    signal: pl.DataFrame


def _untestable(why: str) -> Verdict:
    return Verdict(NOT_TESTABLE, None, why)


def _without(layer: str) -> Verdict:
    return _untestable(f"The study has no {layer} layer.")


def _by_share(share: float, wanted: float, why: str, open_share: float = 0.0) -> Verdict:
    """Verdict on a share, where of another one (``open_share``) nothing is known."""
    if share >= wanted:
        return Verdict(REPRODUCED, share, why)
    lost = share + open_share < min(1 - wanted, wanted / 2)
    return Verdict(CONTRADICTED if lost else INCONCLUSIVE, share, why)


def _by_interval(
    low: float, high: float, statistic: float, direction: str, why: str, least: float = 0.0
) -> Verdict:
    """Verdict on a trend by whether its interval lies beyond the least that counts, or short of it."""
    if direction == "falls":
        low, high = -high, -low
    if low > least:
        return Verdict(REPRODUCED, statistic, why)
    return Verdict(CONTRADICTED if high < least else INCONCLUSIVE, statistic, why)


def _there(claim: Mapping[str, Any], known: Iterable[str]) -> tuple[list[str], Verdict | None]:
    """Countries of a claim that can be judged; a verdict instead where too many are missing."""
    known = set(known)
    missing = [country for country in claim["countries"] if country not in known]
    there = [country for country in claim["countries"] if country in known]
    if missing and len(there) < claim.get("at_least", len(claim["countries"])):
        shown = ", ".join(missing[:8]) + (" ..." if len(missing) > 8 else "")
        return there, _untestable(f"Not in the panel with the poles that it names: {shown}.")
    return there, None


def _listed(others: Sequence[str]) -> str:
    return f"; elsewhere: {', '.join(others[:12])}{' ...' if len(others) > 12 else ''}." if others else "."


def _of_layer(layer: str) -> pl.Expr:
    """Channels of a layer."""
    return pl.col("channel").str.split("_").list.first().eq(layer)


def judge_trend(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether the z-score of a pair with a pole rises or falls."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    pair = claim["pair"]
    both = pl.col("pole").is_in(pair) & pl.col("country").is_in(pair)
    rows = branch.trends.filter(both & _of_layer(claim["layer"]))
    rows = rows.unique("channel", keep="first", maintain_order=True)
    if not len(rows):
        return _untestable(f"{'-'.join(pair)} is not among the trajectories with a pole.")
    slope, low, high = rows["slope"].mean(), rows["slope_low"].min(), rows["slope_high"].max()
    least = claim.get("least_slope", 0.0)
    counts = f"; from {least:g} on it counts" if least else ""
    why = f"z changes by {slope:+.2f} a decade (95 % interval {low:+.2f} to {high:+.2f}{counts})"
    alone = rows["growth_slope"].mean()  # flat where growth has been taken out
    why += f"; had no affinity changed, by {alone:+.2f}." if alone and abs(alone) >= LEAST_SHOWN else "."
    return _by_interval(low, high, slope, claim["direction"], why, least)


def _course(rows: pl.DataFrame, least: float) -> str:
    """Course of z by the intervals of all its channels: beyond the least change a decade that counts."""
    if (rows["slope_low"] > least).all():
        return "rises"
    return "falls" if (rows["slope_high"] < -least).all() else "neither"


def judge_courses(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge in which share of the named countries z with each pole takes the course that is said.

    A country whose z has no clear course does not speak against the claim.
    """
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    if absent := [pole for pole in claim["toward"] if pole not in branch.poles]:
        return _untestable(f"Not a pole of the study: {', '.join(absent)}.")
    courses: dict[str, dict[str, str]] = {}
    rows = branch.trends.filter(_of_layer(claim["layer"]))
    for (country, pole), found in rows.group_by("country", "pole", maintain_order=True):
        courses.setdefault(country, {})[pole] = _course(found, claim.get("least_slope", 0.0))
    there, verdict = _there(claim, (c for c, found in courses.items() if set(claim["toward"]) <= set(found)))
    if verdict:
        return verdict

    def fits(country: str) -> bool:
        found = courses[country]
        return all(
            found[pole] != course.removeprefix("not ") if course.startswith("not ") else found[pole] == course
            for pole, course in claim["toward"].items()
        )

    def opposes(country: str) -> bool:
        """Whether a course is the opposite of what is said; none at all is not."""
        return any(courses[country][pole] in OPPOSITE[course] for pole, course in claim["toward"].items())

    named = [
        f"{country} ({', '.join(f'{pole} {courses[country][pole]}' for pole in claim['toward'])})"
        for country in there
        if not fits(country)
    ]
    count, against = len(there) - len(named), sum(map(opposes, there))
    why = f"{count} of {len(there)} take this course in {claim['layer']}, {against} another" + _listed(named)
    share = count / len(there)
    return _by_share(share, claim["share"], why, 1 - against / len(there) - share)


def _needs_groups(poles: Iterable[str], branch: Branch) -> Verdict | None:
    """Verdict where a study has no groups against these poles."""
    if not set(poles) <= set(branch.poles):
        return _untestable(f"The study's poles are {', '.join(branch.poles)}.")
    if set(branch.layers) != set(LAYERS):
        return _untestable(f"It needs both layers; the study has {', '.join(branch.layers)} only.")
    return None


def _on_archetypes(verdict: Verdict, branch: Branch) -> Verdict:
    """A verdict that rests on archetypes; it is open where clusters exceed no data without archetypes."""
    passes = branch.selection.filter(pl.col("passes"))["k"].unique()
    if verdict.verdict not in (REPRODUCED, CONTRADICTED) or branch.k in passes:
        return verdict
    but = f"But {branch.k} clusters are not both stable and beyond data without archetypes."
    return Verdict(INCONCLUSIVE, verdict.statistic, f"{verdict.why} {but}")


def judge_group(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge which share of the named countries stands where the claim says."""
    if set(claim["poles"]) != set(branch.poles) or (verdict := _needs_groups(claim["poles"], branch)):
        return _needs_groups(claim["poles"], branch) or _untestable(
            f"The study's poles are {', '.join(branch.poles)}."
        )
    groups = dict(branch.alignment.select("country", "group").iter_rows())
    there, verdict = _there(claim, (country for country, group in groups.items() if group != UNKNOWN))
    if verdict:
        return verdict
    columns = [f"archetype_{pole}" for pole in claim["poles"]]
    lost = pl.any_horizontal(pl.col(column) == UNNAMED for column in columns)
    unnamed = set(branch.alignment.filter(lost)["country"])
    fits = [country for country in there if groups[country] == claim["group"] and country not in unnamed]
    others = [
        f"{country} ({'unnamed' if country in unnamed else groups[country]})"
        for country in there
        if country not in fits
    ]
    why = f"{len(fits)} of {len(there)} in the group '{claim['group']}'" + _listed(others)
    nothing = len(unnamed & set(there)) / len(there)
    return _on_archetypes(_by_share(len(fits) / len(there), claim["share"], why, nothing), branch)


def judge_turn(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge which share of the named countries grows apart from one pole and draws closer to another."""
    if verdict := _needs_groups((claim["leaving"], claim["joining"]), branch):
        return verdict
    columns = [f"archetype_{claim['leaving']}", f"archetype_{claim['joining']}"]
    rows = branch.alignment.drop_nulls(columns).select("country", *columns).rows()
    archetypes = {country: (left, joined) for country, left, joined in rows}
    there, verdict = _there(claim, archetypes)
    if verdict:
        return verdict
    fits = {c: archetypes[c][0] in DIVERGING and archetypes[c][1] in INTEGRATING for c in there}
    others = [
        f"{c} ({claim['leaving']} {archetypes[c][0]}, {claim['joining']} {archetypes[c][1]})"
        for c in there
        if not fits[c]
    ]
    why = f"{sum(fits.values())} of {len(there)} leave {claim['leaving']} for {claim['joining']}"
    # Where one of the two has no name, the other may still speak against the claim.
    nothing = [
        UNNAMED in (left, joined) and left in (*DIVERGING, UNNAMED) and joined in (*INTEGRATING, UNNAMED)
        for left, joined in map(archetypes.get, there)
    ]
    share, open_share = sum(fits.values()) / len(there), sum(nothing) / len(there)
    found = _by_share(share, claim["share"], why + _listed(others), open_share)
    return _on_archetypes(found, branch)


def judge_among(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge which share of the pairs among the largest countries has an archetype."""
    if set(branch.layers) != set(LAYERS):
        return _untestable(f"It needs both layers; the study has {', '.join(branch.layers)} only.")
    panel = set(branch.members["source"]) | set(branch.members["target"])
    largest = sorted(panel, key=lambda code: (-branch.sizes.get(code, 0.0), code))[: claim["largest"]]
    pairs = branch.members.filter(pl.col("source").is_in(largest) & pl.col("target").is_in(largest))
    possible = claim["largest"] * (claim["largest"] - 1) // 2
    if len(pairs) < possible / 2:
        return _untestable(f"{len(pairs)} of {possible} pairs of the largest countries are in the panel.")
    count = pairs.filter(pl.col("archetype") == claim["archetype"]).height
    nothing = pairs.filter(pl.col("archetype") == UNNAMED).height
    why = f"{count} of {len(pairs)} pairs among {', '.join(largest)} in {claim['archetype']}."
    found = _by_share(count / len(pairs), claim["share"], why, nothing / len(pairs))
    return _on_archetypes(found, branch)


def _partners(claim: Mapping[str, Any], branch: Branch) -> tuple[list[str], int] | Verdict:
    """Countries with a significant tie to a pole, and how many have any; or why that is not known."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    pole = claim["pole"]
    ties = branch.significant.filter(
        pl.col("layer").eq(claim["layer"]) & (pl.col("source").eq(pole) | pl.col("target").eq(pole))
    )
    if not len(ties):
        return _untestable(f"{pole} has no link in these years.")
    other = pl.when(pl.col("source") == pole).then("target").otherwise("source")
    found = ties.filter(pl.col("z") > branch.threshold).select(other.alias("country"))["country"]
    return sorted(found), len(ties)


def judge_significant(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge the number of countries with a significant tie to a pole."""
    found = _partners(claim, branch)
    if isinstance(found, Verdict):
        return found
    count, possible = len(found[0]), found[1]
    error = abs(count - claim["expected"]) / claim["expected"]
    why = f"{count} of {possible} possible partners, against {claim['expected']} in the paper."
    if error <= claim["tolerance"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if error > 2 * claim["tolerance"] else INCONCLUSIVE, float(count), why)


def _regions(codes: Iterable[str]) -> list[str | None]:
    known = dict(countries.load().select("code", "region").iter_rows())
    return [known.get(code) for code in codes]


def judge_neighbours(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge which share of the significant ties of a pole is with countries of its own region (UN M49)."""
    found = _partners(claim, branch)
    if isinstance(found, Verdict):
        return found
    (own,), regions = _regions([claim["pole"]]), _regions(found[0])
    if not regions or own is None:
        return _untestable(f"{claim['pole']} has no significant tie in {claim['layer']}.")
    near = regions.count(own)
    why = f"{near} of {len(regions)} significant partners of {claim['pole']} lie in {own}."
    return _by_share(near / len(regions), claim["share"], why)


def judge_continents(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge over how many regions (UN M49) the significant ties of a pole spread."""
    found = _partners(claim, branch)
    if isinstance(found, Verdict):
        return found
    regions = sorted({region for region in _regions(found[0]) if region})
    if not regions:
        return _untestable(f"{claim['pole']} has no significant tie in {claim['layer']}.")
    count = len(regions)
    why = f"{claim['pole']} has significant partners in {', '.join(regions)}."
    if count >= claim["expected"]:
        return Verdict(REPRODUCED, float(count), why)
    return Verdict(CONTRADICTED if count < claim["expected"] / 2 else INCONCLUSIVE, float(count), why)


def judge_polarization(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether a yearly measure of polarization rises or falls."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    of_claim = pl.col("measure").eq(claim["measure"]) & _of_layer(claim["layer"])
    if poles := claim.get("poles"):
        of_claim &= pl.col("poles").str.split("-").list.sort() == pl.lit(pl.Series([sorted(poles)]))
    rows = branch.polarization.filter(of_claim).drop_nulls("excess_slope")
    if not len(rows):
        return _untestable(f"The {claim['measure']} is not known in enough years.")
    slope, low, high = rows["excess_slope"].mean(), rows["excess_low"].min(), rows["excess_high"].max()
    why = (
        f"The {claim['measure']} changes by {rows['slope'].mean():+.2f} a decade; less what it does with "
        f"unchanged affinities, by {slope:+.2f} (95 % interval {low:+.2f} to {high:+.2f})."
    )
    return _by_interval(low, high, slope, claim["direction"], why)


def judge_hub(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether large producers of a region diverge, and converge with their small neighbours."""
    if claim["layer"] not in branch.layers:
        return _without(claim["layer"])
    of_claim = pl.col("region").eq(claim["region"]) & pl.col("unit").eq("z") & _of_layer(claim["layer"])
    rows = branch.hubs.filter(of_claim).drop_nulls(["statistic", "p"])
    if not len(rows):
        return _untestable(f"Too few countries of {claim['region']} are in the panel.")
    row = rows.row(0, named=True)
    why = (
        f"With small neighbours z changes by {row['spokes']:+.2f} a decade, among {', '.join(row['large'])} "
        f"by {row['hubs']:+.2f}: a difference of {row['statistic']:+.2f} (p = {row['p']:.3f})."
    )
    if row["p"] >= SIGNIFICANT or (row["statistic"] > 0 and not row["hubs"] < 0 < row["spokes"]):
        return Verdict(INCONCLUSIVE, row["statistic"], why)
    return Verdict(REPRODUCED if row["statistic"] > 0 else CONTRADICTED, row["statistic"], why)


def judge_pole(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether a country, taken as a pole, attracts or repels more partners than chance gives."""
    rows = branch.candidates.filter(country=claim["country"])
    if not len(rows):
        return _untestable(f"{claim['country']} is not in the panel.")
    row = rows.row(0, named=True)
    why = (
        f"It attracts {row['attracted']} (q = {row['q_attracts']:.3f}) and repels {row['repelled']} "
        f"(q = {row['q_repels']:.3f}) of {row['partners']} partners; by attraction it is number "
        f"{row['rank']} of {len(branch.candidates)} countries."
    )
    if row["q_attracts"] < SIGNIFICANT:
        return Verdict(REPRODUCED, row["excess"], why)
    return Verdict(CONTRADICTED if row["q_repels"] < SIGNIFICANT else INCONCLUSIVE, row["excess"], why)


def judge_clusters(claim: Mapping[str, Any], branch: Branch) -> Verdict:
    """Judge whether the data prefer so many clusters, and any at all, over data without archetypes."""
    tried = branch.selection.filter((pl.col("data") == "observed") & (pl.col("k") == claim["k"]))
    if not len(tried) or not len(branch.selection.filter(pl.col("data") != "observed")):
        return _untestable(f"No surrogates were clustered at k = {claim['k']}.")
    passes = branch.selection.filter(pl.col("passes"))["k"].unique()
    if not len(passes):
        why = "No number of clusters is stable and exceeds data without archetypes."
        return Verdict(INCONCLUSIVE, None, why)
    most = passes.max()
    why = f"The most clusters that are stable and exceed data without archetypes are {most}."
    if claim["k"] in passes:
        return Verdict(REPRODUCED if most == claim["k"] else INCONCLUSIVE, float(most), why)
    # Fewer than claimed may be all that the data can tell apart; more speak against it.
    return Verdict(CONTRADICTED if most > claim["k"] else INCONCLUSIVE, float(most), why)


JUDGES: Mapping[str, Callable[[Mapping[str, Any], Branch], Verdict]] = {
    "trend": judge_trend,
    "courses": judge_courses,
    "group": judge_group,
    "turn": judge_turn,
    "among": judge_among,
    "significant": judge_significant,
    "neighbours": judge_neighbours,
    "continents": judge_continents,
    "polarization": judge_polarization,
    "hub": judge_hub,
    "pole": judge_pole,
    "clusters": judge_clusters,
}
"""Kinds of claims that one branch decides."""
STAGE = dict.fromkeys(("significant", "neighbours", "continents"), "links") | dict.fromkeys(
    ("group", "turn", "among", "clusters"), "clusters"
)
"""Last stage (`branches.STAGES`) whose choices a kind of claim rests on; of others the trajectories."""


def judge_robust(claim: Mapping[str, Any], judged: pl.DataFrame, variant: str) -> Verdict:
    """Judge which share of the other claims gets one verdict under all of several null models.

    Claims that stay open under each of them agree on nothing, and do not count.

    Parameters
    ----------
    claim : Mapping
        ``nulls`` and ``share``.
    judged : pl.DataFrame
        `CLAIMS` of the claims that one branch decides.
    variant : str
        Variant whose branches are compared.
    """
    of_variant = judged.filter(variant=variant)
    if absent := [null for null in claim["nulls"] if null not in of_variant["null"]]:
        return _untestable(f"Not run with these data: {', '.join(absent)}.")
    found = of_variant.filter(pl.col("null").is_in(claim["nulls"]) & (pl.col("verdict") != NOT_TESTABLE))
    counts = found.group_by("claim", maintain_order=True).agg(
        pl.len().alias("branches"),
        pl.col("verdict").n_unique().alias("verdicts"),
        pl.col("verdict").is_in([REPRODUCED, CONTRADICTED]).any().alias("decided"),
    )
    counts = counts.filter((pl.col("branches") == len(claim["nulls"])) & pl.col("decided"))
    if not len(counts):
        return _untestable("No other claim is decided under any of these null models.")
    moved = counts.filter(pl.col("verdicts") > 1)["claim"].to_list()
    share = 1 - len(moved) / len(counts)
    why = f"{len(counts) - len(moved)} of {len(counts)} decided claims get one verdict"
    return _by_share(share, claim["share"], why + (f"; not: {', '.join(moved)}." if moved else "."))
