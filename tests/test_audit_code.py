"""What has changed in the code since a result was made: with a history, with an older one, and without."""

import json
import os
import subprocess

from workflow import Project

SCORES = "results/full/collaboration/scores/max_entropy.parquet"
MODULE = "scripts/poles/stats/false_discovery.py"
AUTHOR = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
COMMITTER = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}


def git(project: Project, *arguments: str) -> str:
    command = ["git", "-C", project.folder, *arguments]
    environment = {**os.environ, **AUTHOR, **COMMITTER}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def commit(project: Project) -> str:
    """Commit the scripts of a project."""
    git(project, "add", "scripts")
    git(project, "commit", "--quiet", "--message", "m", "--allow-empty")
    return git(project, "rev-parse", "HEAD")


def made_by(project: Project, name: str | None) -> None:
    """Say in the record of the run which commit it ran."""
    path = project.folder / "results/run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"commit": name}))


def code(project: Project, *arguments: str) -> str:
    answer = project.python("scripts/audit.py", "--code", SCORES, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def change(project: Project, path: str, line: str = "ADDED = 1") -> None:
    file = project.folder / path
    file.write_text(f"{file.read_text()}\n{line}\n")


def test_code_that_has_not_changed(twin: Project):
    change(twin, MODULE, "# A comment.")
    assert code(twin) == f"the code behind {SCORES} and its chain is that of today\n"


def test_a_changed_module_is_shown_with_its_difference(twin: Project):
    git(twin, "init", "--quiet")
    first = commit(twin)
    made_by(twin, first)
    change(twin, MODULE)
    change(twin, "scripts/poles/stats/dyadic.py")  # the scores do not use it
    change(twin, "scripts/poles/errors.py", "# Other words.")
    commit(twin)
    traced = json.loads(code(twin, "--json"))
    assert traced["origin"] == f"commit {first}"
    assert traced["modules"] == {"changed": ["poles/stats/false_discovery.py"], "added": [], "removed": []}
    assert [one["rule"] for one in traced["rules"]] == ["score_links"]
    shown = code(twin)
    assert f"changed: {MODULE}" in shown and "\n+ADDED = 1" in shown and "dyadic" not in shown


def test_the_history_is_searched_where_the_run_names_another_commit(twin: Project):
    git(twin, "init", "--quiet")
    made = commit(twin)
    change(twin, MODULE, "FIRST = 1")
    made_by(twin, commit(twin))
    change(twin, MODULE, "SECOND = 2")
    shown = code(twin)
    assert f"the code then: commit {made}\n" in shown
    assert "+FIRST = 1" in shown and "+SECOND = 2" in shown, "changes that are not committed count too"
    # A module that is new, and one that is gone.
    module = twin.folder / MODULE
    module.write_text(f"from poles.stats import added\n{module.read_text()}")
    (twin.folder / "scripts/poles/stats/added.py").write_text("NEW = 1\n")
    assert json.loads(code(twin, "--json"))["modules"]["added"] == ["poles/stats/added.py"]


def test_without_a_history_the_modules_are_named(twin: Project):
    made_by(twin, None)
    change(twin, MODULE)
    traced = json.loads(code(twin, "--json"))
    assert traced["origin"].startswith("results/audit.json") and traced["diff"] is None
    assert traced["modules"]["changed"] == ["poles/stats/false_discovery.py"]
    (twin.folder / "results/audit.json").unlink()
    assert "no commit here has that code, and results/audit.json does not name its modules" in code(twin)
