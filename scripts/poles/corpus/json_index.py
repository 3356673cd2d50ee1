"""An index of the bytes of JSON lines: where records stand, and the values that decide whether to keep them.

A full parse of an OpenAlex record costs several times as much as its decompression, and most parsed records
would be dropped. So the bytes are indexed first. Sixty-four at a time are compared with quotes, backslashes,
brackets and newlines; the resulting bits tell which bytes lie within a string and how deeply they are nested
(Langdale and Lemire 2019, stage 1). Only the keys of the record itself count, not those of nested objects.
A line is irregular if it is not of the plainest form, because it has an escape in a key, a key twice, or a
number in another notation. Irregular lines are left to a full parse, so that the index decides as a full
parse would.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from poles.corpus.json_bytes import (
    ALL,
    BACKSLASH,
    CLOSE,
    COLON,
    COMMA,
    NEWLINE,
    NINE,
    NONE,
    ONE,
    OPEN,
    OPEN_LIST,
    QUOTE,
    ZERO,
    compiled,
    first_one,
    inlined,
    is_null,
    matches,
    ones,
    pointer,
    skip,
    string_end,
    word,
    work_number,
)

ID, YEAR, PRIMARY, TOPICS, REFERENCES, RESULTS = range(6)
"""Numbers of the keys that decide whether a record is a candidate, in the order of `NAMES`.

