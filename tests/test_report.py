"""The report of a finished study: its menu reaches every result, also in a browser, and pages fit a phone."""

import html
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT
from poles.claims.tables import CLAIMS
from poles.study import run_warnings, tables
from workflow import Project

CLICK_EVERYTHING = """
(async () => {
    const until = async (what, probe) => {
        for (let times = 0; times < 300; times++) {
            const value = probe();
            if (value) { return value; }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw Error(`never seen: ${what}`);
    };
    const item = (text) => [...document.querySelectorAll("nav li > a")].find((a) => a.textContent === text);
    const press = async (text) => (await until(text, () => item(text))).click();
    await until("the menu", () => app);
    const shown = [];
    for (const [category, inside] of Object.entries(categories)) {
        for (const subcategory of Object.keys(inside)) {
            app.setView({ navbarMode: "menu" });
            await press(category);
            if (Object.keys(inside).length > 1) { await press(subcategory); }
            const table = await until(subcategory, () => document.querySelector("nav tbody"));
            for (const row of [...table.rows]) {
                const before = app.state.contentPath;
                row.querySelector("td:last-child a").click();
                await until(row.textContent, () => app.state.contentPath !== before);
                shown.push(app.state.resultPath);
            }
        }
    }
    return shown;
})().catch(String).then(answer);
"""
"""Opens every entry of the menu, as a reader would, and writes the paths that were shown."""
WIDTH = 390
"""Width of a phone in pixels of CSS."""
MEASURE = """
const frame = document.querySelector("iframe");
frame.onload = () => {
    const page = frame.contentDocument;
    const wide = [...page.querySelectorAll("body *")]
        .filter((part) => !part.closest(".wide") || part.closest(".claim"))
        .filter((part) => part.getBoundingClientRect().right > innerWidthOfPhone)
        .map((part) => part.outerHTML.slice(0, 80));
    answer([page.documentElement.scrollWidth, wide]);
};
"""
ANSWER = """
const answer = (value) => {
    const text = document.createElement("pre");
    text.id = "answer";
    text.textContent = JSON.stringify(value);
    document.body.replaceChildren(text);
};
"""


