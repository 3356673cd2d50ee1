"""Describe the results as an RO-Crate, after a run and its report; --check compares it with the files."""

import sys
from pathlib import Path

from poles.errors import StudyError
from poles.study import crate, crate_check

try:
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(crate_check.check_crate()) or print("the crate describes every file as it is"))
    crate.write_crate(Path(__file__).resolve().parents[1])
except StudyError as error:
    sys.exit(str(error))
