"""The OpenAlex REST API as a source: queries, a client that keeps within a budget, and a store of what came.

Answers are primary data. They are kept as they came, in a folder that Snakemake neither owns nor deletes, so
that a harvest goes on where it stopped and a change of code costs no request.
"""
