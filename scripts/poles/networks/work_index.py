"""Find works by their ids."""

import numpy as np

BLOCK = 1 << 15
"""Ids that are looked up together: what is computed on the way stays in the cache of a core."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio, whose multiples spread evenly (Knuth 1998, Art of Computer Programming 3)."""


class WorkIndex:
    """The places of works in an array of ids: a hash table, built once and asked for many ids at a time.

    A work has the slot that its id hashes to or, if that is taken, the next free one. At most a quarter of
    the slots are taken, so that few searches need a second look.

    Parameters
    ----------
    ids : ndarray of int64, shape (works,)
        Distinct ids.
    """

    def __init__(self, ids: np.ndarray) -> None:
        bits = max(4 * len(ids), 2).bit_length()
        self._shift = np.uint64(64 - bits)
        self._last = (1 << bits) - 1
        self._ids = np.append(ids, 0)
        self._places = np.full(1 << bits, len(ids), np.int32)
        left = np.arange(len(ids), dtype=np.int32)
        slots = self._slots(ids)
        while len(left):
            free = self._places[slots] == len(ids)
            self._places[slots[free]] = left[free]  # of several works that want a slot, the last one has it
            homeless = self._places[slots] != left
            left, slots = left[homeless], slots[homeless] + 1 & self._last

    def __len__(self) -> int:
        return len(self._ids) - 1

    def _slots(self, ids: np.ndarray) -> np.ndarray:
        """Slots that ids hash to."""
        return (ids.view(np.uint64) * GOLDEN >> self._shift).view(np.int64)

    def find(self, ids: np.ndarray) -> np.ndarray:
        """Find works by their ids.

        Parameters
        ----------
        ids : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int32, shape (n,)
            Place of each work in the array of ids, or the length of that array for a work that it lacks.
        """
        found = np.empty(len(ids), np.int32)
        for start in range(0, len(ids), BLOCK):
            block, places = ids[start : start + BLOCK], found[start : start + BLOCK]
            slots = self._slots(block)
            np.take(self._places, slots, out=places, mode="clip")
            others = np.flatnonzero((self._ids.take(places, mode="clip") != block) & (places != len(self)))
            slots = slots[others]
            while len(others):
                slots = slots + 1 & self._last
                there = places[others] = self._places[slots]
                wrong = (self._ids[there] != block[others]) & (there != len(self))
                others, slots = others[wrong], slots[wrong]
        return found
