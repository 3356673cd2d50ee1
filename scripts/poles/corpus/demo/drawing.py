"""The inner loops of drawing works: which works are noticed, and which of several choices is taken.

Random numbers come from outside, so what is drawn does not depend on how many draws one call makes.
"""

from typing import NamedTuple

import numba
import numpy as np

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Table(NamedTuple):
    """Cumulative weights, from which a draw finds its choice in a step or two.

    Attributes
    ----------
    ends : ndarray, shape (C,)
        Cumulative weights of the choices of all rows, one row behind the other; they never fall.
    start : ndarray of int64, shape (rows + 1,)
        Bounds of the rows.
    base, span, limit : ndarray, shape (rows,)
        Cumulative weight before each row, the weight of the row, and the last place in it.
    guide : ndarray of int32, shape (C + 1,)
        Choice that is found by a draw of 0, 1 / m, 2 / m, ... in a row of m choices, or one near it. The last
        entry belongs to no row.
    """

    ends: np.ndarray
    start: np.ndarray
    base: np.ndarray
    span: np.ndarray
    limit: np.ndarray
    guide: np.ndarray


def tabulate(ends: np.ndarray, start: np.ndarray, base: np.ndarray, span: np.ndarray) -> Table:
    """Make a table, a part of whose attributes are the arguments."""
    sizes = np.diff(start)
    row = np.repeat(np.arange(len(sizes)), sizes)
    draw = (np.arange(len(ends)) - start[row]) / sizes[row]
    guide = np.searchsorted(ends, base[row] + draw * span[row], side="right")
    # Sums are rounded, so a draw could lead to the end of its row. Empty rows have no end.
    limit = np.nextafter(np.append(ends, 0.0)[start[1:] - 1], base)
    return Table(ends, start, base, span, limit, np.append(guide, len(ends) - 1).astype(np.int32))


@compiled
def find(table: Table, row: int, draw: float) -> int:
    """Find the choice to which a uniform random number leads in a row: the first one that ends after it."""
    begin, end = table.start[row], table.start[row + 1]
    at = min(table.base[row] + draw * table.span[row], table.limit[row])
    choice = min(table.guide[begin + int(draw * (end - begin))], end - 1)
    while choice > begin and table.ends[choice - 1] > at:
        choice -= 1
    while choice < end - 1 and table.ends[choice] <= at:
        choice += 1
    return choice


@compiled
def choose(weights: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Draw a column of each row with probabilities proportional to weights, which are overwritten.

    Parameters
    ----------
    weights : ndarray, shape (rows, columns)
        At least one of each row is positive.
    draws : ndarray, shape (rows,)
        Uniform random numbers.

    Returns
    -------
    ndarray of int64, shape (rows,)
    """
    rows, columns = weights.shape
    chosen = np.zeros(rows, np.int64)
    for row in range(rows):
        for column in range(1, columns):
            weights[row, column] += weights[row, column - 1]
        total = weights[row, columns - 1]
        while chosen[row] < columns - 1 and weights[row, chosen[row]] / total <= draws[row]:
            chosen[row] += 1
    return chosen


@compiled
def notice(
    citing: np.ndarray,
    teams: np.ndarray,
    draws: np.ndarray,
    affinity: np.ndarray,
    countries: Table,
    years: Table,
    pulls: Table,
    shelf: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the works that authors notice for each reference, and what speaks for citing each of them.

    Parameters
    ----------
    citing : ndarray of int64, shape (R,)
        Citing work of each reference; references of a work stand together.
    teams : ndarray of int16, shape (N, T)
        Countries of all works, filled up with -1.
    draws : ndarray, shape (4, R, K)
        Uniform random numbers for the country through which each of K works is noticed, the country of the
        work, its year, and the work.
    affinity : ndarray, shape (n, n)
        Log-affinity of the row's country to cite the column's.
    countries, years, pulls : Table
        Country of a work by that of the reader, shape (n, n); its year by its own country, (n, Y); and its
        place on the shelf by country and year, n * Y rows.
    shelf : ndarray of int64, shape (S,)
        Works by country and year.

    Returns
    -------
    noticed : ndarray of int64, shape (R, K)
        Works.
    scores : ndarray, shape (R, K)
        Logarithms of the weights with which one of them is cited; the greatest of a row is 0.
    """
    references, works = draws.shape[1:]
    n = len(affinity)
    noticed = np.empty((references, works), np.int64)
    scores = np.empty((references, works))
    towards = np.zeros(n + 1)  # log-affinities of the citing team, and 0 towards no country
    previous, members = -1, 0
    # Loops over single numbers, as numba takes seconds to compile operations on whole arrays.
    for row in range(references):
        reading = citing[row]
        if reading != previous:
            previous, members = reading, 0
            while members < teams.shape[1] and teams[reading, members] >= 0:
                members += 1
            for country in range(n):
                towards[country] = affinity[teams[reading, 0], country]
                for place in range(1, members):
                    towards[country] += affinity[teams[reading, place], country]
        best = -np.inf
        for k in range(works):
            reader = teams[reading, int(draws[0, row, k] * members)]
            source = find(countries, reader, draws[1, row, k]) - reader * n
            cell = find(years, source, draws[2, row, k])  # as the years of all countries follow each other
            work = shelf[find(pulls, cell, draws[3, row, k])]
            score = -affinity[reader, source]
            for place in range(teams.shape[1]):
                score += towards[teams[work, place]]  # -1, for no country, is the last place
            noticed[row, k], scores[row, k] = work, score
            best = max(best, score)
        for k in range(works):
            scores[row, k] -= best
    return noticed, scores
