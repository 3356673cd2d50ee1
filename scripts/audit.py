"""Print the chain of a result down to its sources, or follow one link of two countries through all stages."""

import sys

from poles.audits import command

sys.exit(command.main())
