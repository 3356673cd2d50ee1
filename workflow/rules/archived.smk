"""The records of an archived harvest, in place of the rules that read a source."""

SHARDS = dict.fromkeys(range(ARCHIVED["shards"]), [])


ruleorder: unpack_harvest > find_core
ruleorder: unpack_harvest > read_works


rule unpack_harvest:
    """Take the records of an archived harvest, after checking its SHA-256."""
    input:
        SOURCE["path"],
    output:
        records=expand("results/harvest/records/{shard}.parquet", shard=SHARDS),
        counts=expand("results/harvest/counts/{shard}.parquet", shard=SHARDS),
    log:
        "results/logs/unpack_harvest.log",
    benchmark:
        "results/benchmarks/unpack_harvest.tsv"
    resources:
        **MEASURED,
    params:
        sha256=SOURCE["sha256"],
        field=FIELD,
        code=code("unpack_harvest"),
    script:
        "../../scripts/unpack_harvest.py"
