"""The documentation: links lead somewhere, and the files and commands that it names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
MOST_LINES = 130
"""Lines that the README may have."""

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
PROJECT_PATH = re.compile(r"(?:scripts|config|workflow|docs|tests|envs|findings)/[\w./-]*")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|[*{}<]")
"""What stands for a name in a path, such as NAME."""
ABSENT = {
    "scripts/poles/nulls/uniform.py",  # the example that readers of docs/adding-a-null-model.md write
    "workflow/nulls",  # removed, as the changelog says
}


def prose(page: Path) -> str:
    """Return the text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page by GitHub's rules; a repeated heading gets a number."""
    seen: dict[str, int] = {}
    anchors = set()
    for heading in HEADING.findall(prose(page)):
        text = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return anchors


def pieces_of_code() -> Iterator[tuple[str, str]]:
    """Yield the path of each page with each piece of its code: whole blocks, and words in backticks."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for code in [*FENCE.findall(text), *CODE.findall(prose(page))]:
            yield str(page.relative_to(ROOT)), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path):
    broken = []
    for link in LINK.findall(CODE.sub("", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in slugs(target)):
            broken.append(link)
    assert not broken


def test_paths_in_backticks_exist():
    named = {
        (page, code.rstrip("/"))
        for page, code in pieces_of_code()
        if PROJECT_PATH.fullmatch(code) and not PLACEHOLDER.search(code.replace("README", ""))
    }
    assert {
        (page, path) for page, path in named if path not in ABSENT and not (ROOT / path).exists()
    } == set()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_target_of_make_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w./-]+):", makefile, re.MULTILINE))
    named = {
        (page, target)
        for page, code in pieces_of_code()
        for target in re.findall(r"(?:^|[\n;] *)make ([\w./-]+)", code)
    }
    assert {(page, target) for page, target in named if target not in targets} == set()


def test_every_configuration_and_script_of_a_command_exists():
    named = {
        (page, path)
        for page, code in pieces_of_code()
        for path in re.findall(r"(?:--configfile|\.venv/bin/p\w+) ((?:config|scripts|tests)/[\w./-]+)", code)
        if not PLACEHOLDER.search(path)
    }
    assert {(page, path) for page, path in named if not (ROOT / path).is_file()} == set()
