"""What is read from source files, against small modules and against Python's own view of the project."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from conftest import ROOT
from poles.corpus.demo.world import Plan
from poles.errors import StudyError
from poles.study import signatures


@pytest.fixture
def project(tmp_path: Path):
    """Write modules of null models, by name, to a project of their own, and return its root."""
    (tmp_path / signatures.NULLS).mkdir(parents=True)

    def write(**sources: str) -> Path:
        for name, source in sources.items():
            (tmp_path / signatures.NULLS / f"{name}.py").write_text(source)
        return tmp_path

    return write


def test_null_models_of_the_project_are_those_that_python_sees():
    modules = {
        path.stem: import_module(f"poles.nulls.{path.stem}")
        for path in (ROOT / signatures.NULLS).glob("[a-z]*.py")
    }
    fits = {name: inspect.signature(module.fit) for name, module in modules.items() if hasattr(module, "fit")}
    models = signatures.null_models(ROOT)
    assert set(models) == set(fits)
    for name, model in models.items():
        assert list(model.options) == list(fits[name].parameters)[1:]
        assert model.whole_weights_only == getattr(modules[name], "WHOLE_WEIGHTS_ONLY", False)
        assert model.yearly_jobs == getattr(modules[name], "YEARLY_JOBS", False)
        for option, declared in model.options.items():
            assert declared.required == (fits[name].parameters[option].default is inspect.Parameter.empty)


def test_a_module_is_a_null_model_if_its_fit_takes_a_network_first(project):
    root = project(
        plain="def fit(network): ...",
        typed="def fit(network: Network, /, *, x: int = 1) -> Moments: ...",
        other="def fit(weights): ...",
        helper="def fit_network(network): ...",
        nested="class Model:\n    def fit(network): ...",
        Capital="def fit(network): ...",
        __init__='"""Nothing."""',
    )
    assert list(signatures.null_models(root)) == ["plain", "typed"]


def test_constants_and_options_are_read_without_importing(project):
    source = """
raise RuntimeError("imported")
WHOLE_WEIGHTS_ONLY: bool = True
YEARLY_JOBS = True
def fit(network, first, second=2, *, third, fourth=4): ...
"""
    model = signatures.null_models(project(sampler=source))["sampler"]
    assert model.whole_weights_only and model.yearly_jobs
    required = {name: option.required for name, option in model.options.items()}
    assert required == {"first": True, "second": False, "third": True, "fourth": False}


def test_a_file_that_is_not_python_is_named_with_its_line(project):
    with pytest.raises(StudyError, match=r"broken\.py, line 2: not valid Python"):
        signatures.null_models(project(broken="x = 1\ndef fit(network:"))


@pytest.mark.parametrize(
    ("annotation", "value", "converted"),
    [
        ("int", "4", 4),
        ("int", "1e3", 1000),
        ("int", 2.0, 2),
        ("int", str(2**63 + 1), 2**63 + 1),
        ("float", "1e3", 1000.0),
        ("float", 3, 3.0),
        ("str", "NA", "NA"),
        ("bool", "true", True),
        ("bool", False, False),
        ("float | None", "null", None),
        ("str | None", "null", None),
        ("float | None", "2", 2.0),
        ("Sequence[float]", ["0", 1], [0.0, 1.0]),
        ("list[int]", [], []),
        ("Literal['a', 'b']", "b", "b"),
        ("np.ndarray", "[1, 2]", [1, 2]),
        ("Annotated[int, Ge(1)]", "1e0", 1),
        ("Annotated[int | None, 'a note', annotated_types.Ge(-1)]", "-1", -1),
        ("Annotated[float, Gt(0), Le(1)] | None", "null", None),
        ("Sequence[Annotated[float, Lt(2)]]", [1.5], [1.5]),
        ("Annotated[list[int], MinLen(1), MaxLen(2)]", ["1", 2], [1, 2]),
    ],
)
def test_values_are_converted_to_the_declared_type(project, annotation, value, converted):
    root = project(model=f"def fit(network, *, x: {annotation}): ...")
    read = signatures.null_models(root)["model"].options["x"].read(value)
    assert read == converted and type(read) is type(converted)


@pytest.mark.parametrize(
    ("annotation", "value", "allowed"),
    [
        ("int", "many", "integer"),
        ("int", 2.5, "integer"),
        ("int", True, "integer"),
        ("int", float("inf"), "integer"),
        ("float", None, "number"),
        ("float", False, "number"),
        ("str", 5, "string"),
        ("bool", 1, "boolean"),
        ("float | None", "none", "number or null"),
        ("Sequence[float]", 1.0, "list, each entry number"),
        ("Sequence[float]", [1, "x"], "list, each entry number"),
        ("Literal['a', 'b']", "c", "a, b"),
        ("int", 10**400, "integer"),
        ("bool", "a: b: c", "boolean"),
        ("np.ndarray", "a: b: c", "any value"),
        ("Annotated[int, Ge(1)]", 0, "integer, at least 1"),
        ("Annotated[float, Gt(0), Le(1)]", 0, "number, above 0, at most 1"),
        ("Annotated[float, Gt(0), Le(1)] | None", 2, "number, above 0, at most 1 or null"),
        ("Sequence[Annotated[float, Lt(2)]]", [1, 2], "list, each entry number, below 2"),
        ("Annotated[Sequence[float], MinLen(1)]", [], "list, each entry number, at least 1 entries"),
        ("Annotated[list[int], MaxLen(1)]", [1, 2], "list, each entry integer, at most 1 entries"),
        ("Annotated[int, MinLen(1)]", 1, "integer, at least 1 entries"),
    ],
)
def test_values_of_another_type_or_beyond_a_limit_are_refused(project, annotation, value, allowed):
    option = signatures.null_models(project(model=f"def fit(network, *, x: {annotation}): ..."))["model"]
    with pytest.raises(ValueError):
        option.options["x"].read(value)
    assert str(option.options["x"]) == allowed


@pytest.mark.parametrize("limit", ["Ge(LEAST)", "Gt('x')", "Le(2 ** 3)"])
def test_a_limit_that_is_no_number_is_refused_with_its_line(project, limit):
    root = project(model=f"\ndef fit(network, *, x: Annotated[int, {limit}] = 9): ...")
    with pytest.raises(
        StudyError, match=r"model\.py, line 2: a limit is no number; allowed: a number such as"
    ):
        signatures.null_models(root)


def test_knobs_of_the_demo_world_are_the_attributes_of_its_plan():
    assert signatures.world_knobs(ROOT) == list(inspect.signature(Plan).parameters)


def test_a_null_model_cannot_have_the_name_of_claims_about_several(project):
    root = project(all="def fit(network): ...")
    with pytest.raises(StudyError, match=r"null model all: claims about several models have this name"):
        signatures.null_models(root)
