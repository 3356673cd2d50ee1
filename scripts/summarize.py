"""Print the verdicts and the warnings of the last run, and where to look."""

import sys

from poles.claims.summary import summarize
from poles.errors import StudyError

try:
    print(summarize())
except StudyError as error:
    sys.exit(str(error))
