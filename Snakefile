"""How global AI research polarizes around the United States and China: the whole study."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config/config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/nulls.smk"
include: "workflow/rules/trajectories.smk"
include: "workflow/rules/blocs.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/exports.smk"
include: "workflow/rules/pages.smk"
include: "workflow/rules/audit.smk"


# The first page of the report describes the last run. Its template sees nothing but the configuration.
CONFIGURATION = dict(config)
config["origin"] = ORIGIN
config["last_run"] = front.last_run(run_record.first_page())
config["answers"] = front.read()
config["warnings"] = run_warnings.sentences(run_warnings.read_warnings())


rule all:
    """Everything: the claims, every figure, the tables, and the audit of all."""
    default_target: True
    input:
        results(),
        audit_of_all,


rule exports:
    """The networks of every year for Gephi, Pajek, VOSviewer and others, which a plain run does not write."""
    input:
        EXPORTS,
        PAGES["index"],  # leads to them


onstart:
    begin_run()
    poll_less()
    compile_early()


onsuccess:
    write_warnings()
    write_run()
    write_crate()
    interruptions.end()


onerror:
    say_what_failed()
    interruptions.end()
