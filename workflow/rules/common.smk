"""The parts that rules share: the checked configuration, years, layers, branches, digests of code."""

import functools
import json
import os
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, f"{workflow.basedir}/scripts")
# Snakemake puts this path into shell commands without quotes, so blanks and quotes in it would end the path.
sys.executable = shlex.quote(sys.executable)

from poles.study import branches, crate, digest, interruptions, jobs, kernels, resources
from poles.study import run_record, run_warnings, values, windows
from poles.study import config as configuration
from poles.report import captions, front
from poles.wording import enumerated
from poles.corpus import archived, sources
from poles.corpus.api import date_ranges
from poles.corpus.demo import layout
from poles.errors import StudyError
from poles.layers import LAYERS as ALL_LAYERS
from poles.layers import channels_of


def checked(function, *arguments):
    """Result of a function that runs when the workflow is read. Bad input ends with one line."""
    try:
        return function(*arguments)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


os.environ[jobs.PROCESS_OF_RUN] = str(os.getpid())


def code(*roots):
    """Digest of a script and the modules that it imports, and the names of the roots for the audit."""
    return f"{digest.code_digest(*roots)} {' '.join(roots)}"


def years_of(networks):
    """First and last year that all edge lists have."""
    from poles.networks.edge_lists import common_years  # this takes a moment

    return common_years(networks)


for name in workflow.config_settings.configfiles:
    checked(values.check_file, name)
checked(configuration.complete, config, Path(workflow.basedir), years_of)
SOURCE = config["source"]
YEARS = list(range(config["years"]["first"], config["years"]["last"] + 1))
LAYERS = [
    layer
    for layer in ALL_LAYERS
    if SOURCE["kind"] != "networks" or SOURCE["networks"][layer]
]
CHANNELS = channels_of(LAYERS, config["trajectories"]["citation"])
BRANCHES = branches.branches(config)
NEEDS = checked(resources.read_needs, Path(workflow.basedir))
FIELD = branches.field_to_read(config)
"""Field of the works that are read; it holds those of all variants."""
ARCHIVED = None
"""What an archived harvest is, if the study reads one."""
if SOURCE["kind"] == "archive":
    ARCHIVED = checked(archived.read_index, SOURCE["path"], FIELD)
    FIELD = ARCHIVED["field"]
ORIGIN = ARCHIVED["source"]["kind"] if ARCHIVED else SOURCE["kind"]
"""Kind of the source that the works, or networks, come from in the end."""


def home(variant, stage):
    """Variant under whose name the files of a stage stand for this variant."""
    return branches.sharing(config, variant, stage)


def shared(stage, pattern, **values):
    """Input function: files of an earlier stage, under the variant that shares them."""
    return lambda wildcards: expand(
        pattern,
        **{**dict(wildcards.items()), "variant": home(wildcards.variant, stage)},
        **values,
    )


INTERVALS_OF = "results/{variant}/uncertainty/{table}.parquet"
INTERVAL_TABLES = ["z", "indices", "recent", "poles"]
INTERVALS = {
    table: (
        [INTERVALS_OF.replace("{table}", table)]
        if SOURCE["kind"] != "networks" and config["uncertainty"]["draws"]
        else []
    )
    for table in INTERVAL_TABLES
}
"""Intervals of z and of plain indices; no files without draws, or without works."""


def per_branch(stage, pattern, **values):
    """Files of a stage for every branch, in order. A file that branches share is repeated."""
    return [
        path
        for variant, null in BRANCHES
        for path in expand(pattern, variant=home(variant, stage), null=null, **values)
    ]


def threads_of_branch(wildcards):
    """Threads of a long job of a branch. With branches enough for all cores, each job has one.

    Such a job leaves no core idle while it imports libraries, nor while it waits for a second core.
    """
    cores = workflow.resource_settings.cores or 1
    return 1 if len(BRANCHES) >= cores else 2


def size_of_job(wildcards, input, rulename):
    """Size of a job, as poles.study.resources.Need explains; None if its input is not there yet."""
    if rulename == "make_demo":
        return config["demo"]["works"] / 1000
    if rulename in ("find_core", "read_works") and RELEASED:
        return sum(SIZES[PLACES[name]] for name in SHARDS[int(wildcards.shard)]) / 1e6
    return resources.megabytes(input)


