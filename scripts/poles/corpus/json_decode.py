"""Works decoded from the bytes of JSON, many at a time and without an object for each value.

A work is decoded in one walk through its bytes, which also checks the grammar of all that it holds. Only
values of their plainest form are taken: ids, codes and numbers as OpenAlex writes them, texts of ASCII
letters without escapes. A work with any other value, with a key twice, or that is not valid JSON is
irregular. It is left to a full parse, which reads it, refuses it by its place, or counts what it drops. So it
never matters for the records whether a work is irregular, only for the time.
"""

from typing import NamedTuple

import numba
import numpy as np

from poles.corpus.json_bytes import (
    BACKSLASH,
    CLOSE,
    CLOSE_LIST,
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
    is_null,
    matches,
    ones,
    pointer,
    skip,
    word,
    work_number,
)

_part = numba.njit(nogil=True)

KEYS = (
    "id",
    "publication_year",
    "type",
    "updated_date",
    "is_retracted",
    "is_paratext",
    "is_xpac",
    "is_authors_truncated",
    "authors_count",
    "countries_distinct_count",
    "referenced_works_count",
    "primary_topic",
    "topics",
    "authorships",
    "referenced_works",
    "results",
)
"""Keys of a work that are decoded. ``results`` marks a page of the API, which is irregular."""

(
    _ID,
    _YEAR,
    _TYPE,
    _UPDATED,
    _RETRACTED,
    _PARATEXT,
    _XPAC,
    _TRUNCATED,
    _AUTHORS_COUNT,
    _COUNTRIES_COUNT,
    _REFERENCES_COUNT,
    _PRIMARY,
    _TOPICS,
    _AUTHORSHIPS,
    _REFERENCES,
    _RESULTS,
) = range(len(KEYS))
_FLAGS = range(_RETRACTED, _TRUNCATED + 1)

_N_TYPE, _N_UPDATED, _N_REFERENCES, _N_SUBFIELDS, _N_AUTHORSHIPS, _N_COUNTRIES, _N_INSTITUTIONS, _N_KINDS = (
    range(8)
)
"""Numbers of the buffers of values, in the order of the lengths that `decode` returns."""


def _letters(text: str, count: int = 3) -> tuple[np.uint64, ...]:
    """Return a key as the words that `_member` gives, eight letters each."""
    return tuple(np.frombuffer(text.encode().ljust(8 * count, b"\0"), np.uint64))


_NAMES = np.array([_letters(key) for key in KEYS])
_LENGTHS = np.array([len(key) for key in KEYS])
_SUBFIELD, _SCORE, _OWN_ID = _letters("subfield", 1)[0], _letters("score", 1)[0], _letters("id", 1)[0]
_COUNTRIES, _INSTITUTIONS = _letters("countries", 2), _letters("institutions", 2)
_CODE, _KIND = _letters("country_code", 2), _letters("type", 1)[0]
_META, _PAGE = _letters("meta", 1)[0], _letters("results", 1)[0]

_A, _E, _F, _U, _Z = (np.uint8(ord(letter)) for letter in "aefuz")
_MINUS, _PLUS, _POINT, _SLASH, _W = (np.uint8(ord(letter)) for letter in "-+./W")
_ESCAPES = tuple(np.uint8(ord(letter)) for letter in '"\\/bfnrt')
_CASE, _CAPITAL = (
    np.uint8(0x20),
    np.uint8(0xDF),
)  # the bit in which small letters differ from capitals, and all others
_BLANK, _DELETE = (
    np.uint8(32),
    np.uint8(127),
)  # all printable letters of ASCII lie between them, the first included
_FOUR, _FIVE = np.uint64(2**32 - 1), np.uint64(2**40 - 1)
_TRUE, _FALSE, _NULL = (_letters(literal, 1)[0] for literal in ("true", "false", "null"))
_POWERS = 10.0 ** np.arange(16)
_EXACT = 15
"""Digits of which any decimal number is exactly the quotient of two floating-point numbers."""
_DEEPEST = 60
"""Most levels of brackets in a value; the kind of each is a bit."""


