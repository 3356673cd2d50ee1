"""Check what the harvest assumes about OpenAlex; costs about ten credits."""

import sys

from poles.corpus.api import live_checks

sys.exit(live_checks.main())
