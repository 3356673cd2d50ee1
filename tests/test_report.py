"""The report of a finished study: its menu reaches every result, also in a browser, and pages fit a phone."""

import base64
import html
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

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


CATEGORIES = ["1 Data", "2 Null models", "3 Trajectories", "4 Poles", "5 Robustness", "6 Provenance"]
LARGEST = 5_700_000
"""Bytes of the report of one branch at most; that of the twelve branches of the demo then has below 7 MB."""


def test_the_report_lists_a_page_for_every_figure_by_category(tiny: Project, report: Path):
    results, categories = embedded(report, "results"), embedded(report, "categories")
    figures = {path.stem for path in tiny.folder.glob("results/figures/**/*.png")}
    pages = {f"results/report/{name}.html" for name in (*figures, "claims")}
    assert set(results) == pages | {"results/methods.html"}
    assert sorted(categories) == CATEGORIES, "the menu sorts them"
    listed = [path for inside in categories.values() for paths in inside.values() for path in paths]
    assert sorted(listed) == sorted(results)
    # Search lists results of all categories in one table. The table merges rows with equal labels, and hides
    # rows behind a switch if there is a second label.
    labels = Counter(tuple(result["labels"].items()) for result in results.values())
    assert max(labels.values()) == 1
    assert {len(label) for label in labels} == {1}
    assert report.stat().st_size < LARGEST
    for path, result in results.items():
        content = base64.b64decode(result["data_uri"].partition("base64,")[2])
        assert content == (tiny.folder / path).read_bytes()


def test_the_first_page_of_the_report_has_the_answer_of_the_first_page_of_the_results(
    tiny: Project, report: Path
):
    page = " ".join(html.unescape(re.sub("<[^>]*>", " ", embedded(report, "workflow_desc"))).split())
    answers = json.loads((tiny.folder / "results/answers.json").read_text(encoding="utf-8"))
    assert page.startswith(f"{answers['question']} {answers['note']} {answers['short']}")
    for line in answers["lines"]:
        assert line["finding"] in page
    assert "system-message" not in embedded(report, "workflow_desc")


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
def test_a_figure_that_variants_share_is_shown_once_under_the_names_of_all(tiny: Project, tmp_path: Path):
    twin = tiny.twin(tmp_path / "twin")
    twin.run("--config", "run={variants: [full, literal]}")
    pages = twin.folder / "results/report"
    for name in ("polarization", "hubs", "poles", "trajectories"):
        page = (pages / f"{name}.html").read_text(encoding="utf-8")
        assert '<p class="quiet">Shown: all branches</p>' in page and "In other branches" not in page
    page = (pages / "archetypes.html").read_text(encoding="utf-8")
    assert '<p class="quiet">Shown: full, max_entropy</p>' in page
    assert re.findall(r"<br>(.*?)</li>", page) == ["literal, max_entropy"]


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


@pytest.mark.parametrize(
    "name", ["claims", "index", "methods", "figures", "report/archetypes", "report/diagnostics"]
)
def test_pages_fit_a_phone(tiny: Project, tmp_path: Path, name: str):
    source = html.escape((tiny.folder / f"results/{name}.html").read_text(encoding="utf-8"))
    script = MEASURE.replace("innerWidthOfPhone", str(WIDTH))
    page = tmp_path / "phone.html"
    page.write_text(
        f'<body><iframe width="{WIDTH}" height="800" style="border:0"></iframe>'
        f"<template>{source}</template><script>{ANSWER}{script}"
        'frame.srcdoc = document.querySelector("template").content.textContent;</script></body>',
        encoding="utf-8",
    )
    width, wide = answer(page)
    assert wide == []
    assert width <= WIDTH
