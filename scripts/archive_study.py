"""Write the archives of the study: all of it but the raw data, and the harvest."""

import sys
from pathlib import Path

from poles.errors import StudyError
from poles.study import archive

try:
    for line in archive.write_archives(Path(__file__).resolve().parents[1]):
        print(line)
except StudyError as error:
    sys.exit(str(error))
