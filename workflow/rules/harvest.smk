"""From OpenAlex's REST API to files of works; all answers are kept in a store that no rule owns."""

API = SOURCE["api"]
STORE = SOURCE["path"] or "harvest"
DATE_RANGES = checked(
    date_ranges.list_ranges,
    config["years"]["first"],
    config["years"]["last"],
    API["shards"],
)
# These settings identify a harvest. The rest of source.api says how requests are sent, so a change of it
# recomputes nothing.
SCOPE = {"url": API["url"], "field": FIELD, "types": API["types"]}
HARVESTED = [f"results/harvest/api/{dates}.jsonl.gz" for dates in DATE_RANGES]
CITED = "results/harvest/cited.parquet"
CITING = [
    f"results/harvest/api/citing_{part}.jsonl.gz"
    for part in range(API["citing_shards"] if API["citing"] else 0)
]


wildcard_constraints:
    dates=r"\d{4}(-\d{2}|-q[1-4])?",
    part=r"\d+",


# They wait for OpenAlex, and nodes of a cluster often see no network.
localrules:
    harvest_shard,
    list_cited,
    harvest_citing,
    estimate_harvest,
    check_collaboration,


rule harvest_shard:
    """Fetch the works of the field published in a range of dates that the store lacks, and list them all."""
    output:
        "results/harvest/api/{dates}.jsonl.gz",
    log:
        "results/logs/harvest_shard/{dates}.log",
    benchmark:
        "results/benchmarks/harvest_shard/{dates}.tsv"
    resources:
        **MEASURED,
        openalex=1,
    params:
        scope=SCOPE,
        store=STORE,
        code=code("harvest_shard"),
    script:
        "../../scripts/harvest_shard.py"


rule list_cited:
    """List the works of the field that are cited at least once, in the order of the batches."""
    input:
        HARVESTED,
    output:
        CITED,
    log:
        "results/logs/list_cited.log",
    benchmark:
        "results/benchmarks/list_cited.tsv"
    resources:
        **MEASURED,
    params:
        code=code("list_cited"),
    script:
        "../../scripts/list_cited.py"


rule harvest_citing:
    """Fetch the works outside the field that cite a part of it and that the store lacks, and list them all."""
    input:
        CITED,
    output:
        "results/harvest/api/citing_{part}.jsonl.gz",
    log:
        "results/logs/harvest_citing/{part}.log",
    benchmark:
        "results/benchmarks/harvest_citing/{part}.tsv"
    resources:
        **MEASURED,
        openalex=1,
    params:
        scope=SCOPE | {"years": config["years"]},
        store=STORE,
        parts=API["citing_shards"],
        code=code("harvest_citing"),
    script:
        "../../scripts/harvest_citing.py"


rule estimate_harvest:
    """Say what the harvest will cost, and how many credits are left today; a target without output."""
    log:
        "results/logs/estimate_harvest.log",
    resources:
        **MEASURED,
        openalex=1,
    params:
        scope=SCOPE | {"years": config["years"]},
        store=STORE,
        date_ranges=DATE_RANGES,
        cited=CITED if API["citing"] else None,
        fields=branches.fields_to_read(config),
        code=code("estimate_harvest"),
    script:
        "../../scripts/estimate_harvest.py"


rule check_collaboration:
    """Compare the collaboration of a year, under full counting, with the counts of OpenAlex itself."""
    input:
        "results/{variant}/collaboration/links/{year}.parquet",
    output:
        "results/{variant}/collaboration/check/{year}.parquet",
    log:
        "results/logs/{variant}/check_collaboration/{year}.log",
    benchmark:
        "results/benchmarks/{variant}/check_collaboration/{year}.tsv"
    resources:
        **MEASURED,
        openalex=1,
    params:
        scope=lambda wildcards: SCOPE | {"field": counted(wildcards)["field"]},
        selection=lambda wildcards: counted(wildcards)["selection"],
        store=STORE,
        code=code("check_collaboration"),
    script:
        "../../scripts/check_collaboration.py"
