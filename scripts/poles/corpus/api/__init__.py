"""The OpenAlex REST API as a source: queries, a client that keeps to a budget, and a store of all answers.

Answers are primary data. They are stored unchanged, in a folder that Snakemake neither owns nor deletes. So a
harvest resumes where it stopped, and a change of code costs no request.
"""
