"""Results for other programs: tables as CSV with a Data Package."""

from poles.study import dictionary


rule write_tables:
    """All tables that people cite or take into their own tools, with a dictionary of their columns."""
    input:
        **tabulated(),
    output:
        **tables_written(),
    log:
        "results/logs/write_tables.log",
    benchmark:
        "results/benchmarks/write_tables.tsv"
    params:
        channels=CHANNELS,
        poles=config["poles"],
        branches=lambda wildcards: {
            "homes": branches.homes(config),
            "choices": branches.declared(config),
        },
        columns=dictionary.digest(),
        code=code("write_tables"),
    script:
        "../../scripts/write_tables.py"
