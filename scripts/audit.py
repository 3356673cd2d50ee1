"""Print the chain of a result down to its sources, and name the first broken link."""

import sys

from poles.study import audit

sys.exit(audit.main())