def memory(wildcards, input, attempt, rulename):
    """Memory that a job asks for, in MB."""
    size = size_of_job(wildcards, input, rulename)
    return resources.memory(resources.need_of(rulename, NEEDS), size, attempt)


def minutes(wildcards, input, attempt, rulename):
    """Time that a job asks for."""
    size = size_of_job(wildcards, input, rulename)
    return resources.minutes(resources.need_of(rulename, NEEDS), size, attempt)


MEASURED = {"mem_mb": memory, "runtime": minutes}
"""Resources of every rule. A cluster needs them; on one machine they count if a limit is set for them."""


def ends(period):
    """First and last year of a period of the configuration."""
    return [config[period]["first"], config[period]["last"]]


HEADLINE_VARIANT = BRANCHES[0][0]
HEADLINE_NULLS = [null for variant, null in BRANCHES if variant == HEADLINE_VARIANT]
SHORT = bool(windows.too_short(*ends("trajectories")))
"""Whether the years are too few for trajectories. The study then ends with the links and the claims on them."""


FIGURES = {
    "links": {
        "strong_links": ("2 Null models", "Links above expectation"),
        "map_links": ("2 Null models", "Links above expectation on the map"),
        "trajectories": ("3 Trajectories", "Chosen pairs"),
        "partners": ("3 Trajectories", "Largest countries with the poles"),
        "diagnostics": ("2 Null models", "Fit of the null model"),
    },
    "panel": {
        "sides": ("4 Poles", "Countries that change sides"),
        "poles": ("4 Poles", "Every country as a pole"),
        "polarization": ("4 Poles", "Polarization"),
        "hubs": ("4 Poles", "Hubs within regions"),
    },
    "clusters": {
        "archetypes": ("3 Trajectories", "Archetypes"),
        "matrix": ("3 Trajectories", "Archetype of every pair"),
        "selection": ("5 Robustness", "Number of clusters"),
        "alignment": ("4 Poles", "Countries against the poles"),
        "map_alignment": ("4 Poles", "Countries against the poles on the map"),
    },
}
"""Figures of a branch, by the stage of the data that they show: their category and title in the report."""
if SOURCE["kind"] == "demo":
    FIGURES["clusters"]["recovery"] = ("5 Robustness", "Recovery of planted archetypes")
STUDY_FIGURES = {
    "world": ("1 Data", "Growth of the world and its networks"),
    "specification": ("5 Robustness", "Claims in all branches"),
}
"""Figures of the study as a whole: their category and title in the report."""
FIRST_LINK_FIGURES = {
    "nulls": ("2 Null models", "The poles under each null model"),
    "indices": ("3 Trajectories", "The poles by plain indices"),
}
"""Figures of the first two poles in a variant: their category and title in the report."""
LOSSES = {"losses": ("1 Data", "Selection of works")}
"""The figure of the works."""


def drawn(folder, name):
    """Files of a figure."""
    return [f"{folder}/{name}.png", f"{folder}/{name}.svg"]


def figures(stage):
    """Outputs of the rule that plots the figures of a stage of the data, by name of the figure."""
    folder = "results/figures/{variant}/{null}"
    return {name: drawn(folder, name) for name in FIGURES[stage]}


def pictures():
    """Figures of the study for its pages: name, category, title, and PNG files with the branches that share them."""
    figures = [
        picture(name, *place, lambda variant, null: f"{home(variant, stage)}/{null}")
        for stage in (["links"] if SHORT else FIGURES)
        for name, place in FIGURES[stage].items()
    ]
    if len(config["poles"]) > 1:
        figures += [
            picture(name, *place, lambda variant, _: home(variant, "links"))
            for name, place in FIRST_LINK_FIGURES.items()
        ]
    if SOURCE["kind"] != "networks":
        figures += [
            picture(name, *place, lambda variant, _: folder_of_losses(variant))
            for name, place in LOSSES.items()
        ]
    figures += [
        picture(name, *place, lambda variant, null: ".")
        for name, place in STUDY_FIGURES.items()
    ]
    return sorted(figures, key=lambda figure: figure["category"])


