"""Where in a block of JSON lines the records stand, and in each record the few values that decide over it.

A full parse of a record of OpenAlex costs several times what its decompression does, and most records are
parsed to be dropped. So the bytes are first indexed: sixty-four at a time are compared with quotes,
backslashes, brackets and newlines, and the bits that come out tell what lies within a string and how deep
(Langdale and Lemire 2019, stage 1). Keys count only where they are keys of the record itself. Whatever is not
of the plainest form (an escape in a key, a key twice, a number written in another way) is left to a full
parse, so that a decision taken here is that of the full parse.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ID, YEAR, PRIMARY, TOPICS, REFERENCES, RESULTS = range(6)
"""Keys that decide over a record, in the order of `NAMES`; ``results`` marks a page of the API."""

NAMES = ("id", "publication_year", "primary_topic", "topics", "referenced_works", "results")

_PREFIX = b"https://openalex.org/W"
_START = tuple(np.frombuffer(_PREFIX, np.uint64, 1, place)[0] for place in (0, 8, 14))

PADDING = 128
"""Bytes that must follow what is indexed, for blocks are looked at whole."""

NO_YEAR = -1

_QUOTE, _BACKSLASH, _NEWLINE, _COLON, _COMMA = (np.uint8(ord(character)) for character in '"\\\n:,')
_OPEN, _CLOSE = np.uint8(ord("{")), np.uint8(ord("}"))
_OPEN_LIST, _CLOSE_LIST = np.uint8(ord("[")), np.uint8(ord("]"))
_CASE = np.uint8(0x20)  # by which [ and {, ] and } differ
_N, _U, _L = (np.uint8(ord(character)) for character in "nul")
_I, _P, _R, _T = (np.uint8(ord(character)) for character in "iprt")
_ZERO, _NINE = np.uint8(ord("0")), np.uint8(ord("9"))
_NOTHING, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)
_EVEN = np.uint64(0x5555555555555555)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 over the golden ratio: scatters ids, which come in runs

compiled = numba.njit(cache=True, nogil=True)
inlined = numba.njit(cache=True, nogil=True, forceinline=True)


@intrinsic
def _matches(typing_context, block, at, character, ignored):
    """Bits of the 64 bytes from a place on that equal a character, some of its bits left out of account."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector, byte = ir.VectorType(ir.IntType(8), 64), ir.IntType(8)

        def spread(value):
            single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
            return builder.shuffle_vector(single, single, lanes)

        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        found = builder.or_(builder.load(place, align=1), spread(builder.trunc(arguments[3], byte)))
        equal = builder.icmp_unsigned("==", found, spread(builder.trunc(arguments[2], byte)))
        return builder.bitcast(equal, ir.IntType(64))

    return types.uint64(block, types.int64, types.uint8, types.uint8), generate


@intrinsic
def _word(typing_context, block, at):
    """Eight bytes from a place on, as one number."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(block, types.int64), generate


@intrinsic
def _count(typing_context, bits):
    """Number of ones."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(
        arguments[0]
    )


@intrinsic
def _first(typing_context, bits):
    """Place of the lowest one; there must be one."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _above(typing_context, bits):
    """Number of zeros above the highest one."""

    def generate(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


class Index(NamedTuple):
    """Lines of a block of JSON, blank ones left out.

    Attributes
    ----------
    number : ndarray of int64, shape (lines,)
        Lines before it in the block, blank ones included.
    start, stop : ndarray of int64, shape (lines,)
        Where the line begins and ends.
    odd : ndarray of bool, shape (lines,)
        Whether only a full parse can tell what the line holds.
    first, last : ndarray of int64, shape (lines, keys)
        Where the value of each key begins and ends; -1: not there.
    """

    number: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    odd: np.ndarray
    first: np.ndarray
    last: np.ndarray


@inlined
def _skip(block, at):
    """Next place that is no blank within a line."""
    while block[at] == 32 or block[at] == 9 or block[at] == 13:
        at += 1
    return at


@inlined
def _escaped(backslashes, carried):
    """Bits of the characters that a backslash escapes, and whether one escapes the next block's first."""
    backslashes &= ~carried
    follows = (backslashes << _ONE) | carried
    odd = backslashes & ~_EVEN & ~follows
    run = odd + backslashes
    return (_EVEN ^ (run << _ONE)) & follows, _ONE if run < backslashes else _NOTHING