``results`` marks a page of the API."""

NAMES = ("id", "publication_year", "primary_topic", "topics", "referenced_works", "results")

NO_YEAR = -1

_CASE = np.uint8(0x20)  # the bit in which [ and {, and ] and }, differ
_I, _P, _R, _T = (np.uint8(ord(character)) for character in "iprt")
_EVEN = np.uint64(0x5555555555555555)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 over the golden ratio: spreads ids, which come in runs


@intrinsic
def _above(typing_context, bits):
    """Number of bits above the highest bit that is set."""

    def generate(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


class Index(NamedTuple):
    """The lines of a block of JSON that are not blank.

    Attributes
    ----------
    number : ndarray of int64, shape (lines,)
        Number of the line in the block, from 0; blank lines are counted.
    start, stop : ndarray of int64, shape (lines,)
        Where the line begins and ends.
    irregular : ndarray of bool, shape (lines,)
        Whether only a full parse can tell what the line holds.
    candidate : ndarray of bool, shape (lines,)
        Whether the line is irregular or its record is a candidate by the `Rules`.
    """

    number: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    irregular: np.ndarray
    candidate: np.ndarray


class Rules(NamedTuple):
    """The conditions that make a record a candidate; one of them suffices.

    A record is a candidate if a topic contains one of the texts, if the work is in the set of ids, or if it
    cites a work of the set.

    Attributes
    ----------
    texts, lengths : ndarray
        The texts to look for in the primary topic; see `patterns`.
    any_topic : bool
        Whether they are looked for in the other topics too.
    ids, bits : ndarray
        The set of ids; see `id_set`.
    citing : bool
        Whether works that cite one of the set are candidates.
    """

    texts: np.ndarray
    lengths: np.ndarray
    any_topic: bool
    ids: np.ndarray
    bits: np.ndarray
    citing: bool


@inlined
def _escaped(backslashes, carried):
    """Bits of the escaped characters, and whether the first character of the next 64 bytes is escaped."""
    backslashes &= ~carried
    follows = (backslashes << ONE) | carried
    odd = backslashes & ~_EVEN & ~follows
    run = odd + backslashes
    return (_EVEN ^ (run << ONE)) & follows, ONE if run < backslashes else NONE


@inlined
def _within(quotes, carried):
    """Bits of the bytes within strings, opening quotes included.

    `carried` has all bits set if a string goes on from the 64 bytes before, else none.
    """
    for shift in (1, 2, 4, 8, 16, 32):
        quotes ^= quotes << np.uint64(shift)
    return quotes ^ carried


@inlined
def _scalar_end(text, at, stop):
    """Position after a value that is neither a list nor an object."""
    if text[at] == QUOTE:
        return string_end(text, at + 1, stop) + 1
    while at < stop and text[at] != COMMA and text[at] != CLOSE and text[at] > 32:
        at += 1
    return at


@inlined
def _key(text, quote, end, names, count):
    """Number of the key between two quotes; -1 if the string is another key, or not a key."""
    length = np.uint64(8 * (end - quote - 1))
    if length > 128:
        return -1
    low, high = word(text, quote + 1), word(text, quote + 9)
    if length < 64:
        low, high = low & ((ONE << length) - ONE), NONE
    elif length < 128:
        high &= (ONE << (length - np.uint64(64))) - ONE
    for number in range(count):
        if low == names[2 * number] and high == names[2 * number + 1]:
            return number if text[skip(text, end + 1)] == COLON else -1
    return -1


@inlined
def _promising(text, at, openings, closings, strings):
    """Bits of the opening quotes of strings that may be one of `NAMES`, judged by first letter and length."""
    i, p = matches(text, at + 1, _I, 0), matches(text, at + 1, _P, 0)
    t, r = matches(text, at + 1, _T, 0), matches(text, at + 1, _R, 0)
    matching = i & (closings >> np.uint64(3))
    matching |= p & ((closings >> np.uint64(17)) | (closings >> np.uint64(14)))
    matching |= t & (closings >> np.uint64(7))
    matching |= r & ((closings >> np.uint64(17)) | (closings >> np.uint64(8)))
    # All bits above the opening quote of a string that is not closed within these bytes.
    unclosed = (ALL << np.uint64(63 - min(_above(~strings), 63))) << ONE
    return openings & (matching | (unclosed & (i | p | t | r)))


@inlined
def _lowest(depth, opens, closes):
    """A lower bound of the depth within 64 bytes.

    A closing bracket does not count if the bracket before it is an opening one.
    """
    # The addition carries the bit behind each opening bracket on to the next bracket.
    paired = ~(opens | closes) + (opens << ONE)
    return depth - ones(closes & ~paired)


@inlined
def _is_object(text, start, stop):
    """Whether a line begins with { and ends with }."""
    stop -= 1
    while text[stop] == 32 or text[stop] == 9 or text[stop] == 13:
        stop -= 1
    return text[start] == OPEN and text[stop] == CLOSE


@inlined
def _escaped_key(text, at, closings, backslashes, mark):
    """Whether a key with an escape ends within these 64 bytes; it may be another spelling of one of `NAMES`.

    `mark` tells whether a string that goes on from the bytes before had an escape. It is returned anew for
    the bytes that follow.
    """
    has_escape = False
    while closings:
        closing = closings & (NONE - closings)
        closings ^= closing
        if mark | (backslashes & (closing - ONE)):
            has_escape |= text[skip(text, at + first_one(closing) + 1)] == COLON
        backslashes &= ~(closing - ONE)
        mark = NONE
    return has_escape, mark | backslashes


@inlined
def _note_key(text, at, stop, opening, closings, notes, line, pending):
    """Note the bounds of the value if the key is one of those looked for.

    Returns the number of the key whose list or object is open, or -1.
    """
    names, count, irregular, first, last = notes
    quote, later = at + first_one(opening), closings & ~(opening - ONE)
    # No key that is looked for is longer than eighteen bytes.
    close = at + first_one(later) if later else string_end(text, quote + 1, min(stop, quote + 18))
    key = _key(text, quote, close, names, count)
    if key < 0:
        return pending
    value = skip(text, skip(text, close + 1) + 1)
    irregular[line] |= np.uint8(first[key] >= 0)
    first[key] = value
    if text[value] == OPEN or text[value] == OPEN_LIST:
        return key
    last[key] = _scalar_end(text, value, stop)
    return -1


@inlined
def _back(depth, opens, brackets):
    """The bit of the first bracket that brings the depth down to one, or no bit."""
    while brackets:
        bracket = brackets & (NONE - brackets)
        brackets ^= bracket
        depth += 1 if opens & bracket else -1
        if depth == 1 and not opens & bracket:
            return bracket
    return NONE


@inlined
def _forget(notes, line, is_irregular):
    """Reset the notes for a new line."""
    _, count, irregular, first, last = notes
    irregular[line] = is_irregular
    for key in range(count):
        first[key], last[key] = -1, -1


def id_set(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make a set of ids for `among` and `Rules`.

    Parameters
    ----------
    ids : ndarray of int64
        Sorted, distinct.

    Returns
    -------
    ids : ndarray of int64
        As given.
    bits : ndarray of uint8
        A bit table by hash value. It tells most other numbers at once from those in the set.
    """
    width = max(16, len(ids).bit_length() + 5)
    bits = np.zeros(1 << width, np.bool_)
    bits[(ids.astype(np.uint64) * _SPREAD) >> np.uint64(64 - width)] = True
    return ids, np.packbits(bits, bitorder="little")


