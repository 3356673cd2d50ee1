"""Ask OpenAlex whether what the harvest takes for granted holds; costs some ten credits."""

import sys

from poles.corpus.api import live_checks

sys.exit(live_checks.main())