@inlined
def _within(quotes, carried):
    """Bits of what lies within strings, their opening quotes included; `carried`: all ones or none."""
    for shift in (1, 2, 4, 8, 16, 32):
        quotes ^= quotes << np.uint64(shift)
    return quotes ^ carried


@inlined
def _end(block, at, stop):
    """Place of the quote that closes a string without escapes."""
    while at < stop and block[at] != _QUOTE:
        at += 1
    return at


@inlined
def _scalar_end(block, at, stop):
    """Place after a value that is neither list nor object."""
    if block[at] != _QUOTE:
        while at < stop and block[at] != _COMMA and block[at] != _CLOSE and block[at] > 32:
            at += 1
        return at
    at += 1
    while at < stop and block[at] != _QUOTE:
        at += 2 if block[at] == _BACKSLASH else 1
    return at + 1


@inlined
def _key(block, quote, end, names):
    """Number of the key between two quotes; -1: none that is looked for, or no key."""
    length = np.uint64(8 * (end - quote - 1))
    if length > 128:
        return -1
    low, high = _word(block, quote + 1), _word(block, quote + 9)
    if length < 64:
        low, high = low & ((_ONE << length) - _ONE), _NOTHING
    elif length < 128:
        high &= (_ONE << (length - np.uint64(64))) - _ONE
    for number in range(len(names)):
        if low == names[number, 0] and high == names[number, 1]:
            return number if block[_skip(block, end + 1)] == _COLON else -1
    return -1


@inlined
def _promising(block, at, openings, closings, strings):
    """Which of the strings that open at some places, without an escape, may be one of `NAMES`."""
    i, p = _matches(block, at + 1, _I, 0), _matches(block, at + 1, _P, 0)
    t, r = _matches(block, at + 1, _T, 0), _matches(block, at + 1, _R, 0)
    found = i & (closings >> np.uint64(3))
    found |= p & ((closings >> np.uint64(17)) | (closings >> np.uint64(14)))
    found |= t & (closings >> np.uint64(7))
    found |= r & ((closings >> np.uint64(17)) | (closings >> np.uint64(8)))
    # A string that is not closed in these bytes: all ones above its opening quote.
    unclosed = (_ALL << np.uint64(63 - min(_above(~strings), 63))) << _ONE
    return openings & (found | (unclosed & (i | p | t | r)))


@inlined
def _stays(floor, depth, opens, closes):
    """Whether the depth, which is not below a floor, is seen not to fall below it."""
    if depth - _count(closes) >= floor:
        return True
    # Lists within an object, or objects within a list: brackets open and close in turn.
    brackets = opens | closes
    every_other = brackets & _within(brackets, _NOTHING)
    return opens == every_other or (closes == every_other and depth > floor)


@inlined
def _is_object(block, start, stop):
    """Whether a line begins and ends as an object."""
    stop -= 1
    while block[stop] == 32 or block[stop] == 9 or block[stop] == 13:
        stop -= 1
    return block[start] == _OPEN and block[stop] == _CLOSE


@inlined
def _escaped_key(block, at, closings, backslashes, mark):
    """Whether a key with an escape ends here, which may be another spelling of one that is looked for.

    `mark` is whether the string that goes on from the bytes before had one; returned for those after.
    """
    found = False
    while closings:
        closing = closings & (_NOTHING - closings)
        closings ^= closing
        if mark | (backslashes & (closing - _ONE)):
            found |= block[_skip(block, at + _first(closing) + 1)] == _COLON
        backslashes &= ~(closing - _ONE)
        mark = _NOTHING
    return found, mark | backslashes


@inlined
def _note_key(block, at, stop, opening, closings, names, odd, first, last, line, pending):
    """Note the value of a key, if it is looked for; return the key whose list or object is open."""
    quote, later = at + _first(opening), closings & ~(opening - _ONE)
    close = at + _first(later) if later else _end(block, quote + 1, stop)
    key = _key(block, quote, close, names)
    if key < 0:
        return pending
    odd[line] |= first[line, key] >= 0
    value = _skip(block, _skip(block, close + 1) + 1)
    first[line, key] = value
    if block[value] == _OPEN or block[value] == _OPEN_LIST:
        return key
    last[line, key] = _scalar_end(block, value, stop)
    return -1


