"""The pages that people read first. The report of Snakemake shows those of single figures and the methods."""

EXPORTS = list(
    dict.fromkeys(per_branch("links", f"{EXPORTED}/datapackage.json", layer=LAYERS))
)
"""Descriptions of the networks that ``snakemake exports`` writes."""
PICTURES = pictures()
PAGES = {
    "index": "results/index.html",
    "methods": "results/methods.html",
    "gallery": "results/figures.html",
    "answers": "results/answers.json",
    "claims": "results/report/claims.html",
    "package": "results/report/datapackage.json",
} | {figure["name"]: f"results/report/{figure['name']}.html" for figure in PICTURES}
"""Files of the pages. Those of single figures are for the report, and need no other file."""
IN_REPORT = {
    figure["name"]: (figure["category"], figure["title"]) for figure in PICTURES
} | {
    "claims": ("5 Robustness", "Claims of the paper" if OF_PAPER else "Claims"),
    "methods": ("6 Provenance", "Methods of this run"),
}
"""Category and title of the pages in the report."""
READ = {
    "scores": per_branch("links", SCORES, layer=LAYERS),
    "countries": per_branch("links", "results/{variant}/countries.parquet"),
    "basis": VERDICTS["basis"],
    "claims": "results/claims.parquet",
}
"""Results whose numbers the first page gives."""
if not SHORT:
    READ |= {
        "courses": per_branch(
            "panel", "results/{variant}/alignment/{null}.courses.parquet"
        ),
        "clusters": per_branch("clusters", CLUSTERS),
        "alignment": per_branch(
            "clusters", "results/{variant}/alignment/{null}.parquet"
        ),
        "polarization": per_branch(
            "panel", "results/{variant}/polarization/{null}.trends.parquet"
        ),
        "candidates": per_branch(
            "panel", "results/{variant}/alignment/{null}.poles.parquet"
        ),
    }
CITATION = yaml.safe_load(Path(workflow.basedir, "CITATION.cff").read_text("utf-8"))


rule write_pages:
    """The first page of the results, the methods of the run, and its figures with captions and data."""
    input:
        **READ,
        page_of_claims="results/claims.html",
        figures=[path for figure in PICTURES for path in figure["versions"]],
        losses=losses_of_headline(),
        intervals=expand(INTERVALS["z"], variant=home(HEADLINE_VARIANT, "links")),
        exports=exports_made,
    output:
        **{name: in_report(name) for name in PAGES},
    log:
        "results/logs/write_pages.log",
    benchmark:
        "results/benchmarks/write_pages.tsv"
    resources:
        **MEASURED,
    params:
        run=lambda wildcards: inline(run_of_pages()),
        captions=captions.digest([figure["name"] for figure in PICTURES]),
        code=code("write_pages"),
    script:
        "../../scripts/write_pages.py"
