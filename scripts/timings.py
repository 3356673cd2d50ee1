"""Print jobs, CPU time, wall time and memory of the last run by rule."""

import sys

from poles.errors import StudyError
from poles.study.timings import answer

try:
    print(answer(sys.argv[1:]))
except (OSError, StudyError) as error:
    sys.exit(str(error))