@inlined
def _back(depth, opens, brackets):
    """The first of some brackets that brings the depth down to one, as a bit; none: nothing."""
    while brackets:
        bracket = brackets & (_NOTHING - brackets)
        brackets ^= bracket
        depth += 1 if opens & bracket else -1
        if depth == 1 and not opens & bracket:
            return bracket
    return _NOTHING


@compiled
def _index(block, begin, stop, names, usual, number, start, end, odd, first, last):
    """Fill the arrays of an `Index`; see `index`."""
    lines, numbers, depth, objects, pending, line = 0, 0, 0, 0, -1, begin
    carried_escape, carried_string, mark = _NOTHING, _NOTHING, _NOTHING
    odd[0], first[0, :], last[0, :] = False, -1, -1
    for at in range(begin, stop, 64):
        quotes, backslashes = _matches(block, at, _QUOTE, 0), _matches(block, at, _BACKSLASH, 0)
        opens, closes = _matches(block, at, _OPEN, _CASE), _matches(block, at, _CLOSE, _CASE)
        newlines = _matches(block, at, _NEWLINE, 0)
        if stop - at < 64:
            valid = (_ONE << np.uint64(stop - at)) - _ONE
            quotes, opens, closes, newlines = quotes & valid, opens & valid, closes & valid, newlines & valid
        if backslashes | carried_escape:
            escaped, carried_escape = _escaped(backslashes, carried_escape)
            quotes &= ~escaped
        strings = _within(quotes, carried_string)
        carried_string = np.uint64(np.int64(strings) >> 63)  # all ones if a string goes on
        opens, closes = opens & ~strings, closes & ~strings
        if depth >= 2 and newlines == _NOTHING and _stays(2, depth, opens, closes):
            depth += _count(opens) - _count(closes)
            continue
        closings, keys = quotes & ~strings, quotes & strings
        if backslashes | mark:
            another, mark = _escaped_key(block, at, closings, backslashes, mark)
            mark &= carried_string
            odd[lines] |= another
        if usual:
            keys = _promising(block, at, keys, closings, strings)
        if depth >= 1 and newlines == _NOTHING and _stays(1, depth, opens, closes):
            # The usual case: bytes from the midst of a record.
            if pending >= 0:
                bracket = _back(depth, opens, opens | closes)
                if bracket:
                    last[lines, pending] = at + _first(bracket) + 1
                    pending = -1
            while keys:
                opening = keys & (_NOTHING - keys)
                keys ^= opening
                before = opening - _ONE
                if depth + _count(opens & before) - _count(closes & before) == 1:
                    pending = _note_key(
                        block, at, stop, opening, closings, names, odd, first, last, lines, pending
                    )
                    if pending >= 0:
                        bracket = _back(1, opens, (opens | closes) & ~before)
                        if bracket:
                            last[lines, pending] = at + _first(bracket) + 1
                            pending = -1
            depth += _count(opens) - _count(closes)
            continue
        events = opens | closes | newlines
        while True:
            event = events & (_NOTHING - events)
            events ^= event
            if depth == 1:
                own = keys & (event - _ONE)
                while own:
                    opening = own & (_NOTHING - own)
                    own ^= opening
                    pending = _note_key(
                        block, at, stop, opening, closings, names, odd, first, last, lines, pending
                    )
            if not event:
                break
            keys &= ~(event - _ONE)
            if opens & event:
                objects += depth == 0
                depth += 1
            elif closes & event:
                depth -= 1
                if depth == 1 and pending >= 0:
                    last[lines, pending] = at + _first(event) + 1
                    pending = -1
            else:
                place = at + _first(event)
                number[lines], start[lines], end[lines] = numbers, line, place
                numbers += 1
                content, line = _skip(block, line), place + 1
                if depth != 0 or strings & event:
                    odd[lines] = True
                    return lines + 1, numbers, line
                if content < place:
                    odd[lines] |= objects != 1 or not _is_object(block, content, place)
                    lines += 1
                    if lines == len(number):
                        return lines, numbers, line
                objects, pending = 0, -1
                # An escape before the newline may be one behind it, for all that was looked at.
                odd[lines], first[lines, :], last[lines, :] = backslashes != _NOTHING, -1, -1
    return lines, numbers, line


