"""From OpenAlex's REST API to files of works; what came is kept in a store that no rule owns."""

API = SOURCE["api"]
STORE = SOURCE["path"] or "harvest"
DATE_RANGES = checked(
    date_ranges.list_ranges,
    config["years"]["first"],
    config["years"]["last"],
    API["shards"],
)
# What tells one harvest from another; the rest of source.api says how to ask, and remakes nothing.
ASKED = {"url": API["url"], "field": config["field"], "types": API["types"]}
HARVESTED = [f"results/harvest/api/{dates}.jsonl.gz" for dates in DATE_RANGES]
CITED = "results/harvest/cited.parquet"
CITING = [
    f"results/harvest/api/citing_{part}.jsonl.gz"
    for part in range(API["citing_shards"] if API["citing"] else 0)
]


wildcard_constraints:
    dates=r"\d{4}(-\d{2}|-q[1-4])?",
    part=r"\d+",


rule harvest_shard:
    """Works of the field published in a range of dates: from the store, and what it lacks from OpenAlex."""
    output:
        "results/harvest/api/{dates}.jsonl.gz",
    log:
        "results/logs/harvest_shard/{dates}.log",
    benchmark:
        "results/benchmarks/harvest_shard/{dates}.tsv"
    resources:
        openalex=1,
    params:
        asked=ASKED,
        store=STORE,
        code=code("harvest_shard"),
    script:
        "../../scripts/harvest_shard.py"


rule list_cited:
    """Works of the field that are cited at all, in the order in which their citing works are asked for."""
    input:
        HARVESTED,
    output:
        CITED,
    log:
        "results/logs/list_cited.log",
    params:
        code=code("list_cited"),
    script:
        "../../scripts/list_cited.py"


rule harvest_citing:
    """Works outside the field that cite a part of it: from the store, and what it lacks from OpenAlex."""
    input:
        CITED,
    output:
        "results/harvest/api/citing_{part}.jsonl.gz",
    log:
        "results/logs/harvest_citing/{part}.log",
    benchmark:
        "results/benchmarks/harvest_citing/{part}.tsv"
    resources:
        openalex=1,
    params:
        asked=ASKED | {"years": config["years"]},
        store=STORE,
        parts=API["citing_shards"],
        code=code("harvest_citing"),
    script:
        "../../scripts/harvest_citing.py"


rule estimate_harvest:
    """Say what the harvest will cost, and what there is to spend today; a target without output."""
    log:
        "results/logs/estimate_harvest.log",
    resources:
        openalex=1,
    params:
        asked=ASKED | {"years": config["years"]},
        store=STORE,
        date_ranges=DATE_RANGES,
        cited=CITED if API["citing"] else None,
        code=code("estimate_harvest"),
    script:
        "../../scripts/estimate_harvest.py"


rule check_collaboration:
    """Compare the collaboration of a year, under full counting, with OpenAlex's own count of it."""
    input:
        "results/{variant}/collaboration/links/{year}.parquet",
    output:
        "results/{variant}/collaboration/check/{year}.parquet",
    log:
        "results/logs/{variant}/check_collaboration/{year}.log",
    resources:
        openalex=1,
    params:
        asked=ASKED,
        selection=config["selection"],
        store=STORE,
        code=code("check_collaboration"),
    script:
        "../../scripts/check_collaboration.py"