class Buffers(NamedTuple):
    """What is decoded from some works; see `decode`.

    Attributes
    ----------
    work, year : ndarray of int64, shape (works,)
        Number of the work; year, -1 if there is none.
    flags : ndarray of int8, shape (4, works)
        Whether retracted, paratext, of the expansion corpus, with authors cut off; -1: not given.
    incomplete : ndarray of bool, shape (works,)
        Whether the work states more authors, countries or references than it holds.
    subfield : ndarray of int32, shape (works,)
        Of the primary topic; -1: none.
    score : ndarray of float64, shape (works,)
        Of the primary topic; NaN: none.
    score_first, score_last : ndarray of int64, shape (works,)
        Where the score stands in the text, if it has more digits than `score` can hold exactly; else -1.
    has_type, has_updated : ndarray of bool, shape (works,)
        Whether the texts are given.
    type_ends, updated_ends, reference_ends, subfield_ends, authorship_ends : ndarray of int64
        Where the values of each work end in the arrays below; shape (works + 1,), the first entry is 0.
    country_ends, institution_ends : ndarray of int64, shape (authorships + 1,)
        Where the codes of each authorship end, in letters.
    has_kind : ndarray of uint8, shape (institutions,)
        Whether the type of an institution is given.
    kind_ends : ndarray of int64, shape (institutions + 1,)
        Where its letters end.
    types, updated : ndarray of uint8
        Letters.
    references : ndarray of int64
        Numbers of works.
    subfields : ndarray of int32
        Of all topics.
    countries, institutions : ndarray of uint8
        Two capitals for each code.
    kinds : ndarray of uint8
        Letters of the types of institutions.
    """

    work: np.ndarray
    year: np.ndarray
    flags: np.ndarray
    incomplete: np.ndarray
    subfield: np.ndarray
    score: np.ndarray
    score_first: np.ndarray
    score_last: np.ndarray
    has_type: np.ndarray
    has_updated: np.ndarray
    type_ends: np.ndarray
    updated_ends: np.ndarray
    reference_ends: np.ndarray
    subfield_ends: np.ndarray
    authorship_ends: np.ndarray
    country_ends: np.ndarray
    institution_ends: np.ndarray
    has_kind: np.ndarray
    kind_ends: np.ndarray
    types: np.ndarray
    updated: np.ndarray
    references: np.ndarray
    subfields: np.ndarray
    countries: np.ndarray
    institutions: np.ndarray
    kinds: np.ndarray


