"""Figures of the study: one module and one function per figure; tables in, a matplotlib figure out."""
