"""Print jobs, CPU time, wall time and memory of the last run by rule."""

import sys

from poles.errors import StudyError
from poles.study.timings import describe_timings

try:
    print(describe_timings())
except StudyError as error:
    sys.exit(str(error))
