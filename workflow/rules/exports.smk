"""Results for other programs: tables as CSV with a Data Package, and files of networks."""

from poles.study import dictionary

EXPORTED = "results/exports/{variant}/{layer}"
SIGNIFICANT = {
    "recent": ends("significance"),
    "threshold": config["significance"]["threshold"],
}
"""What says which links are significant."""


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
    resources:
        **MEASURED,
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


rule write_explorer:
    """One page on which the links of all countries can be looked at, without a server."""
    input:
        **explored(),
    output:
        "results/explorer.html",
    log:
        "results/logs/write_explorer.log",
    benchmark:
        "results/benchmarks/write_explorer.tsv"
    resources:
        **MEASURED,
    params:
        **SIGNIFICANT,
        layers=LAYERS,
        nulls=HEADLINE_NULLS,
        branches=["/".join(branch) for branch in BRANCHES],
        variant=HEADLINE_VARIANT,
        poles=config["poles"],
        draws=config["uncertainty"]["draws"] if INTERVALS["z"] else 0,
        data=DATA,
        code=code("write_explorer"),
    script:
        "../../scripts/write_explorer.py"


rule export_networks:
    """The networks of a layer for Gephi, Pajek, VOSviewer, igraph and networkx."""
    input:
        scores=lambda wildcards: expand(SCORES, null=nulls_of(wildcards), **wildcards),
        countries="results/{variant}/countries.parquet",
    output:
        **{
            form: expand(f"{EXPORTED}/{{year}}.{form}", year=YEARS, allow_missing=True)
            for form in ("graphml", "net", "json")
        },
        dynamic=f"{EXPORTED}/all_years.gexf",
        package=f"{EXPORTED}/datapackage.json",
    log:
        "results/logs/{variant}/{layer}/export_networks.log",
    benchmark:
        "results/benchmarks/{variant}/{layer}/export_networks.tsv"
    resources:
        **MEASURED,
    params:
        nulls=nulls_of,
        code=code("export_networks"),
    script:
        "../../scripts/export_networks.py"
