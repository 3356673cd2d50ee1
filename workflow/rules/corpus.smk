"""From a source to the works of every year."""

if SOURCE["kind"] == "demo":
    PLACES = layout.parts(config["demo"]["works"], config["demo"]["layout"])
    FILES = [f"results/demo/{place}" for place in PLACES]
    SIZES = [records for _, records in layout.shares(config["demo"]["works"])]
    MANIFESTS = [
        f"results/demo/{place}" for place in layout.manifests(config["demo"]["layout"])
    ]

    rule make_demo:
        """Plant a world and write it as an OpenAlex snapshot, with its truth beside it."""
        output:
            parts=FILES,
            manifests=MANIFESTS,
            truth="results/demo/truth.parquet",
        log:
            "results/logs/make_demo.log",
        benchmark:
            "results/benchmarks/make_demo.tsv"
        params:
            demo=config["demo"],
            years=config["years"],
            code=code("make_demo"),
        script:
            "../../scripts/make_demo.py"

elif SOURCE["kind"] == "networks":
    FILES, SIZES = [], []
else:
    FILES = checked(sources.source_files, SOURCE["kind"], SOURCE["path"])
    SIZES = None  # as they are on disk

# How many records a file must hold, where the source says so.
EXPECTED = dict(zip(FILES, SIZES or []))
if SOURCE["kind"] == "snapshot":
    EXPECTED = checked(sources.record_counts, SOURCE["kind"], SOURCE["path"])
SHARDS = dict(enumerate(sources.shards(FILES, SOURCE["shards"], SIZES)))


rule find_core:
    """First pass over the source: which works are in the field, and how many were read."""
    input:
        lambda wildcards: SHARDS[int(wildcards.shard)],
    output:
        ids="results/harvest/core/{shard}.parquet",
        counts="results/harvest/counts/{shard}.parquet",
    log:
        "results/logs/find_core/{shard}.log",
    benchmark:
        "results/benchmarks/find_core/{shard}.tsv"
    params:
        field=config["field"],
        expected=lambda wildcards: {
            path: EXPECTED[path]
            for path in SHARDS[int(wildcards.shard)]
            if path in EXPECTED
        },
        code=code("find_core"),
    script:
        "../../scripts/find_core.py"


rule read_works:
    """Second pass: the records of the field's works, and of the works that cite them."""
    input:
        files=lambda wildcards: SHARDS[int(wildcards.shard)],
        core=expand("results/harvest/core/{shard}.parquet", shard=SHARDS),
    output:
        "results/harvest/records/{shard}.parquet",
    log:
        "results/logs/read_works/{shard}.log",
    benchmark:
        "results/benchmarks/read_works/{shard}.tsv"
    params:
        field=config["field"],
        places=lambda wildcards: [FILES.index(f) for f in SHARDS[int(wildcards.shard)]],
        code=code("read_works"),
    script:
        "../../scripts/read_works.py"


rule select_works:
    """The works that count, one table a year, and what every step of the selection lost."""
    input:
        records=expand("results/harvest/records/{shard}.parquet", shard=SHARDS),
        counts=expand("results/harvest/counts/{shard}.parquet", shard=SHARDS),
    output:
        works=expand("results/works/{year}.parquet", year=YEARS),
        losses="results/losses.parquet",
    log:
        "results/logs/select_works.log",
    benchmark:
        "results/benchmarks/select_works.tsv"
    params:
        years=config["years"],
        selection=config["selection"],
        code=code("select_works"),
    script:
        "../../scripts/select_works.py"
