"""What the workflow makes under the present configuration: the rule, the params and the inputs of every file.

Snakemake compares params without their names, and drops a rule without a word if an input exists that no rule
makes. This compares them by name, and asks for the rule of every file below results/.
"""

import ast
import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from poles.errors import StudyError
from poles.study.digest import SCRIPTS
from poles.study.values import check_file

SNAKEFILE = SCRIPTS.parent / "Snakefile"
SHOWN = 60
"""Most characters of a value in a sentence."""


class Job(NamedTuple):
    """What the workflow gives to one job.

    Attributes
    ----------
    params : dict
        As a record would hold them, without ``code``.
    inputs, outputs : set of str
        Paths.
    """

    params: dict[str, Any]
    inputs: set[str]
    outputs: set[str]


class Plan:
    """The rules of the workflow under a configuration.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        Read, with its rules.
    """

    def __init__(self, workflow: Any):
        self._rules = {rule.name: rule for rule in workflow.rules}
        self._jobs: dict[tuple[Any, ...], Job] = {}
        self._known: dict[str, list[str]] = {}
        self.targets = [path for path in self._inputs("all") if path != "results/audit.json"]
        """Results that the configuration asks for."""
        self.on_demand = self._inputs("exports")
        """Results that a plain run does not make."""

    def _inputs(self, rule: str) -> list[str]:
        """Inputs of a rule without wildcards."""
        return [str(path) for path in self._rules[rule].expand_input({})[0]]

    def job(self, rule: str, wildcards: Mapping[str, str]) -> Job:
        """Params and inputs that a rule gives to its job with these wildcards."""
        key = (rule, *sorted(wildcards.items()))
        if key not in self._jobs:
            known, values = self._rules[rule], dict(wildcards)
            inputs, output = known.expand_input(values)[0], known.expand_output(values)[0]
            params = dict(known.expand_params(values, inputs, output, None)[0].items())
            params.pop("code", None)
            paths = ({str(path) for path in files} for files in (inputs, output))
            self._jobs[key] = Job(json.loads(json.dumps(params)), *paths)
        return self._jobs[key]

    def _job_of(self, path: str) -> Job:
        """Job that makes a file."""
        rule = self._rules[self._makers(path)[0]]
        return self.job(rule.name, rule.get_wildcards(path) or {})

    def beside(self, path: str) -> set[str]:
        """All outputs of the job that makes a file."""
        return self._job_of(path).outputs

    def _makers(self, path: str) -> list[str]:
        """Rules that make a file. To find them takes time, and an audit asks at each use of the file."""
        if path not in self._known:
            self._known[path] = [name for name, rule in self._rules.items() if rule.is_producer(path)]
        return self._known[path]

    def maker(self, path: str) -> str | None:
        """Rule that makes a file; None if none does, as for a source."""
        return next(iter(self._makers(path)), None)

    def faults(self, path: str, record: Mapping[str, Any]) -> Iterator[str]:
        """In what a file is not what the workflow makes under this configuration.

        Parameters
        ----------
        path : str
            A result.
        record : Mapping
            Provenance that it carries.

        Yields
        ------
        str
            A sentence for each difference: its rule, its params, its inputs.
        """
        from snakemake.exceptions import WorkflowError

        if "rule" not in record and "answers" in record:  # it is primary data, which no rule makes
            return
        name = record["rule"]
        if path.startswith("results/"):
            makers = self._makers(path)
            if name not in makers:
                made_by = f"rule {makers[0]}" if makers else "no rule"
                yield f"made by rule {name}; in the workflow {made_by} makes it"
                return
            of_path = dict(self._rules[name].get_wildcards(path) or {})
            if of_path != (recorded := dict(record["wildcards"])):
                yield f"made for another place: {difference(recorded, of_path)}"
                return
        if name not in self._rules:
            yield f"made by rule {name}, which the workflow does not have"
            return
        root = str(record["params"].get("code")).split()[1:2]
        if (script := Path(str(self._rules[name].script)).stem) not in root:
            yield f"made by script {' '.join(root) or 'none'}; in the workflow rule {name} runs {script}"
        try:
            job = self.job(name, record["wildcards"])
        except WorkflowError as error:
            yield f"the workflow has no job with its wildcards: {' '.join(str(error).split())}"
            return
        recorded = {key: value for key, value in record["params"].items() if key != "code"}
        if recorded != job.params:
            yield f"params differ from the configuration: {difference(recorded, job.params)}"
        if job.inputs != (inputs := set(record["inputs"])):
            where = (("was not made from", job.inputs - inputs), ("was made from", inputs - job.inputs))
            parts = [f"{verb} {_some(paths)}" for verb, paths in where if paths]
            yield f"inputs differ from those of the workflow: {', but '.join(parts)}"

    def survey(self) -> tuple[set[str], list[tuple[str, str]]]:
        """Follow the results of the study back to its sources, without looking at any file.

        Returns
        -------
        outputs : set of str
            All files that the jobs on the way make.
        unmade : list of (str, str)
            Inputs below results/ that no rule makes, each with a file that needs it.
        """
        outputs: set[str] = set()
        unmade, queue, seen = [], [(path, "the study") for path in self.targets], set(self.targets)
        while queue:
            path, user = queue.pop()
            if self.maker(path) is None:
                unmade += [(path, user)] if path.startswith("results/") else []
                continue
            job = self._job_of(path)
            outputs |= job.outputs
            queue += [(name, path) for name in job.inputs - seen]
            seen |= job.inputs
        return outputs, sorted(unmade)


