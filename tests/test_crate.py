"""The results as an RO-Crate: form, by validator and reader; content, against files, records and the run."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from conftest import ROOT
from poles.errors import StudyError
from poles.study import crate, crate_check, embedding, extraction
from workflow import Project

SCHEMA = """
    ComputerLanguage ControlAction CreateAction CreativeWork Dataset HowTo HowToStep Organization
    OrganizeAction Person PropertyValue ScholarlyArticle SoftwareApplication SoftwareSourceCode about
    actionStatus additionalType affiliation agent author citation contentSize dateCreated dateModified
    datePublished description encodingFormat endTime exampleOfWork hasPart identifier instrument
    isBasedOn license mainEntity mentions name object position programmingLanguage propertyID result
    softwareRequirements softwareVersion startTime step unitCode unitText url value version workExample
"""
CONTEXT = {name: f"http://schema.org/{name}" for name in SCHEMA.split()} | {
    "File": "http://schema.org/MediaObject",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}
"""Terms of https://w3id.org/ro/crate/1.1/context (version 1.1.3) that a crate of the study may use."""
PROFILES = (
    "ro-crate-1.1",
    "process-run-crate",
    "workflow-run-crate",
    "provenance-run-crate",
    "workflow-ro-crate",
)
NEEDED = "needs the packages of envs/crate.txt, which `make test` installs"


@pytest.fixture(scope="module")
def results(tiny: Project) -> Path:
    return tiny.folder / "results"


@pytest.fixture
def folder(tiny: Project, tmp_path: Path) -> Path:
    """A copy of the results that stands alone."""
    return tiny.twin(tmp_path / "twin").folder.joinpath("results").rename(tmp_path / "moved")


@pytest.fixture(scope="module")
def entities(results: Path) -> dict[str, crate.Entity]:
    document = json.loads((results / crate.NAME).read_bytes())
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(entities) == len(document["@graph"]), "no two entities have one identifier"
    return entities


def edit(folder: Path, change: Callable[[dict[str, crate.Entity]], object]) -> None:
    """Change a crate and write it."""
    document = json.loads((folder / crate.NAME).read_bytes())
    change({entity["@id"]: entity for entity in document["@graph"]})
    (folder / crate.NAME).write_text(json.dumps(document))


CHECKS = {"REQUIRED": 91, "RECOMMENDED": 189}
"""Number of checks up to a severity, as docs/provenance.md says."""


