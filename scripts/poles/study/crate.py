"""The results as a research object crate: who made which file, from what, with what software, and when.

The crate follows RO-Crate 1.1 and the profiles Process, Workflow and Provenance Run Crate 0.5
(https://www.researchobject.org/workflow-run-crate/), the latest that rocrate-validator 0.13 knows. Its root
is the folder of the results, so it can be deposited as it is. `poles.study.crate_check` compares it with the
files.
"""

import base64
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml

from poles.errors import StudyError
from poles.study import embedding, extraction, run_record

Entity = dict[str, Any]

NAME = "ro-crate-metadata.json"
RESULTS = Path("results")
CODE = "code"
"""Folder of the results with a copy of what made them, as a crate may only name files below its root."""
COPIED = (
    "CITATION.cff",
    "LICENSE",
    "Makefile",
    "Snakefile",
    "config",
    "envs",
    "profiles",
    "scripts",
    "workflow",
)
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*", "*.pyc")
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = {name: f"https://w3id.org/ro/terms/workflow-run#{name}" for name in ("resourceUsage", "sha256")}
"""Terms that the context of RO-Crate 1.1 does not have."""
BIOSCHEMAS = "https://bioschemas.org/profiles"
FORMATS = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".gz": "application/gzip",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".html": "text/html",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".yaml": "application/yaml",
    ".tsv": "text/tab-separated-values",
    ".csv": "text/csv",
}
"""Media types by the ending of the name; other files are plain text."""
LICENSES = {
    "MIT": "https://spdx.org/licenses/MIT",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
}


ADDRESSES = (
    "homepage", "home page", "home", "source", "source code", "repository", "code", "github", "documentation",
)  # fmt: skip
"""Labels of the addresses that packages state, the one that is taken first."""


class _File(NamedTuple):
    """A file below the folder of the results: its place there, and the provenance that it carries."""

    path: str
    entity: Entity
    record: Mapping[str, Any] | None


def write_crate(root: Path) -> None:
    """Copy the code of the study into the results, and describe every file of theirs.

    Works in the folder in which the study worked, after a run.

    Parameters
    ----------
    root : Path
        Root of the project.

    Raises
    ------
    StudyError
        If there is no record of a run, or a file of the project that the crate needs is missing.
    """
    run = run_record.read_run()
    if not run:
        raise StudyError(f"{run_record.RUN}: no such file; run the study in this folder first")
    copy_code(root, RESULTS / CODE)
    document = {
        "@context": [f"{CRATE}/context", TERMS],
        "@graph": list(_graph(run, list(_files(RESULTS)))),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    embedding.replace_file(RESULTS / NAME, f"{text}\n".encode())


def copy_code(root: Path, target: Path) -> None:
    """Copy the code, the configurations and the pins of the project.

    Parameters
    ----------
    root : Path
        Root of the project.
    target : Path
        Folder of the copy. What stands there is replaced.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=NOT_COPIED)
        elif source.is_file():
            shutil.copy(source, target / name)


def paths(folder: Path) -> Iterator[str]:
    """Files below the root of a crate, sorted, without the crate's own and unfinished ones."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and place.as_posix() != NAME and not any(p.startswith(".") for p in place.parts):
            yield place.as_posix()


def carries_record(place: str) -> bool:
    """Whether a file is a result of a job, and not a record of the run or a copy of the code."""
    return not place.startswith((f"{CODE}/", "logs/", "benchmarks/"))


def _files(folder: Path) -> Iterator[_File]:
    """Describe every file below the root of a crate."""
    for place in paths(folder):
        path = folder / place
        entity = {
            "@id": quote(place),
            "@type": "File",
            "name": place,
            "encodingFormat": FORMATS.get(path.suffix, "text/plain"),
            "contentSize": str(path.stat().st_size),
            "sha256": embedding.file_digest(path),
        } | ({"about": {"@id": "./"}} if place == "README.md" else {})
        yield _File(place, entity, extraction.read(path) if carries_record(place) else None)


def _refer(*identifiers: str) -> Entity | list[Entity]:
    """References to entities; a single one is no list, as RO-Crate recommends."""
    references = [{"@id": identifier} for identifier in identifiers]
    return references[0] if len(references) == 1 else references


def job_id(record: Mapping[str, Any]) -> str:
    """Identifier of the job that made a file. Every job has a log of its own."""
    return f"#job/{quote(str(record['log']).removeprefix('results/logs/').removesuffix('.log'))}"


def tool_id(record: Mapping[str, Any]) -> str:
    """Identifier of the script that made a file: the first root of the digest of its code."""
    _, *roots = str(record["params"].get("code")).split()
    return f"{CODE}/scripts/{roots[0] if roots else 'none'}.py"


def input_id(path: str, digest: str) -> str:
    """Identifier of an input: its place in the crate; of a file from outside, its digest (RFC 6920)."""
    if path.startswith("results/"):
        return quote(path.removeprefix("results/"))
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip('=')}"


