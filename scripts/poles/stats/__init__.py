"""Statistics that know nothing of countries, and the control of their threads."""