def patterns(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as compiled functions take them: their bytes, a row each, and their lengths."""
    lengths = np.array([len(text) for text in texts])
    rows = np.zeros((len(texts), lengths.max()), np.uint8)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = np.frombuffer(text.encode(), np.uint8)
    return rows, lengths


def keys(names: Sequence[str]) -> np.ndarray:
    """Keys as `index` takes them; none may be longer than sixteen letters."""
    return np.frombuffer(b"".join(name.encode().ljust(16, b"\0") for name in names), np.uint64).reshape(-1, 2)


_USUAL = keys(NAMES)


def index(
    block: np.ndarray,
    begin: int,
    stop: int,
    capacity: int,
    names: np.ndarray | None = None,
) -> tuple[Index, int, int]:
    """Index the lines of a block of JSON.

    Parameters
    ----------
    block : ndarray of uint8
        Whole lines from `begin` to `stop`, each ended by a newline, and `PADDING` bytes of anything.
    begin, stop : int
        Where they begin and end.
    capacity : int
        Most lines wanted.
    names : ndarray, optional
        Keys that are looked for (`keys`); by default `NAMES`.

    Returns
    -------
    found : Index
        Lines from `begin` on.
    lines : int
        How many lines these are, blank ones included.
    reached : int
        Where the next line begins. It is `stop`, unless there are more lines, or the last one found is
        broken: a string or a bracket is not closed in it. Then the rest must be indexed on its own.
    """
    usual, names = names is None, _USUAL if names is None else names
    flat = [np.empty(capacity, np.int64) for _ in range(3)]
    spans = [np.empty((capacity, len(names)), np.int64) for _ in range(2)]
    arrays = (*flat, np.empty(capacity, np.bool_), *spans)
    found, lines, reached = _index(block, begin, stop, names, usual, *arrays)
    return Index(*(array[:found] for array in arrays)), lines, reached


@inlined
def _number(block, at, limit):
    """Number of the work whose URL begins at a place, and the place after it; -1 if there is none."""
    digits = at + 22
    if digits >= limit:
        return -1, at
    same = _word(block, at) == _START[0] and _word(block, at + 8) == _START[1]
    if not same or _word(block, at + 14) != _START[2]:
        return -1, at
    number, at = 0, digits
    while at < limit and at - digits < 18 and _ZERO <= block[at] <= _NINE:
        number = 10 * number + np.int64(block[at] - _ZERO)
        at += 1
    return number if at > digits else -1, at


@inlined
def _is_null(block, at):
    return block[at] == _N and block[at + 1] == _U and block[at + 2] == _L and block[at + 3] == _L


@compiled
def heads(block: np.ndarray, first: np.ndarray, odd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids and years of records; a record with any value that is not of the plainest form becomes odd.

    Parameters
    ----------
    block : ndarray of uint8
    first : ndarray of int64, shape (lines, 6)
    odd : ndarray of bool, shape (lines,)
        As in `Index`.

    Returns
    -------
    ids, years : ndarray of int64, shape (lines,)
        `NO_YEAR` where the year is null or missing.
    """
    lines = len(odd)
    ids, years = np.empty(lines, np.int64), np.empty(lines, np.int64)
    for line in range(lines):
        ids[line], years[line] = -1, NO_YEAR
        at = first[line, ID]
        number, end = -1, at
        if at >= 0 and block[at] == _QUOTE:
            number, end = _number(block, at + 1, len(block) - 1)
        if number >= 0 and block[end] == _QUOTE:
            ids[line] = number
        odd[line] |= ids[line] < 0 or first[line, RESULTS] >= 0
        for key in (PRIMARY, TOPICS, REFERENCES):
            at, opening = first[line, key], _OPEN if key == PRIMARY else _OPEN_LIST
            odd[line] |= at >= 0 and block[at] != opening and not _is_null(block, at)
        at = first[line, YEAR]
        if at < 0 or _is_null(block, at):
            continue
        year, start = 0, at
        while at - start < 4 and _ZERO <= block[at] <= _NINE:
            year = 10 * year + np.int64(block[at] - _ZERO)
            at += 1
        at = _skip(block, at)
        if block[start] == _ZERO or at == start or (block[at] != _COMMA and block[at] != _CLOSE):
            odd[line] = True
        years[line] = year
    return ids, years


@compiled
def count_years(years: np.ndarray, wanted: np.ndarray, counts: np.ndarray) -> None:
    """Count the records that are not wanted, by year; `NO_YEAR` at the end of the counts."""
    for line in range(len(years)):
        if not wanted[line]:
            counts[years[line]] += 1


@compiled
def holds(
    block: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    texts: np.ndarray,
    lengths: np.ndarray,
    wanted: np.ndarray,
) -> None:
    """Add to the wanted records those in which a list or object contains a text, or an escape.

    Parameters
    ----------
    block : ndarray of uint8
    first, last : ndarray of int64, shape (lines,)
        One key's column of those of an `Index`.
    texts, lengths : ndarray
        See `patterns`.
    wanted : ndarray of bool, shape (lines,)
        Changed in place.
    """
    for line in range(len(wanted)):
        start, stop = first[line], last[line]
        if wanted[line]:
            continue
        for at in range(start, stop, 64):
            valid = _ALL if stop - at >= 64 else (_ONE << np.uint64(stop - at)) - _ONE
            hits = _matches(block, at, _BACKSLASH, 0)
            for text in range(len(lengths)):
                same = _ALL
                for place in range(lengths[text]):
                    same &= _matches(block, at + place, texts[text, place], 0)
                hits |= same
            if hits & valid:
                wanted[line] = True
                break


def id_set(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A set of ids as `among` takes it: the ids, and bits that tell of most others that they are not in it.

    Parameters
    ----------
    ids : ndarray of int64
        Sorted, distinct.
    """
    width = max(16, len(ids).bit_length() + 5)
    bits = np.zeros(1 << width, np.bool_)
    bits[(ids.astype(np.uint64) * _SPREAD) >> np.uint64(64 - width)] = True
    return ids, np.packbits(bits, bitorder="little")


@inlined
def _shift(bits):
    """By how much a product is shifted to give the place of a bit: there are 2 ** (64 - shift) of them."""
    return np.uint64(61) - np.uint64(_first(np.uint64(len(bits))))


@inlined
def _is_in(number, ids, bits, shift):
    """Whether a number is in a set; most that are not are told by one bit (multiplicative hashing)."""
    bit = (np.uint64(number) * _SPREAD) >> shift
    if not (bits[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & 1:
        return False
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) >> 1
        if ids[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low < len(ids) and ids[low] == number


@compiled
def among(numbers: np.ndarray, ids: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Whether each number is in a set of ids (`id_set`)."""
    found = np.zeros(len(numbers), np.bool_)
    shift = _shift(bits)
    for place in range(len(numbers)):
        found[place] = _is_in(numbers[place], ids, bits, shift)
    return found


@compiled
def cites(
    block: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    ids: np.ndarray,
    bits: np.ndarray,
    wanted: np.ndarray,
) -> None:
    """Add to the wanted records those that reference one of a set of ids, or references in another form.

    Parameters
    ----------
    block : ndarray of uint8
    first, last : ndarray of int64, shape (lines,)
        Column of ``referenced_works`` of an `Index`.
    ids, bits : ndarray
        See `id_set`.
    wanted : ndarray of bool, shape (lines,)
        Changed in place.
    """
    shift = _shift(bits)
    for line in range(len(wanted)):
        if first[line] < 0 or block[first[line]] != _OPEN_LIST:
            continue
        stop = last[line] - 1
        at = _skip(block, first[line] + 1)
        while at < stop and not wanted[line]:
            number, end = _number(block, at + 1, stop)
            if number < 0 or block[at] != _QUOTE or block[end] != _QUOTE or _is_in(number, ids, bits, shift):
                wanted[line] = True
            at = _skip(block, end + 1)
            if block[at] == _COMMA:
                at = _skip(block, at + 1)


@compiled
def numbers_between(block: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Numbers of works whose URLs stand end to end; -1 for what is no such URL.

    Parameters
    ----------
    block : ndarray of uint8
        The texts.
    offsets : ndarray of int64, shape (texts + 1,)
        Where each begins; the last ends at the last offset.
    """
    numbers = np.empty(len(offsets) - 1, np.int64)
    for place in range(len(numbers)):
        number, end = _number(block, offsets[place], offsets[place + 1])
        numbers[place] = number if end == offsets[place + 1] else -1
    return numbers
