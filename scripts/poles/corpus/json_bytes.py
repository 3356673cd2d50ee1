"""The bytes of JSON as compiled code reads them: sixty-four at a time, or as words of eight.

`json_index` and `json_decode` are built from these. All positions are those of bytes in a text that at least
`PADDING` further bytes follow.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_PREFIX = b"https://openalex.org/W"
_START = tuple(np.frombuffer(_PREFIX, np.uint64, 1, place)[0] for place in (0, 8, 14))

PADDING = 128
"""Bytes that must follow the text, because 64 bytes are always read at once."""

QUOTE, BACKSLASH, NEWLINE, COLON, COMMA = (np.uint8(ord(character)) for character in '"\\\n:,')
OPEN, CLOSE = np.uint8(ord("{")), np.uint8(ord("}"))
OPEN_LIST, CLOSE_LIST = np.uint8(ord("[")), np.uint8(ord("]"))
ZERO, NINE = np.uint8(ord("0")), np.uint8(ord("9"))
NONE, ONE, ALL = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)
_N, _U, _L = (np.uint8(ord(character)) for character in "nul")

compiled = numba.njit(cache=True, nogil=True)
inlined = numba.njit(nogil=True, forceinline=True)


@intrinsic
def pointer(typing_context, array):
    """Address of the values of an array, which is cheaper to pass on than the reference-counted array."""

    def generate(context, builder, signature, arguments):
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def matches(typing_context, text, at, character, ignored):
    """Bits of those of the 64 bytes from `at` on that equal a character but for the bits in `ignored`."""

    def generate(context, builder, signature, arguments):
        vector, byte = ir.VectorType(ir.IntType(8), 64), ir.IntType(8)

        def spread(value):
            single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
            return builder.shuffle_vector(single, single, lanes)

        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), vector.as_pointer())
        masked = builder.or_(builder.load(place, align=1), spread(builder.trunc(arguments[3], byte)))
        equal = builder.icmp_unsigned("==", masked, spread(builder.trunc(arguments[2], byte)))
        return builder.bitcast(equal, ir.IntType(64))

    return types.uint64(text, types.int64, types.uint8, types.uint8), generate


@intrinsic
def word(typing_context, text, at):
    """The eight bytes from `at` on, as one number."""

    def generate(context, builder, signature, arguments):
        place = builder.gep(arguments[0], [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, types.int64), generate


@intrinsic
def ones(typing_context, bits):
    """Number of bits that are set."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(
        arguments[0]
    )


@intrinsic
def first_one(typing_context, bits):
    """Position of the lowest bit that is set; at least one must be."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@inlined
def skip(text, at):
    """Position of the next character that is not a blank within a line."""
    while text[at] == 32 or text[at] == 9 or text[at] == 13:
        at += 1
    return at


@inlined
def string_end(text, at, stop):
    """Position of the quote that closes a string."""
    while at < stop:
        marks = matches(text, at, QUOTE, 0) | matches(text, at, BACKSLASH, 0)
        if not marks:
            at += 64
        elif text[at + first_one(marks)] == QUOTE:
            return at + first_one(marks)
        else:
            at += first_one(marks) + 2
    return stop


@inlined
def work_number(text, at, limit):
    """Number of the work whose URL begins at `at`, and the position after it; -1 if there is no such URL."""
    digits = at + 22
    if digits >= limit:
        return -1, at
    same = word(text, at) == _START[0] and word(text, at + 8) == _START[1]
    if not same or word(text, at + 14) != _START[2]:
        return -1, at
    number, at = 0, digits
    while at < limit and at - digits < 18 and ZERO <= text[at] <= NINE:
        number = 10 * number + np.int64(text[at] - ZERO)
        at += 1
    return number if at > digits else -1, at


@inlined
def is_null(text, at):
    """Whether the four letters of null stand at a position."""
    return text[at] == _N and text[at + 1] == _U and text[at + 2] == _L and text[at + 3] == _L