def picture(name, category, title, folder_of):
    """A figure of all branches; a function of variant and null model gives the folder of its files."""
    sharing = {}
    for variant, null in BRANCHES:
        path = Path("results/figures", folder_of(variant, null), f"{name}.png")
        sharing.setdefault(path.as_posix(), []).append((variant, null))
    versions = {path: label_of(pairs) for path, pairs in sharing.items()}
    return {"name": name, "category": category, "title": title, "versions": versions}


def label_of(pairs):
    """Name of the branches that share a figure: variants, and the null model if it is one."""
    variants = list(dict.fromkeys(variant for variant, _ in pairs))
    nulls = list(dict.fromkeys(null for _, null in pairs))
    if len(pairs) == len(BRANCHES) and len(pairs) > 1:
        return "all branches"
    return (
        f"{enumerated(variants)}, {nulls[0] if len(nulls) == 1 else 'all null models'}"
    )


def losses_of_headline():
    """Works left at each step of the selection in the leading variant; none if networks are those of the user."""
    folder = branches.folder_of_works(config, HEADLINE_VARIANT)
    return [] if SOURCE["kind"] == "networks" else f"{folder}/losses.parquet"


def folder_of_losses(variant):
    """Folder of the figure of the works of a variant, below that of all figures."""
    folder = branches.folder_of_works(config, variant)
    return folder.replace("results", ".", 1)


def said_of_source():
    """Where the data come from, for the foot of every figure."""
    if ORIGIN == "networks":
        return f"edge lists {', '.join(Path(path).name[-30:] for path in files_of_source())}"
    texts = {
        "demo": f"{config['demo']['works']:,} made-up works of the demo",
        "works": "works in the format of OpenAlex",
        "api": "OpenAlex, by its API",
        "snapshot": "OpenAlex, by its snapshot",
    }
    return texts[ORIGIN]


def clustering(wildcards):
    """Number of clusters of a branch, and the share of the runs in which a core pair keeps its archetype."""
    clusters = branches.clusters(config, wildcards.variant)
    return {"k": clusters["k"], "core": config["stability"]["core"]}


def compared_years():
    """First years of the trajectories, and the recent years: as many of each."""
    first, last = ends("significance")
    begin = config["trajectories"]["first"]
    return {"before": [begin, begin + last - first], "recent": [first, last]}


def nulls_of(wildcards):
    """Null models that are fitted to the links of a variant."""
    nulls = [
        null
        for variant, null in BRANCHES
        if home(variant, "links") == wildcards.variant
    ]
    return list(dict.fromkeys(nulls))


def chosen_intervals(wildcards):
    """Null models, recent years and poles that intervals are measured for."""
    return {
        "nulls": nulls_of(wildcards),
        "recent": ends("significance"),
        "poles": config["poles"],
    }


def by_null(wildcards):
    """Pairs of layer and null model, one for each fit of a variant."""
    return [(layer, null) for layer in LAYERS for null in nulls_of(wildcards)]


def scores_by_null(wildcards):
    """Scores of every fit of a variant."""
    return [
        f"results/{wildcards.variant}/{layer}/scores/{null}.parquet"
        for layer, null in by_null(wildcards)
    ]


def core_of_panel(wildcards):
    """Years of the trajectories, and what a country needs to be in their panel."""
    return core_of(wildcards.variant)


def core_of(variant):
    """Years of the trajectories, and what a country needs to be in the panel of a variant."""
    options = branches.trajectories(config, variant)
    return {key: options[key] for key in ("first", "last")} | {
        key: options["panel"][key] for key in ("min_strength", "min_expected")
    }


def preprocessing(wildcards):
    """Preprocessing of the trajectories of a branch."""
    return branches.trajectories(config, wildcards.variant)["preprocessing"]


def trend_options(wildcards):
    """Recent years, and preprocessing of the trajectories of a branch."""
    return {
        "recent": ends("significance"),
        "preprocessing": preprocessing(wildcards),
    }


def growth(wildcards):
    """Whether the change of z with the growth of countries is kept or removed in a branch."""
    return branches.trajectories(config, wildcards.variant)["growth"]