@inlined
def _shift(bits):
    """Number of bits by which a hash product is shifted to give the position of a bit in a table."""
    return np.uint64(61) - np.uint64(first_one(np.uint64(len(bits))))


@inlined
def _is_in(number, ids, size, bits, shift):
    """Whether a number is in a set.

    One bit rules out most numbers that are not (multiplicative hashing; Knuth 1998, section 6.4).
    """
    bit = (np.uint64(number) * _SPREAD) >> shift
    if not (bits[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & 1:
        return False
    low, high = 0, size
    while low < high:
        middle = (low + high) >> 1
        if ids[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low < size and ids[low] == number


@inlined
def _year(text, at):
    """Year at a position; `NO_YEAR` if there is none, -2 if it is not of the plainest form."""
    if at < 0 or is_null(text, at):
        return NO_YEAR
    year, start = 0, at
    while at - start < 4 and ZERO <= text[at] <= NINE:
        year = 10 * year + np.int64(text[at] - ZERO)
        at += 1
    at = skip(text, at)
    if text[start] == ZERO or at == start or (text[at] != COMMA and text[at] != CLOSE):
        return -2
    return year


@inlined
def _holds(text, start, stop, texts, width, lengths, count):
    """Whether a list or object contains one of some texts, or an escape, which may hide one."""
    for at in range(start, stop, 64):
        valid = ALL if stop - at >= 64 else (ONE << np.uint64(stop - at)) - ONE
        hits = matches(text, at, BACKSLASH, 0)
        for number in range(count):
            same = ALL
            for place in range(lengths[number]):
                same &= matches(text, at + place, texts[number * width + place], 0)
            hits |= same
        if hits & valid:
            return True
    return False


@inlined
def _cites(text, start, stop, ids, size, bits, shift):
    """Whether a list of references has a work of a set, or a value that is not the plain URL of a work."""
    at = skip(text, start + 1)
    while at < stop - 1:
        number, end = work_number(text, at + 1, stop)
        if number < 0 or text[at] != QUOTE or text[end] != QUOTE or _is_in(number, ids, size, bits, shift):
            return True
        at = skip(text, end + 1)
        if text[at] == COMMA:
            at = skip(text, at + 1)
    return False


@inlined
def _decide(text, limit, first, last, rules):
    """Whether a record is a candidate, and its year; true and -2 if the record is irregular."""
    texts, width, lengths, count, any_topic, ids, size, bits, shift, citing = rules
    irregular = first[RESULTS] >= 0
    for key in (PRIMARY, TOPICS, REFERENCES):
        at, opening = first[key], OPEN if key == PRIMARY else OPEN_LIST
        irregular |= at >= 0 and text[at] != opening and not is_null(text, at)
    work, end, at = -1, 0, first[ID]
    if at >= 0 and text[at] == QUOTE:
        work, end = work_number(text, at + 1, limit)
    year = _year(text, first[YEAR])
    if irregular or work < 0 or text[end] != QUOTE or year < NO_YEAR:
        return True, -2
    candidate = _is_in(work, ids, size, bits, shift)
    if count and not candidate:
        candidate = _holds(text, first[PRIMARY], last[PRIMARY], texts, width, lengths, count)
    if any_topic and not candidate:
        candidate = _holds(text, first[TOPICS], last[TOPICS], texts, width, lengths, count)
    if citing and not candidate and first[REFERENCES] >= 0 and text[first[REFERENCES]] == OPEN_LIST:
        candidate = _cites(text, first[REFERENCES], last[REFERENCES], ids, size, bits, shift)
    return candidate, year


@compiled
def _index(
    block, begin, stop, names, texts, lengths, any_topic, ids, bits, citing, counts,
    number, start, end, irregular, candidate, first, last,
):  # fmt: skip
    """Fill the arrays of an `Index` (see `index`); without counts, only find values (see `members`)."""
    text, irregular, first, last = (
        pointer(block),
        pointer(irregular.view(np.uint8)),
        pointer(first),
        pointer(last),
    )
    notes = pointer(names), len(names), irregular, first, last
    held = pointer(texts), texts.shape[1], pointer(lengths), len(lengths), any_topic
    rules = *held, pointer(ids), len(ids), pointer(bits), _shift(bits), citing
    decides = len(counts) > 0
    lines, numbers, depth, objects, pending, line = 0, 0, 0, 0, -1, begin
    carried_escape, carried_string, mark = NONE, NONE, NONE
    _forget(notes, 0, np.uint8(False))
    for at in range(begin, stop, 64):
        quotes, backslashes = matches(text, at, QUOTE, 0), matches(text, at, BACKSLASH, 0)
        opens, closes = matches(text, at, OPEN, _CASE), matches(text, at, CLOSE, _CASE)
        newlines = matches(text, at, NEWLINE, 0)
        if stop - at < 64:
            valid = (ONE << np.uint64(stop - at)) - ONE
            quotes, opens, closes, newlines = quotes & valid, opens & valid, closes & valid, newlines & valid
        if backslashes | carried_escape:
            escaped, carried_escape = _escaped(backslashes, carried_escape)
            quotes &= ~escaped
        strings = _within(quotes, carried_string)
        carried_string = np.uint64(np.int64(strings) >> 63)  # all ones if a string goes on
        opens, closes = opens & ~strings, closes & ~strings
        lowest = 0 if newlines else _lowest(depth, opens, closes)
        if lowest >= 2:
            depth += ones(opens) - ones(closes)
            continue
        closings, keys = quotes & ~strings, quotes & strings
        if backslashes | mark:
            has_escape, mark = _escaped_key(text, at, closings, backslashes, mark)
            mark &= carried_string
            irregular[lines] |= has_escape
        if decides:
            keys = _promising(text, at, keys, closings, strings)
        if lowest >= 1:
            # The usual case: bytes from the middle of a record.
            if pending >= 0:
                bracket = _back(depth, opens, opens | closes)
                if bracket:
                    last[pending] = at + first_one(bracket) + 1
                    pending = -1
            while keys:
                opening = keys & (NONE - keys)
                keys ^= opening
                before = opening - ONE
                if depth + ones(opens & before) - ones(closes & before) == 1:
                    pending = _note_key(text, at, stop, opening, closings, notes, lines, pending)
                    if pending >= 0:
                        bracket = _back(1, opens, (opens | closes) & ~before)
                        if bracket:
                            last[pending] = at + first_one(bracket) + 1
                            pending = -1
            depth += ones(opens) - ones(closes)
            continue
        events = opens | closes | newlines
        while True:
            event = events & (NONE - events)
            events ^= event
            if depth == 1:
                record_keys = keys & (event - ONE)
                while record_keys:
                    opening = record_keys & (NONE - record_keys)
                    record_keys ^= opening
                    pending = _note_key(text, at, stop, opening, closings, notes, lines, pending)
            if not event:
                break
            keys &= ~(event - ONE)
            if opens & event:
                objects += depth == 0
                depth += 1
            elif closes & event:
                depth -= 1
                if depth == 1 and pending >= 0:
                    last[pending] = at + first_one(event) + 1
                    pending = -1
            else:
                place = at + first_one(event)
                number[lines], start[lines], end[lines] = numbers, line, place
                numbers += 1
                content, line = skip(text, line), place + 1
                if depth != 0 or strings & event:
                    irregular[lines] = candidate[lines] = True
                    return lines + 1, numbers, line
                if content < place:
                    irregular[lines] |= objects != 1 or not _is_object(text, content, place)
                    candidate[lines] = True
                    if decides and not irregular[lines]:
                        candidate[lines], year = _decide(text, len(block) - 1, first, last, rules)
                        irregular[lines] = year < NO_YEAR
                        counts[year] += not candidate[lines]
                    lines += 1
                    if lines == len(number):
                        return lines, numbers, line
                objects, pending = 0, -1
                # An escape in these 64 bytes may belong to the next line; this is not looked into.
                _forget(notes, lines, np.uint8(backslashes != NONE))
    return lines, numbers, line


def patterns(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Lay out texts for `Rules`: their bytes, a row each, and their lengths."""
    lengths = np.array([len(text) for text in texts], np.int64)
    rows = np.zeros((len(texts), max(lengths, default=0)), np.uint8)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = np.frombuffer(text.encode(), np.uint8)
    return rows, lengths


def keys(names: Sequence[str]) -> np.ndarray:
    """Lay out keys for `members`; none may be longer than sixteen letters."""
    return np.frombuffer(b"".join(name.encode().ljust(16, b"\0") for name in names), np.uint64).reshape(-1, 2)


_DECIDING = keys(NAMES)


def index(
    block: np.ndarray, begin: int, stop: int, capacity: int, rules: Rules, counts: np.ndarray
) -> tuple[Index, int, int]:
    """Index the lines of a block of JSON, and count the records that are not candidates.

    Parameters
    ----------
    block : ndarray of uint8
        Whole lines from `begin` to `stop`, each ended by a newline, then `PADDING` bytes of any content.
    begin, stop : int
        Where the lines begin and end.
    capacity : int
        Most lines to index.
    rules : Rules
        Which records are candidates.
    counts : ndarray of int64
        Counts by year of the other records, the last entry for those without a year; changed in place.

    Returns
    -------
    lines : Index
        The lines from `begin` on that are not blank.
    count : int
        Number of lines from `begin` on, blank ones included.
    reached : int
        Where the next line begins. It is less than `stop` if there are more than `capacity` lines, or if
        the last line is broken because a string or a bracket is not closed in it. Then the rest must be
        indexed in another call.
    """
    arrays = *np.empty((3, capacity), np.int64), *np.empty((2, capacity), np.bool_)
    bounds = np.empty((2, len(NAMES)), np.int64)
    length, count, reached = _index(block, begin, stop, _DECIDING, *rules, counts, *arrays, *bounds)
    return Index(*(array[:length] for array in arrays)), count, reached


@compiled
def members(
    block: np.ndarray, start: np.ndarray, stop: np.ndarray, names: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the values of some keys in lines that `index` gave.

    Parameters
    ----------
    block : ndarray of uint8
    start, stop : ndarray of int64, shape (lines,)
        As in `Index`.
    names : ndarray
        The keys; see `keys`.

    Returns
    -------
    irregular : ndarray of bool, shape (lines,)
        As in `Index`.
    first, last : ndarray of int64, shape (lines, keys)
        Where the value of each key begins and ends; -1 if the record lacks the key.
    """
    irregular, bounds = np.empty(len(start), np.bool_), np.empty((2, len(start), len(names)), np.int64)
    texts, bits, none = np.empty((0, 0), np.uint8), np.zeros(1, np.uint8), np.empty(0, np.int64)
    position, candidate = np.empty(1, np.int64), np.empty(1, np.bool_)
    for line in range(len(start)):
        _index(
            block, start[line], stop[line] + 1, names, texts, none, False, none, bits, False, none,
            position, position, position, irregular[line : line + 1], candidate,
            bounds[0, line], bounds[1, line],
        )  # fmt: skip
    return irregular, bounds[0], bounds[1]


@compiled
def among(numbers: np.ndarray, ids: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Whether each number is in a set of ids (`id_set`)."""
    is_member = np.zeros(len(numbers), np.bool_)
    values, size, table, shift = pointer(ids), len(ids), pointer(bits), _shift(bits)
    for place in range(len(numbers)):
        is_member[place] = _is_in(numbers[place], values, size, table, shift)
    return is_member


@compiled
def numbers_between(block: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Read the numbers of works from URLs that are stored end to end; -1 for any other text.

    Parameters
    ----------
    block : ndarray of uint8
        The texts.
    offsets : ndarray of int64, shape (texts + 1,)
        Where each text begins; the last entry is where the last text ends.
    """
    text = pointer(block)
    numbers = np.empty(len(offsets) - 1, np.int64)
    for place in range(len(numbers)):
        number, end = work_number(text, offsets[place], offsets[place + 1])
        numbers[place] = number if end == offsets[place + 1] else -1
    return numbers