@pytest.fixture
def validate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Failed checks of rocrate-validator, which gets the context of RO-Crate from here."""
    services = pytest.importorskip("rocrate_validator.services", reason=NEEDED)
    from rocrate_validator.utils.http import HttpRequester

    class Answer:
        status_code = 200
        headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012

        def json(self) -> dict:
            return {"@context": CONTEXT}

    def get(self, url: str, **options: object) -> Answer:
        assert url == "https://w3id.org/ro/crate/1.1/context"
        return Answer()

    def failures(folder: Path, severity: str = "REQUIRED") -> list[str]:
        settings = services.ValidationSettings(
            rocrate_uri=str(folder), profile_identifier="provenance-run-crate-0.5", offline=True,
            requirement_severity=severity, cache_path=tmp_path / "cache",
        )  # fmt: skip
        result = services.validate(settings)
        done = [check.identifier for check in result.executed_checks]
        assert len(done) == CHECKS[severity]
        assert all(any(name.startswith(profile) for name in done) for profile in PROFILES), (
            "it inherits from all"
        )
        failed = [
            f"{issue.check.severity.name} {issue.check.name}: {issue.message}"
            for issue in result.get_issues()
        ]
        assert result.passed() == (not failed)
        return failed

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    return failures


def documented() -> set[str]:
    """Recommended checks that do not pass, as docs/provenance.md lists them."""
    page = (ROOT / "docs/provenance.md").read_text(encoding="utf-8")
    section = page.split("## As a research object crate")[1].split("\n## ")[0]
    return set(re.findall(r"^\| \*(.+?)\* \|", section, re.MULTILINE))


@pytest.fixture
def whole(tiny: Project, tmp_path: Path) -> Project:
    """The tiny study with the page that describes its results, as the project has it."""
    twin = tiny.twin(tmp_path / "whole")
    shutil.copy(ROOT / "results/README.md", twin.folder / "results")
    assert twin.python("scripts/write_crate.py").returncode == 0
    return twin


def test_the_crate_passes_all_checks_but_those_that_are_documented(whole: Project, validate):
    failed = validate(whole.folder / "results", "RECOMMENDED")
    assert {failure.split(": ")[0] for failure in failed} == {
        f"RECOMMENDED {name.split(': ')[0]}" for name in documented()
    }
    assert {failure.split(": ")[-1] for failure in failed} == set(SENTENCES)


SENTENCES = {
    "The `publisher` property of a `Root Data Entity` SHOULD be an `Organization`": False,
    "The Action SHOULD have an agent that is a Person or Organization": True,
    "The Application SHOULD have a url": False,
    "The SoftwareApplication id SHOULD be an absolute URI": False,
    "The organization SHOULD have a URL.": True,
}
"""What the validator says of recommended checks, and whether a complete CITATION.cff mends it."""


@pytest.mark.slow
def test_a_complete_citation_meets_more_of_the_recommended_checks(whole: Project, validate):
    twin = whole
    cited = twin.folder / "CITATION.cff"
    assert cited.read_text().count("  - name: The authors of the study\n") == 1
    author = "  - {name: A Group, website: 'https://example.org'}\n"
    cited.write_text(
        cited.read_text().replace("  - name: The authors of the study\n", author)
        + "contact: [{family-names: Curie, given-names: Marie}]\nrepository-code: https://example.org/code\n"
    )
    assert twin.python("scripts/write_crate.py").returncode == 0
    failed = validate(twin.folder / "results", "RECOMMENDED")
    assert {failure.split(": ")[-1] for failure in failed} == {
        sentence for sentence, mended in SENTENCES.items() if not mended
    }
    graph = json.loads((twin.folder / "results" / crate.NAME).read_bytes())["@graph"]
    named = {entity["@id"] for entity in graph if "url" in entity}
    scripts = {entity["@id"] for entity in graph if "SoftwareSourceCode" in entity["@type"]}
    assert len(scripts) > 20 and scripts <= named


FAULTS = {
    "a job without a script": (lambda entities: entities["#job/make_demo"].pop("instrument"), "instrument"),
    "an unknown term": (lambda entities: entities["./"].update(sha265="0"), "sha265"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_validator_finds_faults_of_form(folder: Path, validate, fault: str):
    change, word = FAULTS[fault]
    edit(folder, change)
    assert any(word in failure for failure in validate(folder))


def test_another_library_reads_the_crate(results: Path):
    rocrate = pytest.importorskip("rocrate.rocrate", reason=NEEDED)
    read = rocrate.ROCrate(results)
    assert read.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    files = {file.id for file in read.data_entities if "File" in file["@type"]}
    assert {"claims.parquet", "code/Snakefile", "figures/full/max_entropy/archetypes.svg"} < files
    assert [author["name"] for author in [read.root_dataset["author"]]] == ["The authors of the study"]


def test_only_terms_that_the_contexts_define_are_used(entities: dict[str, crate.Entity]):
    terms = {key for entity in entities.values() for key in entity if key[0] != "@"}
    terms |= {kind for entity in entities.values() for kind in crate_check.listed(entity["@type"])}
    assert terms <= {*CONTEXT, *crate.TERMS}


def test_every_result_has_its_digest_and_the_job_that_made_it(results: Path, entities):
    digests = json.loads((results / "audit.json").read_bytes())["files"]
    run = json.loads((results / "run.json").read_bytes())
    times = {job["log"]: job for job in run["jobs"]}
    makers = {
        result["@id"]: action
        for action in entities.values()
        if action["@id"].startswith("#job/")
        for result in crate_check.listed(action["result"])
    }
    assert len(digests) > 100
    for path, digest in digests.items():
        place = quote(path.removeprefix("results/"))
        assert entities[place]["sha256"] == digest
        record, action = extraction.read(results.parent / path), makers[place]
        assert action["name"].split()[0] == record["rule"]
        assert action["instrument"] == {"@id": f"code/scripts/{record['params']['code'].split()[1]}.py"}
        job = times[record["log"].removeprefix("results/logs/")]
        assert (action["startTime"], action["endTime"]) == (job["started"], job["ended"])
        read = {file["@id"] for file in crate_check.listed(action["object"])}
        assert {quote(name.removeprefix("results/")) for name in record["inputs"]} <= read
        params = next(entities[name]["value"] for name in read if name.startswith("#params/"))
        assert json.loads(params) == record["params"]


def test_the_crate_says_who_with_what_and_on_what(results: Path, entities):
    run = json.loads((results / "run.json").read_bytes())
    root, workflow = entities["./"], entities["code/Snakefile"]
    assert entities[root["license"]["@id"]]["name"] == "MIT"
    assert entities[root["author"]["@id"]]["@type"] == "Organization"
    assert root["citation"]["@id"] == "https://arxiv.org/abs/2604.17602"
    assert entities[root["isBasedOn"]["@id"]]["description"] == "a made-up world of 8000 works, seed 3"
    software = {
        entities[package["@id"]]["name"]: package["@id"] for package in workflow["softwareRequirements"]
    }
    assert entities[software["polars"]]["url"].startswith("https://")
    assert software["polars"] == f"pkg:pypi/polars@{run['packages']['polars']}"
    assert set(software) == {"python", *run["packages"]}
    values = [entities[f"#config/{key}"]["value"] for key in run["config"]]
    assert {key: value for text in values for key, value in json.loads(text).items()} == run["config"]
    pins = entities["code/envs/requirements.txt"]
    assert pins["sha256"] == run["requirements"]
    for action in entities.values():
        for key in ("startTime", "endTime"):
            if key in action:
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", action[key])
                datetime.fromisoformat(action[key])


def test_the_code_of_the_crate_is_that_of_the_study(results: Path):
    for name in ("Snakefile", "CITATION.cff", "scripts/poles/study/crate.py", "workflow/rules/audit.smk"):
        assert (results / "code" / name).read_bytes() == (ROOT / name).read_bytes(), name
    assert not list((results / "code").rglob("__pycache__"))


def append(path: Path, text: str = " ") -> None:
    path.write_text(path.read_text() + text)


def swap_makers(entities: dict[str, crate.Entity]) -> None:
    first, second = entities["#job/select_works"], entities["#job/collect_claims"]
    first["result"], second["result"] = second["result"], first["result"]


def stated(name: str, **values: str) -> Callable[[Path], None]:
    """A change of what the crate says of a file."""
    return lambda folder: edit(folder, lambda entities: entities[name].update(values))


def forget_input(entities: dict[str, crate.Entity]) -> None:
    del entities["#job/select_works"]["object"][0]


LIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed file": (lambda folder: append(folder / "claims.md"), r"claims\.md has SHA-256 \w+, the crate"),
    "changed code": (lambda folder: append(folder / "code/Snakefile"), r"code/Snakefile has SHA-256"),
    "a lost file": (lambda folder: (folder / "run.json").unlink(), "run.json is missing, but"),
    "a new file": (lambda folder: (folder / "new.txt").touch(), "new.txt is not described in"),
    "another size": (stated("claims.md", contentSize="7"), r"claims\.md has \d+ bytes, the crate says 7"),
    "another digest": (
        stated("claims.md", sha256="0" * 64),
        r"claims\.md has SHA-256 .*, the crate says 0{16}",
    ),
    "another job": (
        lambda folder: edit(folder, swap_makers),
        r"losses\.parquet was made by rule select_works \(results/logs/select_works\.log\)",
    ),
    "another input": (
        lambda folder: edit(folder, forget_input),
        r"losses\.parquet was made from harvest/counts/0\.parquet with SHA-256 \w+, .* says None",
    ),
}
"""Changes of a folder or its crate, and what the check says."""


def test_the_check_holds_for_results_that_were_moved(folder: Path):
    assert list(crate_check.check_crate(folder)) == []


@pytest.mark.parametrize("lie", LIES)
def test_the_check_finds_what_validators_do_not(folder: Path, lie: str):
    change, sentence = LIES[lie]
    change(folder)
    found = list(crate_check.check_crate(folder))
    assert any(re.match(sentence, text) for text in found), found


def test_the_command_checks_the_crate(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    answer = twin.python("scripts/write_crate.py", "--check")
    assert (answer.returncode, answer.stdout) == (0, "the crate describes every file as it is\n"), (
        answer.stderr
    )
    (twin.folder / "results/report.html").write_text("<p>new</p>")
    answer = twin.python("scripts/write_crate.py", "--check")
    assert answer.returncode == 1
    assert answer.stderr == "report.html is not described in results/ro-crate-metadata.json\n"
    assert twin.python("scripts/write_crate.py").returncode == 0
    assert twin.python("scripts/write_crate.py", "--check").returncode == 0


def test_files_from_outside_are_named_by_their_digest():
    # RFC 6920, section 8.1: the SHA-256 of "Hello World!".
    digest = embedding.digest_of(b"Hello World!")
    assert (
        crate.input_id("../data/a.csv", digest) == "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"
    )
    assert crate.input_id("results/works/2000 a.parquet", digest) == "works/2000%20a.parquet"


def test_people_of_the_citation_are_people(tmp_path: Path):
    (tmp_path / "CITATION.cff").write_text(
        (ROOT / "CITATION.cff").read_text().replace(
            "  - name: The authors of the study\n",
            "  - {family-names: Curie, given-names: Marie, orcid: 'https://x/1', affiliation: P}\n"
            "  - {name: A Group, website: 'https://x'}\n"
            "contact: [{family-names: Doe, given-names: J.}]\n",
        )
    )  # fmt: skip
    citation = crate.read_citation(tmp_path / "CITATION.cff")
    curie = {
        "@id": "https://x/1",
        "@type": "Person",
        "name": "Marie Curie",
        "affiliation": {"@id": "#P"},
    }
    group = {"@id": "#A%20Group", "@type": "Organization", "name": "A Group", "url": "https://x"}
    assert citation["people"] == [curie, group]
    assert citation["bodies"] == [{"@id": "#P", "@type": "Organization", "name": "P"}]
    assert citation["agents"] == [{"@id": "#J.%20Doe", "@type": "Person", "name": "J. Doe"}]
    with pytest.raises(StudyError, match=r"CITATION\.cff: no such file at the root of the project"):
        crate.read_citation(tmp_path / "none" / "CITATION.cff")


def test_without_a_run_there_is_no_crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        StudyError, match=r"results/run\.json: no such file; run the study in this folder first"
    ):
        crate.write_crate(ROOT)
    with pytest.raises(StudyError, match=r"results/ro-crate-metadata\.json: no such file"):
        list(crate_check.check_crate())