def _graph(run: Mapping[str, Any], files: list[_File]) -> Iterator[Entity]:
    """All entities of a crate."""
    citation = read_citation(RESULTS / CODE / "CITATION.cff")
    jobs: dict[str, list[_File]] = {}
    for file in files:
        if file.record and "log" in file.record:
            jobs.setdefault(job_id(file.record), []).append(file)
    if not jobs:
        raise StudyError(f"{RESULTS}: no result of a job; run the study in this folder first")
    outside = _outside(jobs)
    times = {f"#job/{quote(job['log'].removesuffix('.log'))}": job for job in run["jobs"]}
    rules = {made[0].record["rule"]: tool_id(made[0].record) for made in jobs.values() if made[0].record}
    tools = set(rules.values())
    yield from _descriptor()
    yield _root(run, citation, jobs, [file.entity["@id"] for file in files] + list(outside))
    named = [*citation["people"], *citation["agents"], *citation["bodies"]]
    yield from {entity["@id"]: entity for entity in reversed(named)}.values()  # the first has most to say
    yield from (citation["paper"], *_licenses(citation), _source(run["source"]))
    yield _main_workflow(run, files, rules, citation)
    yield from _software(run)
    yield from _configuration(run["config"])
    for place, (rule, tool) in enumerate(rules.items(), 1):
        step = {"@id": f"#step/{rule}", "@type": "HowToStep", "name": rule, "position": str(place)}
        yield {**step, "workExample": {"@id": tool}}
    agents = [entity["@id"] for entity in citation["agents"]]
    for action in _actions(run, jobs, times):
        is_run = action["@type"] in ("CreateAction", "OrganizeAction")
        yield action | ({"agent": _refer(*agents)} if agents and is_run else {})
    yield from outside.values()
    for file in files:
        if file.path == f"{CODE}/Snakefile":
            continue  # the main workflow
        script = {"@type": ["File", "SoftwareSourceCode"], "version": _version(run, citation)}
        script |= citation["address"]
        yield file.entity | (script if file.path in tools else {})


def _version(run: Mapping[str, Any], citation: Mapping[str, Any]) -> str:
    """Version of the code: the commit, or the release where there is no repository."""
    return run["commit"] or citation["version"]


def _descriptor() -> Iterator[Entity]:
    yield {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": _refer(CRATE, "https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
        "about": {"@id": "./"},
    }
    for identifier, (name, version) in PROFILES.items():
        yield {"@id": identifier, "@type": "CreativeWork", "name": name, "version": version}


def _root(
    run: Mapping[str, Any], citation: Mapping[str, Any], jobs: Iterable[str], parts: list[str]
) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": citation["title"],
        "description": f"Results of a run of the study. Source: {run_record.describe_source(run['source'])}. "
        f"Branches: {', '.join(run['branches'])}.",
        "datePublished": run["finished"][:10],
        "license": {"@id": citation["license"]},
        "author": _refer(*(person["@id"] for person in citation["people"])),
        "conformsTo": _refer(*PROFILES),
        "citation": {"@id": citation["paper"]["@id"]},
        "isBasedOn": {"@id": "#source"},
        "mainEntity": {"@id": f"{CODE}/Snakefile"},
        "mentions": _refer("#run", "#engine-run", *jobs),
        "hasPart": _refer(*parts),
    }


def _body(name: str) -> Entity:
    return {"@id": f"#{quote(name)}", "@type": "Organization", "name": name}


def _person(entry: Mapping[str, str]) -> Entity:
    """A person or a body of CITATION.cff."""
    url = {"url": entry["website"]} if "website" in entry else {}
    if "name" in entry:
        return _body(entry["name"]) | url
    name = " ".join(entry[key] for key in ("given-names", "name-particle", "family-names") if key in entry)
    person = {"@id": entry.get("orcid", f"#{quote(name)}"), "@type": "Person", "name": name}
    place = {"affiliation": _refer(_body(entry["affiliation"])["@id"])} if "affiliation" in entry else {}
    return {**person, **place, **url}