def null_sampling(wildcards):
    """Options of the panels that are sampled from the null model of a branch, and of its fits to them."""
    refit_options = config["stability"]["null_options"].get(wildcards.null, {})
    return {
        "options": config["nulls"].get(wildcards.null, {}) | refit_options,
        "panels": config["stability"]["surrogate_panels"],
        "seed": config["clusters"]["seed"],
        "growth": growth(wildcards),
    }


def null_panels(wildcards):
    """Panels of networks sampled from the null model, if they are among the surrogates."""
    if "network_null" not in config["stability"]["surrogates"]:
        return []
    return shared("panel", NULL_PANELS)(wildcards)


def stability_design(wildcards):
    """Options of the clustering of a branch and of the study of its stability."""
    clusters = branches.clusters(config, wildcards.variant)
    options = {**config["stability"], "preprocessing": preprocessing(wildcards)}
    del options["null_options"]  # see null_sampling
    return clusters | options


def years_of_job(wildcards):
    """Files of the years that a job of a null model fits."""
    return [f"{year}.parquet" for year in YEARS_OF_JOB[wildcards.job]]


def within_reading(field):
    """A field within the one that is read; None if it is the same."""
    return None if field == FIELD else field


def counted(wildcards):
    """Field and selection of a variant."""
    return branches.choices(config, wildcards.variant)["works"]


def works(wildcards):
    """Works of every year that a variant counts; none if the networks are those of the user."""
    return works_of(wildcards.variant)


def works_of(variant):
    """The same for a variant that no wildcard names."""
    if SOURCE["kind"] == "networks":
        return []
    folder = branches.folder_of_works(config, variant)
    return expand("{folder}/works/{year}.parquet", folder=folder, year=YEARS)


def shard_inputs(wildcards):
    """Files of a shard. Those of a release are no inputs, see RELEASED."""
    return [] if RELEASED else SHARDS[int(wildcards.shard)]


def shard_counts(wildcards):
    """Number of records that each file of a shard must hold, or None."""
    return [EXPECTED.get(file) for file in SHARDS[int(wildcards.shard)]]


def edge_list_options():
    """Years of the study, those that its edge lists must have, and countries that are merged."""
    first, last = zip(ends("trajectories"), ends("significance"))
    needed = [min(first), max(last)]
    return config["years"] | {"needed": needed, "merge": config["selection"]["merge"]}


def study_of(wildcards):
    """What the claims need to know of the study and of a branch."""
    return {
        "layers": LAYERS,
        "poles": config["poles"],
        "period": ends("trajectories"),
        "significance": config["significance"],
        # Variants with equal links share verdicts on them, so the plainest one says who is in the panel.
        "core": core_of(home(wildcards.variant, "links")),
    }


def released():
    """The release and where it was read, for results/run.json."""
    place = {key: SOURCE[key] for key in ("kind", "path", "endpoint")}
    return {**place, **RELEASE.summary}


def harvested():
    """Dates and costs of the harvest from the API, for results/run.json."""
    from poles.corpus.api.history import history  # this takes a second

    return history(STORE, SCOPE, DATE_RANGES, config["years"], API["citing"])


def source_of_run():
    """Facts about the source that no result holds, for results/run.json."""
    if SOURCE["kind"] == "snapshot":
        return released()
    if SOURCE["kind"] == "api":
        return harvested()
    if ARCHIVED:
        place = {key: SOURCE[key] for key in ("kind", "path", "sha256")}
        return {**place, "harvest": ARCHIVED["source"]}
    demo = {key: config["demo"][key] for key in ("works", "seed")}
    return {"kind": SOURCE["kind"], **(demo if SOURCE["kind"] == "demo" else {})}


def files_of_source():
    """Files of the user from which the study reads works or networks."""
    if SOURCE["kind"] == "networks":
        return [SOURCE["networks"][layer] for layer in LAYERS]
    return FILES if SOURCE["kind"] == "works" else []


def stages():
    """Stage of each rule, which is the file of workflow/rules/ in which the rule stands."""
    return {rule.name: Path(rule.snakefile).stem for rule in workflow.rules}


