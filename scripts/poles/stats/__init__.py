"""Statistics that know nothing of countries."""
