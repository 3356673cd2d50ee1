"""Null models: what a link would weigh if only the activity of countries counted."""
