"""From a source to the works of every year."""

if SOURCE["kind"] == "api":

    include: "harvest.smk"

elif SOURCE["kind"] == "snapshot":

    include: "snapshot.smk"


if SOURCE["kind"] == "demo":
    PARTS = layout.parts(config["demo"]["works"], config["demo"]["layout"])
    FILES = [f"results/demo/{part}" for part in PARTS]
    SIZES = [records for _, records in layout.shares(config["demo"]["works"])]
    MANIFESTS = [
        f"results/demo/{manifest}"
        for manifest in layout.manifests(config["demo"]["layout"])
    ]

    rule make_demo:
        """Plant a world, and write it as an OpenAlex snapshot beside the table of its truth."""
        output:
            parts=FILES,
            manifests=MANIFESTS,
            truth="results/demo/truth.parquet",
        log:
            "results/logs/make_demo.log",
        benchmark:
            "results/benchmarks/make_demo.tsv"
        resources:
            **MEASURED,
        params:
            demo=config["demo"],
            years=config["years"],
            code=code("make_demo"),
        script:
            "../../scripts/make_demo.py"

elif SOURCE["kind"] == "api":
    FILES = HARVESTED + CITING
    SIZES = [1] * len(FILES)  # unknown before the harvest
elif SOURCE["kind"] == "snapshot":
    FILES = [part.name for part in RELEASE.parts]
    SIZES = [part.size for part in RELEASE.parts]
elif SOURCE["kind"] in ("networks", "archive"):
    FILES, SIZES = [], []
else:
    FILES = checked(sources.works_files, SOURCE["path"])
    SIZES = None  # by default the bytes on disk

# Number of records in each file, if the source states it.
EXPECTED = dict(zip(FILES, SIZES)) if SOURCE["kind"] == "demo" else {}
if SOURCE["kind"] == "snapshot":
    EXPECTED = {part.name: part.records for part in RELEASE.parts}
# The digest of a release takes the place of its files as inputs, because they may be on another machine.
RELEASED = RELEASE.digest if SOURCE["kind"] == "snapshot" else None
SHARDS = dict(enumerate(sources.shards(FILES, SOURCE["shards"], SIZES)))
PLACES = {name: place for place, name in enumerate(FILES)}

if ARCHIVED:

    include: "archived.smk"


rule find_core:
    """First pass over the source: find the works of the field, and count the records."""
    input:
        shard_inputs,
    output:
        ids="results/harvest/core/{shard}.parquet",
        counts="results/harvest/counts/{shard}.parquet",
    log:
        "results/logs/find_core/{shard}.log",
    benchmark:
        "results/benchmarks/find_core/{shard}.tsv"
    resources:
        **MEASURED,
    params:
        release=RELEASED,
        files=lambda wildcards: SHARDS[int(wildcards.shard)],
        expected=shard_counts,
        field=FIELD,
        code=code("find_core"),
    script:
        "../../scripts/find_core.py"


rule read_works:
    """Second pass: read the records of the works of the field, and of the works that cite them."""
    input:
        files=shard_inputs,
        core=expand("results/harvest/core/{shard}.parquet", shard=SHARDS),
    output:
        "results/harvest/records/{shard}.parquet",
    log:
        "results/logs/read_works/{shard}.log",
    benchmark:
        "results/benchmarks/read_works/{shard}.tsv"
    resources:
        **MEASURED,
    params:
        release=RELEASED,
        files=lambda wildcards: SHARDS[int(wildcards.shard)],
        expected=shard_counts,
        field=FIELD,
        places=lambda wildcards: [PLACES[name] for name in SHARDS[int(wildcards.shard)]],
        code=code("read_works"),
    script:
        "../../scripts/read_works.py"


rule select_works:
    """Select the works that count, in one table a year, and count the losses of every step."""
    input:
        records=expand("results/harvest/records/{shard}.parquet", shard=SHARDS),
        counts=expand("results/harvest/counts/{shard}.parquet", shard=SHARDS),
        release=["results/harvest/release_checked.json"] if RELEASED else [],
    output:
        works=expand("results/works/{year}.parquet", year=YEARS),
        losses="results/losses.parquet",
    log:
        "results/logs/select_works.log",
    benchmark:
        "results/benchmarks/select_works.tsv"
    resources:
        **MEASURED,
    params:
        years=config["years"],
        selection=config["selection"],
        field=within_reading(config["field"]),
        code=code("select_works"),
    script:
        "../../scripts/select_works.py"


use rule select_works as select_works_of_variant with:
    output:
        works=expand("results/{{variant}}/works/{year}.parquet", year=YEARS),
        losses="results/{variant}/losses.parquet",
    log:
        "results/logs/{variant}/select_works.log",
    benchmark:
        "results/benchmarks/{variant}/select_works.tsv"
    params:
        years=config["years"],
        selection=lambda wildcards: counted(wildcards)["selection"],
        field=lambda wildcards: within_reading(counted(wildcards)["field"]),
        code=code("select_works"),
