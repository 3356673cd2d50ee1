"""The panel of pairs of countries, and how their z-scores move over the years."""