@pytest.fixture(scope="module")
def report(tiny: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the tiny study."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    tiny.run("--report", str(path))
    return path


def embedded(report: Path, name: str) -> dict:
    """Variable of the report's JavaScript."""
    text = report.read_text(encoding="utf-8")
    start = re.search(rf'<script id="{name.replace("_", "-")}">\s*var {name} = ', text).end()
    return json.JSONDecoder().raw_decode(text, start)[0]


def answer(page: Path) -> list:
    """What the script in a page wrote, after headless Chromium ran it."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("needs Chromium on the PATH; none is installed")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    run = subprocess.run(
        [browser, *options, profile, page.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    written = re.search(r'<pre id="answer">(.*?)</pre>', run.stdout, re.DOTALL)
    assert written, run.stderr[-4000:]
    return json.loads(html.unescape(written[1]))


def test_the_report_lists_every_figure_and_each_under_labels_of_its_own(tiny: Project, report: Path):
    results, categories = embedded(report, "results"), embedded(report, "categories")
    figures = {
        path.relative_to(tiny.folder).as_posix() for path in tiny.folder.glob("results/figures/**/*.png")
    }
    assert set(results) == figures | {"results/claims.html"}
    listed = [path for inside in categories.values() for paths in inside.values() for path in paths]
    assert sorted(listed) == sorted(results)
    # Search lists results of all categories in one table. The table merges rows with equal labels, and hides
    # rows behind a switch if there is a second label.
    labels = Counter(tuple(result["labels"].items()) for result in results.values())
    assert max(labels.values()) == 1
    assert {len(label) for label in labels} == {1}


def test_warnings_stand_at_the_head_of_the_report_and_of_the_page_of_claims(tiny: Project, report: Path):
    by_log = json.loads((tiny.folder / "results/warnings.json").read_text(encoding="utf-8"))
    upstream = ("full/check_countries.log", "full/build_trajectories.max_entropy.log", "select_works.log")
    assert set(by_log) & set(upstream), "the tiny world lacks countries that the claims name"
    first_page = html.unescape(re.sub("<[^>]*>", "", embedded(report, "workflow_desc")))
    page = (tiny.folder / "results/claims.html").read_text(encoding="utf-8")
    head = html.unescape(page[: page.index("At a glance")])
    run = json.loads((tiny.folder / "results/run.json").read_text())
    for fact in (run["started"], run["requirements"], f"polars {run['packages']['polars']}"):
        assert fact in first_page
    for stage in run["stages"].values():
        assert re.search(rf"{stage['jobs']}\s+{re.escape(stage['started'])}\s", first_page)
    for sentence in run_warnings.sentences(by_log):
        assert sentence.replace("`", "'") in first_page
    for sentence in run_warnings.sentences({log: by_log[log] for log in upstream if log in by_log}):
        assert sentence in head


@pytest.mark.slow
def test_a_figure_that_variants_share_is_listed_once_under_the_names_of_all(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    both = ("--config", "run={variants: [full, literal]}")
    twin.run(*both)
    twin.run("--report", str(tmp_path / "report.html"), *both)
    labels = [result["labels"]["figure"] for result in embedded(tmp_path / "report.html", "results").values()]
    assert len(set(labels)) == len(labels)
    for figure in ("Polarization", "Hubs within regions", "Every country as a pole", "Chosen pairs"):
        assert [label for label in labels if label.startswith(figure)] == [
            f"{figure}: shared by full and literal, max_entropy"
        ]
    for name in ("full", "literal"):
        assert f"Archetypes: {name}, max_entropy" in labels
        for figure in ("partners", "sides", "matrix"):
            home = name if figure == "matrix" else "full"
            assert (twin.folder / f"results/figures/{home}/max_entropy/{figure}.png").is_file()
    # Of some figures the report shows the first branch alone.
    for figure in (
        "Largest countries with the poles",
        "Countries that change sides",
        "Archetype of every pair",
    ):
        assert [label for label in labels if label.startswith(figure)] == [f"{figure}: full, max_entropy"]


def test_a_browser_opens_every_entry_of_the_report(report: Path, tmp_path: Path):
    page = tmp_path / "report.html"
    text = report.read_text(encoding="utf-8")
    head, tail = text.rsplit("</body>", 1)
    page.write_text(f"{head}<script>{ANSWER}{CLICK_EVERYTHING}</script></body>{tail}", encoding="utf-8")
    shown = answer(page)
    assert isinstance(shown, list), shown
    assert sorted(shown) == sorted(embedded(report, "results"))


def test_the_page_of_claims_leads_from_each_statement_to_its_section(tiny: Project):
    page = (tiny.folder / "results/claims.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="#([\w-]+)">(.*?)</a>', page)
    assert links == re.findall(r'<h3 id="([\w-]+)">(.*?)</h3>', page)
    claims = tables.read(tiny.folder / "results/claims.parquet", CLAIMS)
    assert {html.unescape(text) for _, text in links} == set(claims["statement"])


def test_the_first_page_leads_to_every_page(tiny: Project):
    page = (tiny.folder / "results/index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="(.*?)"', page)
    elsewhere = {
        "report.html": "a word of its own makes it",
        "README.md": "part of the project, not of a run",
    }
    assert set(elsewhere) < set(links) and len(links) > 5
    for link in links:
        assert link in elsewhere or (tiny.folder / "results" / link).is_file(), link
    assert (ROOT / "results/README.md").is_file()


def test_the_page_of_claims_fits_a_phone(tiny: Project, tmp_path: Path):
    claims = html.escape((tiny.folder / "results/claims.html").read_text(encoding="utf-8"))
    script = MEASURE.replace("innerWidthOfPhone", str(WIDTH))
    page = tmp_path / "phone.html"
    page.write_text(
        f'<body><iframe width="{WIDTH}" height="800" style="border:0"></iframe>'
        f"<template>{claims}</template><script>{ANSWER}{script}"
        'frame.srcdoc = document.querySelector("template").content.textContent;</script></body>',
        encoding="utf-8",
    )
    width, wide = answer(page)
    assert wide == []
    assert width <= WIDTH