def read_past_params(folder: Path = SCRIPTS) -> Iterator[str]:
    """Places at which scripts of rules read the configuration past the params of their rule.

    They may read how the source is fetched (``source``), as no result depends on it. A change of anything
    else would recompute nothing.

    Parameters
    ----------
    folder : Path
        Folder of the scripts.

    Yields
    ------
    str
        A sentence for each place.
    """
    for path in sorted(folder.glob("*.py")):
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except (SyntaxError, ValueError) as error:
            yield f"scripts/{path.name}: not valid Python ({error})"
            continue
        subscripts = (node for node in ast.walk(tree) if isinstance(node, ast.Subscript))
        allowed = {id(node.value) for node in subscripts if _key(node) == "source"}
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id="snakemake"), attr="config") if id(node) not in allowed:
                    yield f"scripts/{path.name}, line {node.lineno}: reads the configuration past the params"


def _key(node: ast.Subscript) -> Any:
    """Key of a subscript that is a literal."""
    return node.slice.value if isinstance(node.slice, ast.Constant) else None


def _some(paths: set[str]) -> str:
    """One of some paths, and how many there are."""
    return min(paths) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def difference(recorded: Any, present: Any, place: str = "") -> str:
    """Say where two values of JSON differ first.

    Parameters
    ----------
    recorded, present : object
        Unequal values.
    place : str
        Where they stand.
    """
    if isinstance(recorded, dict) and isinstance(present, dict):
        for key in [*present, *recorded]:
            if key not in recorded or key not in present or recorded[key] != present[key]:
                missing = "nothing"
                return difference(
                    recorded.get(key, missing), present.get(key, missing), f"{place}.{key}".lstrip(".")
                )
    if isinstance(recorded, list) and isinstance(present, list) and len(recorded) == len(present):
        for number, pair in enumerate(zip(recorded, present, strict=True)):
            if pair[0] != pair[1]:
                return difference(*pair, f"{place}.{number}")
    return f"{place} was {_short(recorded)} and is {_short(present)}"


def _short(value: Any) -> str:
    """Text of a value, cut if it is long."""
    words = json.dumps(value, ensure_ascii=False)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}..."


def read_plan(configfiles: Sequence[str] = (), changes: Mapping[str, Any] | None = None) -> Plan:
    """Read the workflow of the project under a configuration, as a run in this folder would.

    Parameters
    ----------
    configfiles : sequence of str
        Files on top of config/config.yaml, as for ``snakemake --configfile``.
    changes : Mapping, optional
        Values on top of these, as ``snakemake --config`` gives them.

    Returns
    -------
    Plan

    Raises
    ------
    StudyError
        If there is no workflow, the configuration does not fit it, or a file of it holds expressions.
    """
    if not SNAKEFILE.is_file():
        raise StudyError(f"{SNAKEFILE}: no such file")
    for name in configfiles:  # which results/run.json may have named, whoever wrote it
        check_file(name)
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

    output = OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)
    silence = io.StringIO()
    try:
        with contextlib.redirect_stderr(silence), SnakemakeApi(output) as api:
            settings = ConfigSettings(
                config=dict(changes or {}), configfiles=[Path(name) for name in configfiles]
            )
            return Plan(api.workflow(ResourceSettings(), settings, snakefile=SNAKEFILE)._workflow)
    except Exception as error:  # rules are code, so whatever they may raise
        kind = "" if isinstance(error, WorkflowError) else f"{type(error).__name__}: "
        raise StudyError(f"the workflow cannot be read: {kind}{' '.join(str(error).split())}") from None
