#!/usr/bin/env bash
# pymannkendall 1.4.3, 2026-11-28: missing years inside a series make a trend look autocorrelated.
#
# Input: 26 years with a rising trend, eight of them missing in the middle (NaN, which the library skips).
# Expected: the Hamed-Rao test removes the trend, looks for autocorrelation in what is left, finds
# none that counts, and so gives the p-value of the original test (0.0018, "increasing").
# What happens: p = 0.056, "no trend". The slope is estimated on the true years, but it is removed
# as if the years left were consecutive: x - (1, 2, 3, ...) * slope. Behind the gap eight years of
# slope stay in, the residuals show a step, the step counts as autocorrelation, and the variance is
# multiplied by 2.67. No error, no warning. The proof needs no second library: a straight line added
# to a series changes nothing of what is left once the trend is removed. Without missing years the
# factor is 1 whatever line is added; with them it is 1 for the values less the library's own line
# and 2.67 for the values with it. The Yue-Wang test does the same (0.46 and 1.56).
# Instead: take the line out on the true years first (slope of original_test), read the factor
# (var_s of the two tests) there and use it on the variance of the series itself.
#
# Exit: 0 as described, 1 the behaviour changed, 2 the packages could not be installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    pymannkendall==1.4.3 numpy==2.3.5 scipy==1.17.1 >"$folder/log" 2>&1 ||
    { echo "pip could not install the packages"; exit 2; }

"$folder/env/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version

import numpy as np
import pymannkendall as mk

before = [4.2, 3.9, 4.0, 3.7, 3.6, 5.3, 3.5, 2.8, 3.2]
after = [7.0, 5.2, 6.5, 7.6, 8.1, 8.3, 8.3, 8.3, 8.3]
year = np.arange(26)
gappy = np.array(before + [np.nan] * 8 + after)
line = mk.original_test(gappy).slope * year
full = np.where(np.isnan(gappy), 3 + 0.2 * year, gappy)


def factor(test, values):
    """By how much the test multiplies the variance of the original one."""
    return round(float(test(values).var_s / mk.original_test(values).var_s), 3)


original, corrected = mk.original_test(gappy), mk.hamed_rao_modification_test(gappy)
print(f"pymannkendall {version('pymannkendall')}, numpy {np.__version__}, {date.today()}")
print(f"original test   p = {original.p:.4f}  {original.trend}")
print(f"Hamed-Rao test  p = {corrected.p:.4f}  {corrected.trend}")
factors = {}
for name, test in (("Hamed-Rao", mk.hamed_rao_modification_test), ("Yue-Wang", mk.yue_wang_modification_test)):
    factors[name] = [factor(test, gappy - line), factor(test, gappy)]
    print(f"{name:<10} factor, missing years: without the line {factors[name][0]}, with it {factors[name][1]}")
complete = [factor(mk.hamed_rao_modification_test, full + slope * year) for slope in (0, 1, 5)]
print(f"Hamed-Rao  factor, no missing years: lines of slope 0, 1 and 5 added {complete}")
same = (
    (original.trend, corrected.trend) == ("increasing", "no trend")
    and factors["Hamed-Rao"] == [1.0, 2.674]
    and factors["Yue-Wang"][1] > 2 * factors["Yue-Wang"][0]
    and complete == [1.0, 1.0, 1.0]
)
print("as described" if same else "THE BEHAVIOUR CHANGED")
sys.exit(not same)
PYTHON
