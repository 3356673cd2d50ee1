"""The release of OpenAlex's snapshot that the study reads, and the check that it stays the same."""

RELEASE = checked(sources.pin_release, SOURCE["path"], SOURCE["endpoint"])


localrules:
    check_release,


rule check_release:
    """Read the manifest again after all works are read, and refuse a release that has changed."""
    input:
        lambda wildcards: expand(
            "results/harvest/records/{shard}.parquet", shard=SHARDS
        ),
    output:
        "results/harvest/release_checked.json",
    log:
        "results/logs/check_release.log",
    benchmark:
        "results/benchmarks/check_release.tsv"
    resources:
        **MEASURED,
    params:
        release=RELEASE.digest,
        code=code("check_release"),
    script:
        "../../scripts/check_release.py"
