#!/usr/bin/env bash
# aeon 1.6.0, 2026-11-28: a weighted DTW barycentre comes out as if the weights were equal.
#
# Input: two constant series of six years, all 0 and all 10, with the weights 1 and 9. However the
# years are matched, each of them meets a 0 and a 10, so the weighted barycentre can only be
# (1 * 0 + 9 * 10) / 10 = 9 in every year.
# Expected: 9 in every year, as elastic_barycenter_average documents a weight for each series.
# What happens: 5 in every year, from the methods petitjean, subgradient and kasba alike, and 5
# again with the weights 9 and 1. Each update of the barycentre does use the weights, but the cost
# that decides whether to keep the update sums the distances without them. The search starts at the
# plain mean, every step towards the weighted one raises that cost, so the step is thrown away and
# the plain mean comes back. No error, no warning. On other data it can lie between.
# Instead: repeat each series as often as its (whole) weight says and give no weights.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    aeon==1.6.0 numba==0.63.1 numpy==2.3.5 scipy==1.17.1 scikit-learn==1.9.1 pandas==3.0.6 \
    >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

# Compiled or not, the result is the same; compiling alone takes minutes.
NUMBA_DISABLE_JIT=1 "$folder/env/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version

import numpy as np
from aeon.clustering.averaging import elastic_barycenter_average

series = np.array([[[0.0] * 6], [[10.0] * 6]])


def average(collection, method, weights=None):
    found = elastic_barycenter_average(
        collection, distance="dtw", method=method, weights=weights, random_state=0
    )
    return np.round(found, 3).ravel().tolist()


print(f"aeon {version('aeon')}, numpy {np.__version__}, {date.today()}")
same = True
for method in ("petitjean", "subgradient", "kasba"):
    towards_ten = average(series, method, np.array([1.0, 9.0]))
    towards_zero = average(series, method, np.array([9.0, 1.0]))
    same &= towards_ten == towards_zero == [5.0] * 6
    print(f"{method:<12} weights 1 and 9: {towards_ten}  weights 9 and 1: {towards_zero}")

repeated = average(np.repeat(series, [1, 9], axis=0), "petitjean")
same &= repeated == [9.0] * 6
print(f"{'petitjean':<12} second series nine times, no weights: {repeated}")
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
