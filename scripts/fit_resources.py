"""Print the table of the memory and time of jobs, from the folders of finished runs."""

import sys
from pathlib import Path

from poles.errors import StudyError
from poles.study.resource_lines import describe_runs

try:
    print(describe_runs(map(Path, sys.argv[1:])), end="")
except StudyError as error:
    sys.exit(str(error))
