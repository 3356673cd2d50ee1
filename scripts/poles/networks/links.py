"""Count the links between countries in the works of a year.

Works are grouped by their set of countries: a million works have only some ten thousand distinct sets. Which
set has which country, and which sets a work cites, are sparse matrices of whole numbers, and the links of a
year are products of them.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array


class CountrySets(NamedTuple):
    """Sets of countries that works have, by number.

    Attributes
    ----------
    counting : str
        ``full`` or ``fractional``.
    codes : pl.Series of str, length n
        Countries, sorted.
    sizes : ndarray of int64, shape (k,)
        Distinct numbers of countries in a set, ascending. Under full counting a single 1, as they do not
        matter.
    members : csr_array of int64, shape (sets, k * n)
        1 for each country of a set, in column ``place of its size * n + place of the country``. The last set
        has no country, and neither has a set that no work has.
    """

    counting: str
    codes: pl.Series
    sizes: np.ndarray
    members: csr_array

    @property
    def empty(self) -> int:
        """Number of the last set, which has no country."""
        return self.members.shape[0] - 1

    def split(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of the countries and places of the sizes in columns of `members`."""
        sizes, countries = np.divmod(columns, max(len(self.codes), 1))
        return countries, sizes


def as_sets(countries: pl.Series) -> pl.Series:
    """Turn lists of countries into categories; their physical values are numbers of sets."""
    sets = countries.list.first().fill_null("")
    several = (countries.list.len() > 1).arg_true()  # most works have one country, and joining takes time
    return sets.scatter(several, countries.gather(several).list.join(" ")).cast(pl.Categorical)


def country_sets(of_works: pl.Series, counting: str) -> CountrySets:
    """Find the sets of countries that works have.

    Parameters
    ----------
    of_works : pl.Series
        Set of each work, see `as_sets`.
    counting : str
        ``full`` or ``fractional``.

    Returns
    -------
    CountrySets
    """
    distinct = of_works.unique()
    listed = distinct.cast(pl.String).str.split(" ")
    members = (
        pl.DataFrame({"set": distinct.to_physical(), "code": listed, "size": listed.list.len()})
        .explode("code")
        .filter(pl.col("code") != "")
    )
    codes = members["code"].unique().sort()
    places = members["code"].cast(pl.Enum(codes)).to_physical().to_numpy()
    size = members["size"].to_numpy() if counting == "fractional" else np.ones(len(members))
    sizes, classes = np.unique(size.astype(np.int64), return_inverse=True)
    shape = (distinct.to_physical().to_numpy().max(initial=0) + 2, len(sizes) * len(codes))
    cells = (members["set"].to_numpy(), classes * len(codes) + places)
    ones = np.ones(len(members), np.int64)
    return CountrySets(counting, codes, sizes, csr_array((ones, cells), shape=shape))


def weighted(
    cells: np.ndarray, works: np.ndarray, shares: np.ndarray, sets: CountrySets, number: int
) -> np.ndarray:
    """Add up the weights of works in each cell.

    Parameters
    ----------
    cells, works : ndarray of int, shape (terms,)
        Cell and number of works. Under fractional counting a cell has one term for each share.
    shares : ndarray of float, shape (terms,)
        Weight of one of the works under fractional counting; under full counting it is 1.
    sets : CountrySets
        Says how works are counted.
    number : int
        Number of cells.

    Returns
    -------
    ndarray of int64 (``full``) or float (``fractional``), shape (number,)
    """
    if sets.counting == "full":
        return np.bincount(cells, works, number).astype(np.int64)
    return sums(cells, works * shares, number)


def sums(cells: np.ndarray, weights: np.ndarray, number: int) -> np.ndarray:
    """Sum of the weights in each cell, in a fixed order because the rounding of a sum depends on it.

    The smallest weight comes first, and what rounding takes from a sum is given to the next term (Kahan 1965,
    Commun. ACM 8:40).
    """
    order = np.argsort(weights)
    places = np.arange(len(order))
    ascending = csr_array((weights[order], (cells[order], places)), shape=(number, len(order)))
    first, terms = ascending.indptr[:-1], np.diff(ascending.indptr)
    total, error = np.zeros((2, number))
    for place in range(terms.max(initial=0)):
        left = np.flatnonzero(terms > place)
        term = ascending.data[first[left] + place] - error[left]
        larger = total[left] + term
        error[left] = (larger - total[left]) - term
        total[left] = larger
    return total