def read_citation(path: Path) -> dict[str, Any]:
    """Title, version, licence, people and paper of CITATION.cff; who runs the study (its ``contact``)."""
    if not path.is_file():
        raise StudyError(f"{path.name}: no such file at the root of the project; it says who made the study")
    cited = yaml.safe_load(path.read_text(encoding="utf-8"))
    if cited["license"] not in LICENSES:
        raise StudyError(f"{path.name}: license {cited['license']!r}; allowed: {', '.join(LICENSES)}")
    people, contacts = cited["authors"], cited.get("contact", [])
    paper = cited["references"][0]
    number = paper["identifiers"][0]["value"].removeprefix("arXiv:")
    return {
        "title": cited["title"],
        "version": cited["version"],
        "license": LICENSES[cited["license"]],
        "address": {"url": cited["repository-code"]} if "repository-code" in cited else {},
        "people": [_person(entry) for entry in people],
        "agents": [_person(entry) for entry in contacts],
        "bodies": [_body(one["affiliation"]) for one in (*people, *contacts) if "affiliation" in one],
        "paper": {
            "@id": f"https://arxiv.org/abs/{number}",
            "@type": "ScholarlyArticle",
            "name": paper["title"],
            "datePublished": str(paper["year"]),
            "author": ", ".join(_person(entry)["name"] for entry in paper["authors"]),
        },
    }


def _licenses(citation: Mapping[str, Any]) -> list[Entity]:
    names = {address: name for name, address in LICENSES.items()}
    return [
        {"@id": address, "@type": "CreativeWork", "name": names[address], "identifier": names[address]}
        for address in dict.fromkeys([citation["license"], LICENSES["CC0-1.0"]])
    ]


def _source(source: Mapping[str, Any]) -> Entity:
    """The works or networks that the study read, with the release or the dates of the harvest."""
    entity: Entity = {
        "@id": "#source",
        "@type": "CreativeWork",
        "name": f"Source of the study ({source['kind']})",
        "description": run_record.describe_source(source),
    }
    source = source.get("harvest", source)  # what an archived harvest was read from
    if source["kind"] in ("snapshot", "api"):
        release = {"version": source.get("date"), "identifier": source.get("digest")}
        field = source.get("field", {})
        dates = {"dateCreated": field.get("first"), "dateModified": field.get("last")}
        known = {key: value for key, value in (release | dates).items() if value}
        entity |= {"url": "https://openalex.org", **known}
        entity["license"] = {"@id": LICENSES["CC0-1.0"]}
    return entity


def _main_workflow(
    run: Mapping[str, Any], files: list[_File], rules: Mapping[str, str], citation: Mapping[str, Any]
) -> Entity:
    """The workflow: its steps, its tools, its parameters and the software that it needs."""
    snakefile = next((file.entity for file in files if file.path == f"{CODE}/Snakefile"), None)
    if snakefile is None:
        raise StudyError(f"{RESULTS / CODE}: no Snakefile; the project is not complete")
    return snakefile | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": citation["title"],
        "version": _version(run, citation),
        **citation["address"],
        "conformsTo": _refer(f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"),
        "license": {"@id": citation["license"]},
        "author": _refer(*(person["@id"] for person in citation["people"])),
        "programmingLanguage": {"@id": "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"},
        "softwareRequirements": _refer(*_versions(run)),
        "input": _refer(*(f"#parameter/{key}" for key in run["config"])),
        "hasPart": _refer(*sorted(set(rules.values()))),
        "step": _refer(*(f"#step/{rule}" for rule in rules)),
    }


def _software(run: Mapping[str, Any]) -> Iterator[Entity]:
    """The language of the workflow, its engine, and every package with its version."""
    yield {
        "@id": "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "identifier": {"@id": "https://snakemake.github.io"},
        "url": {"@id": "https://snakemake.github.io"},
        "version": run["packages"]["snakemake"],
    }
    known = {item.name.lower(): address for item in metadata.distributions() if (address := _address(item))}
    known |= {"python": "https://www.python.org"}
    for identifier, (name, version) in _versions(run).items():
        yield {
            "@id": identifier, "@type": "SoftwareApplication", "name": name, "softwareVersion": version,
            **({"url": known[name]} if name in known else {}),
        }  # fmt: skip


def _address(package: metadata.Distribution) -> str | None:
    """Address of a package, as it states it itself; the plainest one."""
    stated = [line.partition(",") for line in package.metadata.get_all("Project-URL") or []]
    links = {label.strip().lower().replace("-", " "): link.strip() for label, _, link in stated}
    if "Home-page" in package.metadata:
        links.setdefault("home page", package.metadata["Home-page"])
    return next((links[label] for label in ADDRESSES if label in links), None)