def given():
    """Configuration that the command of this run names, for the audit."""
    settings = workflow.config_settings
    return {
        "configfiles": [os.path.relpath(path) for path in settings.configfiles],
        "config": dict(settings.config),
    }


def audit_of_all(wildcards):
    """The audit of all results. It is made again after a run that was cut off.

    All jobs of that run may be done, but not what follows them. Without a job nothing would follow.
    """
    path = "results/audit.json"
    planning = workflow.dag_settings is not None and workflow.is_main_process
    if planning and interruptions.was_cut_off():
        workflow.dag.forcefiles.add(path)
    return path


def begin_run():
    """Begin a run, unless another one is at work in the folder; remove what killed runs left."""
    for path in checked(interruptions.begin):
        print(f"{path}: removed; a killed run left it unfinished", file=sys.stderr)


def say_what_failed():
    """Say of each job that failed why, and which command mends it and goes on."""
    jobs_of = lambda job: getattr(job, "jobs", [job])  # one, or those of a group
    failed = [
        interruptions.Job(part.rule.name, next(iter(part.log), None), list(part.input))
        for job in workflow.scheduler.failed
        for part in jobs_of(job)
    ]
    made = {path for job in workflow.dag.jobs for path in job.output}
    targets = sorted(workflow.dag_settings.targets)
    command = functools.partial(run_record.command, *targets, given=given())
    print(interruptions.account(failed, made, command), file=sys.stderr)


def poll_less():
    """Let Snakemake look for jobs to start when one has ended, and at no other time.

    The limit of jobs started a second, on by default, has every look followed by a further one a second later. So
    one more is added for good with every job that ends, and after 150 jobs there are 150 looks a second, each of which
    asks for the sizes of the inputs of all waiting jobs. On one machine the number of cores is limit enough.
    """
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def compile_early():
    """Have the loops that jobs of this run need compiled while the first of them run."""
    rules = {job.rule.name for job in workflow.dag.needrun_jobs()}
    if workflow.local_exec:
        kernels.start(rules)


def write_warnings():
    """Write results/warnings.json at the end of a run."""
    paths = [*results(), "results/audit.json", *EXPORTS]
    checked(run_warnings.write_warnings, paths)


def write_run():
    """Write results/run.json at the end of a run."""
    run_record.write_run(
        Path(workflow.basedir),
        CONFIGURATION,
        source_of_run(),
        files_of_source(),
        stages(),
        given(),
    )


DIAGNOSTICS = "results/{variant}/{layer}/nulls/{null}.diagnostics.parquet"


def tabulated():
    """Results that each exported table holds."""
    found = {
        "countries": per_branch("links", "results/{variant}/countries.parquet"),
        "links": per_branch("links", SCORES, layer=LAYERS),
        "diagnostics": per_branch("links", DIAGNOSTICS, layer=LAYERS),
        "indices": per_branch("links", "results/{variant}/indices.parquet"),
        "claims": ["results/claims.parquet"],
        "robustness": ["results/robustness.parquet"],
    }
    if SOURCE["kind"] != "networks":
        found["losses"] = [losses_of_headline()]
    if not SHORT:
        found |= {
            "trajectories": per_branch("trajectories", TRAJECTORIES),
            "archetypes": per_branch("clusters", CLUSTERS),
        } | {
            table: per_branch(stage, f"results/{{variant}}/{files}.parquet")
            for table, (stage, files) in TABULATED.items()
        }
        if SOURCE["kind"] == "demo":
            found["recovery"] = per_branch("clusters", RECOVERY)
    return {table: list(dict.fromkeys(paths)) for table, paths in found.items()}


TABULATED = {
    "stability": ("clusters", "clusters/{null}.stability"),
    "pair_trends": ("clusters", "clusters/{null}.trends"),
    "alignment": ("clusters", "alignment/{null}"),
    "trends": ("panel", "alignment/{null}.trends"),
    "courses": ("panel", "alignment/{null}.courses"),
    "polarization": ("panel", "polarization/{null}"),
    "polarization_trends": ("panel", "polarization/{null}.trends"),
    "candidates": ("panel", "alignment/{null}.poles"),
    "hubs": ("panel", "hubs/{null}"),
    "selection": ("clusters", "clusters/{null}.selection"),
}
"""Further results that are exported: their stage, and their files within a variant."""