def _table(cells: np.ndarray, works: np.ndarray, shares: np.ndarray, sets: CountrySets) -> pl.DataFrame:
    """Links in the cells ``source * n + target``, see `weighted`: source, target, weight; sorted."""
    n = len(sets.codes)
    weights = weighted(cells, works, shares, sets, n * n)
    linked = np.flatnonzero(weights)
    source, target = np.divmod(linked, max(n, 1))
    return pl.DataFrame(
        {"source": sets.codes[source], "target": sets.codes[target], "weight": weights[linked]}
    )


def collaboration_shares(source: np.ndarray, target: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Weight that a work of so many countries has in each pair, see `collaboration_links`.

    A size of 1 stands for full counting, or else for the only country of a work.
    """
    other = source != target
    return np.where(other & (size > 1), 2, 1) / np.where(other & (size > 1), size * (size - 1), size)


def collaboration_links(works: np.ndarray, sets: CountrySets) -> pl.DataFrame:
    """Count the works of every pair of countries.

    Parameters
    ----------
    works : ndarray of int64, shape (sets,)
        Works of the field that have each set of countries, in one year.
    sets : CountrySets
        Counting ``full``: a work counts 1 for each unordered pair of its countries, and 1 on the diagonal for
        each country. ``fractional``: each pair of a work with n countries counts 2/(n(n-1)), so its pairs sum
        to 1; the diagonal counts 1/n (Perianes-Rodriguez, Waltman and van Eck 2016, J. Informetr.
        10:1178-1195).

    Returns
    -------
    pl.DataFrame
        source <= target, weight.
    """
    shared = (sets.members.T.tocsr() @ (diags_array(works, dtype=np.int64) @ sets.members)).tocoo()
    source, of_size = sets.split(shared.row)
    target, _ = sets.split(shared.col)  # the other countries of a set are in columns of the same size
    shares = collaboration_shares(source, target, sets.sizes[of_size])
    once = source <= target
    cells = source * len(sets.codes) + target
    return _table(cells[once], shared.data[once], shares[once], sets)


def international_papers(works: np.ndarray, sets: CountrySets) -> pl.DataFrame:
    """Count the works of the field that each country shares with another one.

    Parameters
    ----------
    works : ndarray of int64, shape (sets,)
        Works of the field that have each set of countries, in one year.
    sets : CountrySets
        Counting ``full``: a work counts 1 for each of its countries. ``fractional``: a work of n countries
        counts 1/n.

    Returns
    -------
    pl.DataFrame
        country, international_papers.
    """
    several = np.diff(sets.members.indptr) > 1
    counts = sets.members.T @ (works * several)
    country, of_size = sets.split(np.arange(len(counts)))
    papers = weighted(country, counts, 1 / sets.sizes[of_size], sets, len(sets.codes))
    shared = np.flatnonzero(papers)
    return pl.DataFrame({"country": sets.codes[shared], "international_papers": papers[shared].astype(float)})


def citation_links(citing: np.ndarray, cited: np.ndarray, sets: CountrySets) -> pl.DataFrame:
    """Count the citations from one country to another.

    Parameters
    ----------
    citing, cited : ndarray of int, shape (citations,)
        Sets of countries of the citing and the cited work of each citation, in one year.
    sets : CountrySets
        Counting ``full``: a citation counts 1 for each pair of a country of the citing work and a country of
        the cited work. ``fractional``: divided by the number of these pairs, so a citation sums to 1.

    Returns
    -------
    pl.DataFrame
        source (citing), target (cited), weight; with the diagonal.
    """
    number = sets.members.shape[0]
    bits = number.bit_length()
    pairs, times = np.unique(citing.astype(np.int64) << bits | cited, return_counts=True)
    ends = np.searchsorted(pairs, np.arange(number + 1) << bits)
    cites = csr_array((times, pairs & (1 << bits) - 1, ends), shape=(number, number))
    counts = (sets.members.T.tocsr() @ (cites @ sets.members)).tocoo()
    (source, of_source), (target, of_target) = sets.split(counts.row), sets.split(counts.col)
    # Citations with equally many pairs of countries weigh the same, so they are one term.
    sizes, term = np.unique(np.outer(sets.sizes, sets.sizes), return_inverse=True)
    term = term.reshape(2 * sets.sizes.shape)[of_source, of_target]
    n = len(sets.codes)
    cells = source.astype(np.int64) * n + target
    terms = csr_array((counts.data, (cells, term)), shape=(n * n, len(sizes))).tocoo()
    return _table(terms.row, terms.data, 1 / sizes[terms.col], sets)