def buffers(works: int, size: int) -> Buffers:
    """Make room for the values of works.

    Parameters
    ----------
    works : int
        Most works.
    size : int
        Most bytes of JSON in which they stand. The shortest reference is ``"W1",``, the shortest authorship
        ``{},``, and the shortest institution with a code has 22 bytes.
    """

    def ends(count: int) -> np.ndarray:
        places = np.empty(count + 1, np.int64)
        places[0] = 0
        return places

    authorships, institutions = size // 3 + 1, size // 22 + 1
    return Buffers(
        work=np.empty(works, np.int64),
        year=np.empty(works, np.int64),
        flags=np.empty((len(_FLAGS), works), np.int8),
        incomplete=np.empty(works, np.bool_),
        subfield=np.empty(works, np.int32),
        score=np.empty(works),
        score_first=np.empty(works, np.int64),
        score_last=np.empty(works, np.int64),
        has_type=np.empty(works, np.bool_),
        has_updated=np.empty(works, np.bool_),
        type_ends=ends(works),
        updated_ends=ends(works),
        reference_ends=ends(works),
        subfield_ends=ends(works),
        authorship_ends=ends(works),
        country_ends=ends(authorships),
        institution_ends=ends(authorships),
        has_kind=np.empty(institutions, np.uint8),
        kind_ends=ends(institutions),
        types=np.empty(size, np.uint8),
        updated=np.empty(size, np.uint8),
        references=np.empty(size // 5 + 1, np.int64),
        subfields=np.empty(size // 5 + 1, np.int32),
        countries=np.empty(size, np.uint8),
        institutions=np.empty(size, np.uint8),
        kinds=np.empty(size, np.uint8),
    )


@_part
def _skip(text, at):
    """Position of the next character that is not a blank. A work may spread over many lines."""
    while text[at] == 32 or text[at] == 10 or text[at] == 13 or text[at] == 9:
        at += 1
    return at


# The grammar of JSON ---------------------------------------------------------------------------------------


@_part
def _escape_end(text, at):
    """Position after the escape that begins at a backslash; -1 if there is no such escape."""
    letter = text[at + 1]
    if letter == _U:
        for place in range(at + 2, at + 6):
            if not (ZERO <= text[place] <= NINE or _A <= (text[place] | _CASE) <= _F):
                return -1
        return at + 6
    for escape in _ESCAPES:
        if letter == escape:
            return at + 2
    return -1


@_part
def _string(text, at, stop):
    """Position of the quote that closes a string, and whether it has no escape; -1 if it is not valid.

    `at` is the position after the opening quote.
    """
    plain = True
    while at < stop:
        marks = matches(text, at, QUOTE, 0) | matches(text, at, BACKSLASH, 0)
        if not marks:
            at += 64
            continue
        at += first_one(marks)
        if text[at] == QUOTE:
            break
        plain, at = False, _escape_end(text, at)
        if at < 0:
            return -1, plain
    return (at if at < stop else -1), plain


@_part
def _digits_end(text, at):
    """Position after some digits."""
    while ZERO <= text[at] <= NINE:
        at += 1
    return at


@_part
def _number_end(text, at):
    """Position after a number; -1 if there is none."""
    at += text[at] == _MINUS
    end = at + 1 if text[at] == ZERO else _digits_end(text, at)
    if end == at:
        return -1
    if text[end] == _POINT:
        at = end + 1
        end = _digits_end(text, at)
        if end == at:
            return -1
    if (text[end] | _CASE) == _E:
        at = end + 1
        at += text[at] == _PLUS or text[at] == _MINUS
        end = _digits_end(text, at)
        if end == at:
            return -1
    return end


@_part
def _scalar(text, at):
    """Position after a number, true, false or null; -1 if there is none."""
    letters = word(text, at)
    if (letters & _FOUR) == _TRUE or (letters & _FOUR) == _NULL:
        return at + 4
    if (letters & _FIVE) == _FALSE:
        return at + 5
    return _number_end(text, at)


@_part
def _key_end(text, at, stop):
    """Position of the value whose key begins at `at`; -1 if there is no key."""
    if text[at] != QUOTE:
        return -1
    end, _ = _string(text, at + 1, stop)
    if end < 0:
        return -1
    at = _skip(text, end + 1)
    return _skip(text, at + 1) if text[at] == COLON else -1


@compiled
def _value(text, at, stop):
    """Position after any value; -1 if it is not valid JSON, or too deep."""
    kinds, depth = NONE, 0  # kinds: for each level, the last one lowest, whether it is an object
    while True:
        letter = text[at]
        if letter in (OPEN, OPEN_LIST):
            if depth == _DEEPEST:
                return -1
            kinds, depth = (kinds << ONE) | (ONE if letter == OPEN else NONE), depth + 1
            at = _skip(text, at + 1)
            if text[at] != (CLOSE if letter == OPEN else CLOSE_LIST):
                at = _key_end(text, at, stop) if letter == OPEN else at
                if at < 0:
                    return -1
                continue
        elif letter == QUOTE:
            at, _ = _string(text, at + 1, stop)
            if at < 0:
                return -1
            at += 1
        else:
            at = _scalar(text, at)
            if at < 0:
                return -1
        while depth:
            at = _skip(text, at)
            if text[at] == COMMA:
                break
            if text[at] != (CLOSE if kinds & ONE else CLOSE_LIST):
                return -1
            kinds, depth, at = kinds >> ONE, depth - 1, at + 1
        if not depth:
            return at
        at = _skip(text, at + 1)
        at = _key_end(text, at, stop) if kinds & ONE else at
        if at < 0:
            return -1


@_part
def _masked(letters, count):
    """The first letters of eight, the others zero."""
    if count >= 8:
        return letters
    return letters & ((ONE << np.uint64(8 * count)) - ONE) if count > 0 else NONE


@_part
def _member(text, at, stop):
    """Position of the value whose key begins at `at`, the length of the key and its first 24 letters.

    The position is -1 if there is no key, or if it has an escape.
    """
    if text[at] != QUOTE:
        return -1, 0, NONE, NONE, NONE
    at += 1
    end, plain = _string(text, at, stop)
    if end < 0 or not plain:
        return -1, 0, NONE, NONE, NONE
    value, length = _skip(text, end + 1), end - at
    if text[value] != COLON:
        return -1, 0, NONE, NONE, NONE
    low, middle = _masked(word(text, at), length), _masked(word(text, at + 8), length - 8)
    return _skip(text, value + 1), length, low, middle, _masked(word(text, at + 16), length - 16)


@_part
def _enter(text, at, closing):
    """Position of what stands first in an object or list, and true; or that after it, and false."""
    at = _skip(text, at + 1)
    return (at + 1, False) if text[at] == closing else (at, True)


@_part
def _enter_list(text, at):
    """As `_enter`, for a list that may be null, which has no elements; -1 for anything else."""
    if is_null(text, at):
        return at + 4, False
    return _enter(text, at, CLOSE_LIST) if text[at] == OPEN_LIST else (-1, False)


@_part
def _next(text, at, closing):
    """Position of what comes next in an object or list, and true; or that after it, and false.

    `at` is the position after a value, or -1 if that was irregular. The position is -1 if the value was, or
    if there is neither a comma nor the closing bracket.
    """
    if at < 0:
        return -1, False
    at = _skip(text, at)
    if text[at] == COMMA:
        return _skip(text, at + 1), True
    return (at + 1 if text[at] == closing else -1), False


# Plain values ----------------------------------------------------------------------------------------------


@_part
def _work(text, at, stop):
    """Number of the work in a string, and the position after it; -1 if the string is not plain."""
    if text[at] != QUOTE:
        return -1, -1
    first = at + 1
    if text[first] == _W:
        end, number = first + 1, 0
        while ZERO <= text[end] <= NINE and end - first < 19:
            number = 10 * number + np.int64(text[end] - ZERO)
            end += 1
        number = number if end > first + 1 else -1
    else:
        number, end = work_number(text, first, stop)
    return (number, end + 1) if number >= 0 and text[end] == QUOTE else (-1, -1)


@_part
def _whole(text, at, most):
    """A whole number of few digits, -1 for null, and the position after it; -1 if it is not plain."""
    if is_null(text, at):
        return -1, at + 4
    number, end = 0, at
    while ZERO <= text[end] <= NINE and end - at < most:
        number = 10 * number + np.int64(text[end] - ZERO)
        end += 1
    is_long = ZERO <= text[end] <= NINE or text[end] == _POINT or (text[end] | _CASE) == _E
    if end == at or is_long or (text[at] == ZERO and end > at + 1):
        return -1, -1
    return number, end


@_part
def _flag(text, at):
    """1 for true, 0 for false, -1 for null, and the position after it; -1 if there is something else."""
    letters = word(text, at)
    if (letters & _FIVE) == _FALSE:
        return 0, at + 5
    if (letters & _FOUR) == _TRUE:
        return 1, at + 4
    return -1, (at + 4 if (letters & _FOUR) == _NULL else -1)


@_part
def _plain(text, at, stop):
    """Bounds of the letters of a plain text, and the position after it; the first is -1 for null.

    The last is -1 if the value is not plain.
    """
    if is_null(text, at):
        return -1, -1, at + 4
    if text[at] != QUOTE:
        return -1, -1, -1
    end, plain = _string(text, at + 1, stop)
    if end < 0 or not plain:
        return -1, -1, -1
    for place in range(at + 1, end):
        if text[place] < _BLANK or text[place] >= _DELETE:
            return -1, -1, -1
    return at + 1, end, end + 1


@_part
def _copy(text, first, last, letters, count):
    """Append letters of a text, and return how many there are then."""
    for place in range(first, last):
        letters[count] = text[place]
        count += 1
    return count


@_part
def _code(text, at, codes, count):
    """Append the capitals of a country code; the position after it, or -1 if it is not plain."""
    first, second = text[at + 1], text[at + 2]
    if text[at] != QUOTE or not (_A <= (first | _CASE) <= _Z and _A <= (second | _CASE) <= _Z):
        return -1
    codes[count], codes[count + 1] = np.uint8(first & _CAPITAL), np.uint8(second & _CAPITAL)
    return at + 4 if text[at + 3] == QUOTE else -1


@_part
def _decimal(text, first, last):
    """Value of a number, and whether it is exact: it has few digits, no sign and no exponent.

    A quotient of two numbers that floating point holds exactly is rounded once, as it has to be (Clinger
    1990).
    """
    digits, decimals, point = 0, 0, False
    if last - first > _EXACT + 1:
        return np.nan, False
    for place in range(first, last):
        if text[place] == _POINT:
            point = True
        elif ZERO <= text[place] <= NINE:
            digits = 10 * digits + np.int64(text[place] - ZERO)
            decimals += point
        else:
            return np.nan, False
    return digits / _POWERS[decimals], last - first - point <= _EXACT


@_part
def _subfield_id(text, at, stop):
    """Number of a subfield, -1 for null, and the position after it; -1 if it is not plain.

    It is a whole number, or the text of one, to which a URL may lead.
    """
    if text[at] != QUOTE:
        return _whole(text, at, 9)
    end, plain = _string(text, at + 1, stop)
    if end < 0 or not plain:
        return -1, -1
    first, number, power = end, 0, 1
    while ZERO <= text[first - 1] <= NINE and end - first < 9:
        first -= 1
        number += power * np.int64(text[first] - ZERO)
        power *= 10
    if first == end or (text[first - 1] != _SLASH and text[first - 1] != QUOTE):
        return -1, -1
    return number, end + 1


# Objects ---------------------------------------------------------------------------------------------------


@_part
def _subfield(text, at, stop):
    """Number of a subfield that is an object with an id, or the id itself; as `_subfield_id`."""
    if text[at] != OPEN:
        return _subfield_id(text, at, stop)
    number, seen = -1, False
    at, more = _enter(text, at, CLOSE)
    while more:
        value, length, low, _, _ = _member(text, at, stop)
        if value < 0:
            return -1, -1
        if length == 2 and low == _OWN_ID:
            if seen:
                return -1, -1
            seen = True
            number, at = _subfield_id(text, value, stop)
        else:
            at = _value(text, value, stop)
        at, more = _next(text, at, CLOSE)
    return number, at


@_part
def _topic(text, at, stop):
    """Subfield of a topic, bounds of its score, and the position after it; -1 if it is irregular."""
    subfield, first, last, seen, scored = -1, -1, -1, False, False
    at, more = _enter(text, at, CLOSE)
    while more:
        value, length, low, _, _ = _member(text, at, stop)
        if value < 0:
            return -1, -1, -1, -1
        if length == 8 and low == _SUBFIELD:
            if seen:
                return -1, -1, -1, -1
            seen = True
            subfield, at = _subfield(text, value, stop)
        elif length == 5 and low == _SCORE:
            if scored:
                return -1, -1, -1, -1
            scored = True
            if is_null(text, value):
                at = value + 4
            else:
                first, at = value, _number_end(text, value)
                last = at
        else:
            at = _value(text, value, stop)
        at, more = _next(text, at, CLOSE)
    return subfield, first, last, at


@_part
def _topics(text, at, stop, subfields, count):
    """Append the subfields of a list of topics; how many there are then, and the position after the list."""
    at, more = _enter_list(text, at)
    while more:
        if is_null(text, at):
            at += 4
        elif text[at] == OPEN:
            subfield, _, _, at = _topic(text, at, stop)
            if subfield >= 0:
                subfields[count] = np.int32(subfield)
                count += 1
        else:
            return count, -1
        at, more = _next(text, at, CLOSE_LIST)
    return count, at


@_part
def _references(text, at, stop, references, count):
    """Append a list of works; how many there are then, and the position after the list."""
    at, more = _enter_list(text, at)
    while more:
        references[count], at = _work(text, at, stop)
        count += 1
        at, more = _next(text, at, CLOSE_LIST)
    return count, at


@_part
def _codes(text, at, stop, codes, count):
    """Append a list of country codes; how many letters there are then, and the position after the list."""
    at, more = _enter_list(text, at)
    while more:
        if is_null(text, at):
            at += 4
        else:
            at = _code(text, at, codes, count)
            count += 2
        at, more = _next(text, at, CLOSE_LIST)
    return count, at


@_part
def _institution(text, at, stop, out, sizes):
    """Append the country code and the type of an institution if it has a code; the position after it."""
    institutions, has_kind, kind_ends, kinds = out
    count = sizes[_N_INSTITUTIONS]
    coded, typed, has_code, first, last = False, False, False, -1, -1
    at, more = _enter(text, at, CLOSE)
    while more:
        value, length, low, middle, _ = _member(text, at, stop)
        if value < 0:
            return -1
        if length == 12 and low == _CODE[0] and middle == _CODE[1]:
            if coded:
                return -1
            coded, has_code = True, not is_null(text, value)
            at = _code(text, value, institutions, count) if has_code else value + 4
        elif length == 4 and low == _KIND:
            if typed:
                return -1
            typed = True
            first, last, at = _plain(text, value, stop)
        else:
            at = _value(text, value, stop)
        at, more = _next(text, at, CLOSE)
    if has_code:
        place = count // 2
        has_kind[place] = np.uint8(first >= 0)
        sizes[_N_KINDS] = _copy(text, first, last, kinds, sizes[_N_KINDS])
        kind_ends[place + 1] = sizes[_N_KINDS]
        sizes[_N_INSTITUTIONS] = count + 2
    return at


@_part
def _institutions(text, at, stop, out, sizes):
    """Append the institutions in a list; the position after it."""
    at, more = _enter_list(text, at)
    while more:
        if is_null(text, at):
            at += 4
        elif text[at] == OPEN:
            at = _institution(text, at, stop, out, sizes)
        else:
            return -1
        at, more = _next(text, at, CLOSE_LIST)
    return at


@_part
def _authorship(text, at, stop, countries, out, sizes):
    """Append the codes of an authorship; the position after it."""
    listed, placed = False, False
    at, more = _enter(text, at, CLOSE)
    while more:
        value, length, low, middle, _ = _member(text, at, stop)
        if value < 0:
            return -1
        if length == 9 and low == _COUNTRIES[0] and middle == _COUNTRIES[1]:
            if listed:
                return -1
            listed = True
            sizes[_N_COUNTRIES], at = _codes(text, value, stop, countries, sizes[_N_COUNTRIES])
        elif length == 12 and low == _INSTITUTIONS[0] and middle == _INSTITUTIONS[1]:
            if placed:
                return -1
            placed = True
            at = _institutions(text, value, stop, out, sizes)
        else:
            at = _value(text, value, stop)
        at, more = _next(text, at, CLOSE)
    return at


@compiled
def _authorships(text, at, stop, countries, out, ends, sizes):
    """Append a list of authorships; the position after it."""
    country_ends, institution_ends = ends
    at, more = _enter_list(text, at)
    while more:
        if is_null(text, at):
            at += 4
        elif text[at] == OPEN:
            at = _authorship(text, at, stop, countries, out, sizes)
            sizes[_N_AUTHORSHIPS] += 1
            country_ends[sizes[_N_AUTHORSHIPS]] = sizes[_N_COUNTRIES]
            institution_ends[sizes[_N_AUTHORSHIPS]] = sizes[_N_INSTITUTIONS]
        else:
            return -1
        at, more = _next(text, at, CLOSE_LIST)
    return at


@_part
def _distinct(codes, first, last, met, mark):
    """Number of codes that are met for the first time since `mark` is used."""
    number = 0
    for place in range(first, last, 2):
        code = 32 * np.int64(codes[place] & np.uint8(31)) + np.int64(codes[place + 1] & np.uint8(31))
        number += met[code] != mark
        met[code] = mark
    return number


@compiled
def decode(block, start, stop, wanted, is_regular, out):
    """Decode works.

    Parameters
    ----------
    block : ndarray of uint8
        The text.
    start, stop : ndarray of int64, shape (works,)
        Where each work begins and ends. At `stop` stands a character that no number can have.
    wanted : ndarray of bool, shape (keys,)
        Whether each of `KEYS` is decoded; those of ``id`` and ``results`` always.
    is_regular : ndarray of bool, shape (works,)
        Filled: whether a work was decoded; the others are irregular.
    out : Buffers
        Filled with the values of the regular works, one after the other.

    Returns
    -------
    works : int
        Number of regular works.
    sizes : ndarray of int64, shape (8,)
        Entries in use of the arrays of values: letters of types and of times, references, subfields,
        authorships, letters of countries, of institutions and of their types.
    """
    text, ends = pointer(block), (pointer(out.country_ends), pointer(out.institution_ends))
    types, updated, references = pointer(out.types), pointer(out.updated), pointer(out.references)
    countries, institutions = pointer(out.countries), pointer(out.institutions)
    placed = institutions, pointer(out.has_kind), pointer(out.kind_ends), pointer(out.kinds)
    counted, saved, stated = np.zeros(8, np.int64), np.zeros(8, np.int64), np.empty(3, np.int64)
    sizes, met = pointer(counted), np.zeros(1024, np.int64)
    row = 0
    for line in range(len(start)):
        limit, seen, work, good = stop[line], 0, -1, False
        # Loops, because assignments to slices take seconds to compile.
        for number in range(8):
            saved[number] = counted[number]
        for number in range(3):
            stated[number] = -1
        for number in range(4):
            out.flags[number, row] = -1
        out.year[row], out.subfield[row] = -1, -1
        out.score[row], out.score_first[row], out.score_last[row] = np.nan, -1, -1
        out.has_type[row], out.has_updated[row] = False, False
        at = _skip(text, start[line])
        if text[at] == OPEN:
            at, more = _enter(text, at, CLOSE)
            while more:
                value, length, low, middle, high = _member(text, at, limit)
                if value < 0:
                    at = -1
                    break
                key = 0
                while key < len(_LENGTHS) and not (
                    length == _LENGTHS[key]
                    and low == _NAMES[key, 0]
                    and middle == _NAMES[key, 1]
                    and high == _NAMES[key, 2]
                ):
                    key += 1
                if key < len(_LENGTHS):
                    if (seen >> key) & 1 or key == _RESULTS:
                        at = -1
                        break
                    seen |= 1 << key
                if key == len(_LENGTHS) or not wanted[key]:
                    at = _value(text, value, limit)
                elif key == _ID:
                    work, at = _work(text, value, limit)
                elif key == _YEAR:
                    out.year[row], at = _whole(text, value, 4)
                elif key == _TYPE:
                    first, last, at = _plain(text, value, limit)
                    out.has_type[row] = first >= 0
                    counted[_N_TYPE] = _copy(text, first, last, types, counted[_N_TYPE])
                elif key == _UPDATED:
                    first, last, at = _plain(text, value, limit)
                    out.has_updated[row] = first >= 0
                    counted[_N_UPDATED] = _copy(text, first, last, updated, counted[_N_UPDATED])
                elif key <= _TRUNCATED:
                    out.flags[key - _RETRACTED, row], at = _flag(text, value)
                elif key <= _REFERENCES_COUNT:
                    stated[key - _AUTHORS_COUNT], at = _whole(text, value, 18)
                elif key == _PRIMARY:
                    if is_null(text, value):
                        at = value + 4
                    elif text[value] == OPEN:
                        out.subfield[row], first, last, at = _topic(text, value, limit)
                        if first >= 0 and at >= 0:
                            out.score[row], exact = _decimal(text, first, last)
                            if not exact:
                                out.score_first[row], out.score_last[row] = first, last
                    else:
                        at = -1
                elif key == _TOPICS:
                    counted[_N_SUBFIELDS], at = _topics(
                        text, value, limit, pointer(out.subfields), counted[_N_SUBFIELDS]
                    )
                elif key == _AUTHORSHIPS:
                    at = _authorships(text, value, limit, countries, placed, ends, sizes)
                else:
                    counted[_N_REFERENCES], at = _references(
                        text, value, limit, references, counted[_N_REFERENCES]
                    )
                at, more = _next(text, at, CLOSE)
            good = work >= 0 and 0 <= at <= limit <= _skip(text, at)
        is_regular[line] = good
        if not good:
            for number in range(8):
                counted[number] = saved[number]
            continue
        met_countries = _distinct(countries, saved[_N_COUNTRIES], counted[_N_COUNTRIES], met, line + 1)
        met_countries += _distinct(
            institutions, saved[_N_INSTITUTIONS], counted[_N_INSTITUTIONS], met, line + 1
        )
        out.incomplete[row] = (
            out.flags[_TRUNCATED - _RETRACTED, row] == 1
            or stated[0] > counted[_N_AUTHORSHIPS] - saved[_N_AUTHORSHIPS]
            or stated[1] > met_countries
            or stated[2] > counted[_N_REFERENCES] - saved[_N_REFERENCES]
        )
        out.work[row] = work
        row += 1
        out.type_ends[row], out.updated_ends[row] = counted[_N_TYPE], counted[_N_UPDATED]
        out.reference_ends[row], out.subfield_ends[row] = counted[_N_REFERENCES], counted[_N_SUBFIELDS]
        out.authorship_ends[row] = counted[_N_AUTHORSHIPS]
    return row, counted


@compiled
def elements(block, stop):
    """Find the works of a document that is a list, or a page of the API with a list in ``results``.

    Parameters
    ----------
    block : ndarray of uint8
    stop : int
        Where the document ends.

    Returns
    -------
    count : int
        Number of works; -1 if the document is something else, or irregular.
    bounds : ndarray of int64
        Where each work begins and ends; shape (2, works), or wider.
    meta : tuple of int
        Where the value of ``meta`` begins and ends in a page; else -1.
    """
    text, bounds = pointer(block), np.empty((2, 64), np.int64)
    meta, results = (-1, -1), -1
    at = _skip(text, 0)
    is_page = text[at] == OPEN
    if is_page:
        at, more = _enter(text, at, CLOSE)
        while more:
            value, length, low, _, _ = _member(text, at, stop)
            if value < 0:
                return -1, bounds, meta
            at = _value(text, value, stop)
            if length == 4 and low == _META:
                if meta[0] >= 0:
                    return -1, bounds, meta
                meta = value, at
            elif length == 7 and low == _PAGE:
                if results >= 0:
                    return -1, bounds, meta
                results = value
            at, more = _next(text, at, CLOSE)
        results = results if 0 <= at <= stop <= _skip(text, at) else -1
    else:
        results = at
    if results < 0 or text[results] != OPEN_LIST:
        return -1, bounds, meta
    count = 0
    at, more = _enter(text, results, CLOSE_LIST)
    while more:
        if count == bounds.shape[1]:
            wider = np.empty((2, 2 * count), np.int64)
            for place in range(count):
                wider[0, place], wider[1, place] = bounds[0, place], bounds[1, place]
            bounds = wider
        bounds[0, count] = at
        at = _value(text, at, stop)
        bounds[1, count] = at
        count += 1
        at, more = _next(text, at, CLOSE_LIST)
    is_whole = is_page or at <= stop <= _skip(text, at)
    return (count if at >= 0 and is_whole else -1), bounds, meta


@compiled
def lines(block, begin, stop):
    """Find the lines of a block that are not blank.

    Parameters
    ----------
    block : ndarray of uint8
    begin, stop : int
        Bounds of whole lines, each ended by a newline.

    Returns
    -------
    number : ndarray of int64, shape (lines,)
        Number of the line in the block, from 0; blank lines are counted.
    first, last : ndarray of int64, shape (lines,)
        Where the line begins, and its newline.
    count : int
        Number of all lines.
    """
    text, count = pointer(block), 0
    for at in range(begin, stop, 64):
        count += ones(matches(text, at, NEWLINE, 0))
    number, bounds = np.empty(count, np.int64), np.empty((2, count), np.int64)
    found, seen, first = 0, 0, begin
    for at in range(begin, stop, 64):
        newlines = matches(text, at, NEWLINE, 0)
        while newlines:
            place = at + first_one(newlines)
            newlines &= newlines - ONE
            if place >= stop:
                break
            if skip(text, first) < place:
                number[found], bounds[0, found], bounds[1, found] = seen, first, place
                found += 1
            seen, first = seen + 1, place + 1
    return number[:found], bounds[0, :found], bounds[1, :found], seen