def tables_written():
    """Files of the exported tables and of their description, by name."""
    large = ("links", "indices", "trajectories")
    names = ["branches", "country_names", *tabulated()]
    return {
        name: f"results/tables/{name}.csv{'.gz' if name in large else ''}"
        for name in names
        if name != "stability"
    } | {
        "package": "results/tables/datapackage.json",
        "dictionary": "results/tables/dictionary.md",
    }


def explored():
    """Results that the explorer shows: the links of the first variant, and archetypes of every branch."""
    variant = home(HEADLINE_VARIANT, "links")
    folder = f"results/{variant}"
    found = {
        "scores": expand(
            f"{folder}/{{layer}}/scores/{{null}}.parquet",
            layer=LAYERS,
            null=HEADLINE_NULLS,
        ),
        "countries": f"{folder}/countries.parquet",
        "indices": f"{folder}/indices.parquet",
        "intervals": expand(INTERVALS["z"], variant=variant),
        "claims": "results/claims.parquet",
    }
    if not SHORT:
        found |= {
            "clusters": per_branch("clusters", CLUSTERS),
            "stability": per_branch(
                "clusters", "results/{variant}/clusters/{null}.stability.parquet"
            ),
            "alignment": per_branch(
                "clusters", "results/{variant}/alignment/{null}.parquet"
            ),
        }
    return found


def inline(value):
    """A value as text in which no markup begins, as the report of Snakemake shows params as they are."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def exports_made(wildcards):
    """Descriptions of the exported networks, if this run writes them or an earlier one did."""
    settings = workflow.dag_settings  # None where nothing is run, as in an audit
    asked = settings is not None and "exports" in settings.targets
    return EXPORTS if asked or all(Path(path).is_file() for path in EXPORTS) else []


def in_report(name):
    """A page, as the report lists it."""
    if name not in IN_REPORT:
        return PAGES[name]
    category, title = IN_REPORT[name]
    place = {"category": category, "labels": {"page": title}}
    return report(PAGES[name], caption="../report/page.rst", **place)


def run_of_pages():
    """What the pages say about the run."""
    release = {
        "snapshot": lambda: run_record.describe_source(released()),
        "archive": lambda: run_record.describe_source(ARCHIVED["source"]),
    }
    return {
        "config": CONFIGURATION,
        "layers": LAYERS,
        "branches": [", ".join(branch) for branch in BRANCHES],
        "source": release.get(SOURCE["kind"], str)(),
        "data": DATA,
        "figures": PICTURES,
        "tables": tables_written(),
        "claims": len(CLAIMS),
        "citation": CITATION,
    }


def write_crate():
    """Describe the results as a crate at the end of a run, if there are any: estimate_harvest makes none."""
    if any(Path("results").rglob("*.parquet")):
        checked(crate.write_crate, Path(workflow.basedir))


def results():
    """Paths of all results of the study, except for the audit."""
    figures = [path for figure in PICTURES for path in figure["versions"]]
    paths = [
        *per_branch(
            "links",
            "results/{variant}/{table}.parquet",
            table=["named_countries", "indices"],
        ),
        *expand("results/claims.{format}", format=["md", "html", "parquet"]),
        *tables_written().values(),
        "results/explorer.html",
        *PAGES.values(),
        *figures,
        *(str(Path(path).with_suffix(".svg")) for path in figures),
    ]
    paths += [
        path
        for patterns in INTERVALS.values()
        for path in per_branch("links", patterns)
    ]
    if not SHORT:
        paths += [
            "results/verification.parquet",
            *per_branch(
                "trajectories",
                "results/{variant}/trajectories/{null}.excluded.parquet",
            ),
            *per_branch(
                "clusters",
                "results/{variant}/clusters/{null}.{table}.parquet",
                table=["centroids", "agreement"],
            ),
        ]
    return list(dict.fromkeys(paths))


wildcard_constraints:
    year=r"\d{4}",
    shard=r"\d+",
    job=r"\d+",
    layer="collaboration|citation",
    variant="[a-z][a-z0-9_]*",
    null="[a-z][a-z0-9_]*",
