#!/usr/bin/env bash
# dtaidistance 2.5.1, 2026-11-28: a list of integer series has DTW distance 0 to everything.
#
# Input: yearly counts of joint works of three country pairs, of unequal length, as a list of numpy
# arrays. That is the form which the library documents for unequal lengths; counts are integers.
# Expected: distances of about 6, 190 and 196, as dtw.distance gives pair by pair, or a refusal.
# What happens: distance_matrix_fast, and distance_matrix with use_c=True, return a matrix of zeros.
# The C code takes the bytes of the integers for floating-point numbers, which are then tiny
# (about 1e-322), so that all series look alike. No error, no warning, and every clustering on the
# matrix follows. Only the list form does so: distance_fast on two integer series, and the matrix
# function on a two-dimensional integer array, refuse with a ValueError on the type.
# Instead: turn every series into float64 before it enters a list.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    dtaidistance==2.5.1 numpy==2.3.5 >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

"$folder/env/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version

import numpy as np
from dtaidistance import dtw

counts = [
    np.array([1, 2, 3, 4, 5, 6], dtype=np.int64),
    np.array([100, 90, 80, 70], dtype=np.int64),
    np.array([5, 5, 5, 5, 5, 5, 9], dtype=np.int64),
]
pairs = [(0, 1), (0, 2), (1, 2)]


def upper(matrix):
    return [float(round(matrix[pair], 3)) for pair in pairs]


def refusal(call, *series):
    try:
        return f"no refusal: {call(*series)}"
    except ValueError as error:
        return f"ValueError: {error}"


floats = [series.astype(np.float64) for series in counts]
one_by_one = [round(float(dtw.distance(counts[a], counts[b])), 3) for a, b in pairs]
fast = upper(dtw.distance_matrix_fast(counts, parallel=False))
use_c = upper(dtw.distance_matrix(counts, use_c=True, parallel=False))
as_floats = upper(dtw.distance_matrix_fast(floats, parallel=False))
two = refusal(dtw.distance_fast, counts[0], counts[1])
array = refusal(dtw.distance_matrix_fast, np.array([[1, 2, 3], [7, 8, 9]], dtype=np.int64))

print(f"dtaidistance {version('dtaidistance')}, numpy {np.__version__}, {date.today()}")
print("integers, dtw.distance pair by pair   ", one_by_one)
print("integers, distance_matrix_fast        ", fast)
print("integers, distance_matrix(use_c=True) ", use_c)
print("floats,   distance_matrix_fast        ", as_floats)
print("integers, distance_fast               ", two)
print("integers, matrix of a two-dim. array  ", array)
same = (
    fast == use_c == [0.0, 0.0, 0.0]
    and as_floats == one_by_one == [190.134, 6.245, 195.63]
    and two.startswith("ValueError")
    and array.startswith("ValueError")
)
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
