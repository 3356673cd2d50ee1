"""The audit: is every result what the present code makes of the present source?"""


rule audit_results:
    """Re-hash every link of every chain; keep the digests of all results."""
    input:
        results(),
    output:
        "results/audit.json",
    log:
        "results/logs/audit_results.log",
    benchmark:
        "results/benchmarks/audit_results.tsv"
    resources:
        **MEASURED,
    params:
        code=code("audit_results"),
    script:
        "../../scripts/audit_results.py"
