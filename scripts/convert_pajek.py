"""Convert a zip of yearly Pajek networks to an edge list of the study."""

import sys

from poles.networks import pajek

sys.exit(pajek.main())