def _engine(run: Mapping[str, Any]) -> str:
    """Identifier of Snakemake."""
    return f"pkg:pypi/snakemake@{run['packages']['snakemake']}"


def _versions(run: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name and version of Python and of every package, by package URL."""
    packages = {f"pkg:pypi/{name}@{version}": (name, version) for name, version in run["packages"].items()}
    return {f"pkg:generic/python@{run['python']}": ("python", run["python"]), **packages}


def _configuration(config: Mapping[str, Any]) -> Iterator[Entity]:
    """Every section of the configuration: a parameter of the workflow, and its value in this run."""
    for key, value in config.items():
        parameter, example = f"#parameter/{key}", f"#config/{key}"
        yield {
            "@id": parameter, "@type": "FormalParameter", "name": key, "additionalType": "Text",
            "workExample": {"@id": example},
            "conformsTo": _refer(f"{BIOSCHEMAS}/FormalParameter/1.0-RELEASE"),
        }  # fmt: skip
        yield {
            "@id": example, "@type": "PropertyValue", "name": key, "value": embedding.canonical({key: value}),
            "exampleOfWork": {"@id": parameter},
        }  # fmt: skip


def _outside(jobs: Mapping[str, list[_File]]) -> dict[str, Entity]:
    """Files from outside the results that jobs read, by their digests."""
    entities = {}
    for made in jobs.values():
        for path, digest in (made[0].record or {})["inputs"].items():
            if not path.startswith("results/"):
                identifier = input_id(path, digest)
                file = {"@id": identifier, "@type": "File", "name": Path(path).name, "sha256": digest}
                entities[identifier] = file
    return entities


def _actions(
    run: Mapping[str, Any], jobs: Mapping[str, list[_File]], times: Mapping[str, Mapping[str, Any]]
) -> Iterator[Entity]:
    """The run, every job of it, and the steps that the jobs belong to."""
    by_rule: dict[str, list[str]] = {}
    for identifier, made in jobs.items():
        record: Mapping[str, Any] = made[0].record or {}
        by_rule.setdefault(record["rule"], []).append(identifier)
        yield from _job(identifier, record, made, times.get(identifier))
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Run of the study",
        "description": f"On {run['platform']}, Python {run['python']}.",
        "startTime": run["started"],
        "endTime": run["finished"],
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "instrument": {"@id": f"{CODE}/Snakefile"},
        "object": _refer("#source", *(f"#config/{key}" for key in run["config"])),
        "result": _refer(*(file.entity["@id"] for made in jobs.values() for file in made)),
    }
    for rule, identifiers in by_rule.items():
        yield {
            "@id": f"#control/{rule}", "@type": "ControlAction", "name": f"Orchestration of {rule}",
            "instrument": {"@id": f"#step/{rule}"}, "object": _refer(*identifiers),
        }  # fmt: skip
    yield {
        "@id": "#engine-run",
        "@type": "OrganizeAction",
        "name": "Orchestration of all jobs",
        "startTime": run["started"],
        "endTime": run["finished"],
        "instrument": {"@id": _engine(run)},
        "object": _refer(*(f"#control/{rule}" for rule in by_rule)),
        "result": {"@id": "#run"},
    }


def _job(
    identifier: str, record: Mapping[str, Any], made: list[_File], times: Mapping[str, Any] | None
) -> Iterator[Entity]:
    """One job: the script that it ran, when, its parameters, and the files that it read and made."""
    name = " ".join([record["rule"], *(f"{key}={value}" for key, value in record["wildcards"].items())])
    params = f"#params/{identifier.removeprefix('#job/')}"
    inputs = [input_id(path, digest) for path, digest in record["inputs"].items()]
    action = {
        "@id": identifier,
        "@type": "CreateAction",
        "name": name,
        "description": f"Code: {record['params']['code']}. Log: {record['log']}.",
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "instrument": {"@id": tool_id(record)},
        "object": _refer(*inputs, params),
        "result": _refer(*(file.entity["@id"] for file in made)),
    }
    yield {
        "@id": params, "@type": "PropertyValue", "name": f"Parameters of {name}",
        "value": embedding.canonical(record["params"]),
    }  # fmt: skip
    if times is None:
        yield action
        return
    usage = f"#cpu/{identifier.removeprefix('#job/')}"
    yield {
        "@id": usage, "@type": "PropertyValue", "name": "CPU time", "propertyID": "#cpu-time",
        "value": str(times["cpu"]), "unitCode": "SEC", "unitText": "seconds",
    }  # fmt: skip
    yield {
        **action,
        "startTime": times["started"],
        "endTime": times["ended"],
        "resourceUsage": {"@id": usage},
    }
