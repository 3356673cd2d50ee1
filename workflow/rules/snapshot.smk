"""A release of OpenAlex's snapshot, in a folder or at an S3 address, and that it stays one release."""

RELEASE = checked(sources.pin_release, SOURCE["path"], SOURCE["endpoint"])


rule check_release:
    """Read the manifest again when all works are read; refuse a release that has changed meanwhile."""
    input:
        lambda wildcards: expand(
            "results/harvest/records/{shard}.parquet", shard=SHARDS
        ),
    output:
        "results/harvest/release_checked.json",
    log:
        "results/logs/check_release.log",
    params:
        release=RELEASE.digest,
        code=code("check_release"),
    script:
        "../../scripts/check_release.py"
