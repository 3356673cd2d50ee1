"""Yearly links between countries, from works or from edge lists of the user."""

from poles.networks import edge_files

if SOURCE["kind"] == "networks":
    for name in LAYERS:
        checked(edge_files.recognise, SOURCE["networks"][name], name)

    rule read_networks:
        """Links of every year from the edge lists of the user, and the table of countries."""
        input:
            [SOURCE["networks"][layer] for layer in LAYERS],
        output:
            links=expand(
                "results/{{variant}}/{layer}/links/{year}.parquet",
                layer=LAYERS,
                year=YEARS,
            ),
            countries="results/{variant}/countries.parquet",
        log:
            "results/logs/{variant}/read_networks.log",
        benchmark:
            "results/benchmarks/{variant}/read_networks.tsv"
        resources:
            **MEASURED,
        params:
            layers=LAYERS,
            options=edge_list_options(),
            code=code("read_networks"),
        script:
            "../../scripts/read_networks.py"

else:

    rule build_networks:
        """Links of every year from the works, and the table of countries."""
        input:
            works,
        output:
            links=expand(
                "results/{{variant}}/{layer}/links/{year}.parquet",
                layer=LAYERS,
                year=YEARS,
            ),
            countries="results/{variant}/countries.parquet",
        log:
            "results/logs/{variant}/build_networks.log",
        benchmark:
            "results/benchmarks/{variant}/build_networks.tsv"
        resources:
            **MEASURED,
        params:
            choices=lambda wildcards: branches.choices(config, wildcards.variant)[
                "links"
            ],
            code=code("build_networks"),
        script:
            "../../scripts/build_networks.py"


localrules:
    check_countries,


rule check_countries:
    """Whether the countries that the study names have links; it runs before anything that takes long."""
    input:
        "results/{variant}/countries.parquet",
    output:
        "results/{variant}/named_countries.parquet",
    log:
        "results/logs/{variant}/check_countries.log",
    benchmark:
        "results/benchmarks/{variant}/check_countries.tsv"
    priority: 1
    resources:
        **MEASURED,
    params:
        named=lambda wildcards: {
            "poles": config["poles"],
            "figures.pairs": sorted(set().union(*config["figures"]["pairs"] or [])),
            "hubs.regions": sorted(set().union(*config["hubs"]["regions"].values())),
            "claims": checking.countries_of(CLAIMS),
        },
        code=code("check_countries"),
    script:
        "../../scripts/check_countries.py"


LINKS_OF = {
    layer: expand(
        "results/{{variant}}/{layer}/links/{year}.parquet", layer=layer, year=YEARS
    )
    for layer in LAYERS
}


rule measure_indices:
    """Plain indices of every pair of countries, which other studies report in place of z."""
    input:
        **LINKS_OF,
        countries="results/{variant}/countries.parquet",
        works=works,
    output:
        "results/{variant}/indices.parquet",
    log:
        "results/logs/{variant}/measure_indices.log",
    benchmark:
        "results/benchmarks/{variant}/measure_indices.tsv"
    resources:
        **MEASURED,
    params:
        layers=LAYERS,
        choices=lambda wildcards: branches.choices(config, wildcards.variant)["links"],
        code=code("measure_indices"),
    script:
        "../../scripts/measure_indices.py"
