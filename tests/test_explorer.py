"""The explorer: it holds the numbers of the tables, works in a browser, asks no server, escapes all text."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from poles import countries
from poles.archetypes.tables import CLUSTERS, STABILITY
from poles.claims.tables import CLAIMS
from poles.errors import StudyError
from poles.explorer import collection, packing, page
from poles.networks.tables import COUNTRIES, INDICES
from poles.nulls.tables import SCORES, Z_INTERVALS
from poles.study import tables
from test_report import ANSWER, WIDTH, answer
from workflow import Project

VIEWS = ("pair", "country", "map", "claims")
LIMIT = 4_000_000
"""Bytes of the page at most."""
VISIT = """
(async () => {
    const errors = [];
    addEventListener("error", (event) => errors.push(String(event.message)));
    addEventListener("securitypolicyviolation", (event) => errors.push(`request: ${event.blockedURI}`));
    const until = async (what, probe) => {
        for (let times = 0; times < 500; times++) {
            const value = probe();
            if (value) { return value; }
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        throw Error(`never seen: ${what}`);
    };
    const told = () => document.querySelector("h1")?.textContent;
    const data = () => d3.select("main").property("csv");
    const seen = {};
    await until("the first view", () => data());
    seen.first = [location.hash, told(), data()];
    for (const link of [...document.querySelectorAll("nav a")]) {
        const target = link.getAttribute("href");
        link.click();
        await until(target, () => document.body.dataset.ready === target);
        seen[target] = [told(), data(), document.activeElement.id];
    }
    const visit = async (address) => {
        location.hash = address;
        await until(address, () => document.body.dataset.ready === address);
        return [told(), data()];
    };
    seen.link = await visit("#view=pair&a=DE");
    const field = document.querySelector("input");
    field.value = "fran";
    field.dispatchEvent(new Event("change"));
    await until("France", () => told().startsWith("France"));
    seen.search = [location.hash, told()];
    const svg = document.querySelector("svg[tabindex]");
    const readout = svg.parentNode.querySelector(".readout");
    const before = readout.textContent;
    svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    seen.keys = [before, readout.textContent];
    await visit("#view=map&pole=CN&year=2015");
    const select = [...document.querySelectorAll("select")].find((one) => one.ariaLabel === "Year");
    select.value = "2010";
    select.dispatchEvent(new Event("change"));
    await until("2010", () => told().includes("2010"));
    seen.select = location.hash;
    const japan = document.querySelector('.map path[data-code="JP"]').parentNode;
    japan.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    await until("Japan", () => told().includes("Japan"));
    seen.map = location.hash;
    await visit("#view=pair&a=FR&b=US&embed=1");
    seen.embedded = getComputedStyle(document.querySelector("header")).display;
    seen.nonsense = [await visit("#view=pair").then(() => { location.hash = "#view=<b>&a=XX&year=x"; })
        .then(() => until("defaults", () => document.body.dataset.ready === "#view=pair")), told()];
    seen.errors = errors;
    seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
    return seen;
})().catch(String).then(answer);
"""
MEASURE = """
const frame = document.querySelector("iframe");
frame.onload = async () => {
    const inner = frame.contentWindow;
    const widths = {};
    for (const view of VIEWS) {
        inner.location.hash = `#view=${view}`;
        for (let times = 0; times < 500 && inner.document.body.dataset.ready !== `#view=${view}`; times++) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        widths[view] = [inner.document.body.dataset.ready, inner.document.documentElement.scrollWidth];
    }
    answer(widths);
};
"""


@pytest.fixture(scope="module")
def html(tiny: Project) -> str:
    return (tiny.folder / "results/explorer.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def content(html: str) -> dict:
    return json.loads(
        re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)[1]
    )


@pytest.fixture(scope="module")
def seen(html: str, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a reader sees who goes through all views."""
    return in_browser(html, VISIT, tmp_path_factory.mktemp("explorer"))


def in_browser(html: str, script: str, folder: Path) -> dict:
    head, tail = html.rsplit("</body>", 1)
    path = folder / "page.html"
    path.write_text(f"{head}<script>{ANSWER}{script}</script></body>{tail}", encoding="utf-8")
    found = answer(path)
    assert isinstance(found, dict), found
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False) | st.just(float("nan"))


@given(
    arrays.arrays(np.float32, st.integers(0, 30), elements=FLOATS),
    arrays.arrays(np.float32, 7, elements=FLOATS),
)
def test_packing_keeps_three_digits_and_exact_numbers(rounded, kept):
    packed = packing.pack({"a": rounded, "b": kept}, frozenset({"b"}))
    assert packed == packing.pack({"a": rounded.copy(), "b": kept.copy()}, frozenset({"b"}))
    found = packing.unpack(json.loads(json.dumps(packed)))
    np.testing.assert_array_equal(found["b"], kept)
    np.testing.assert_allclose(found["a"], rounded, rtol=2.0 ** -(packing.BITS + 1))


def test_the_page_holds_the_scores_of_every_pair(tiny: Project, content: dict):
    codes = [country["code"] for country in content["countries"]]
    found = packing.unpack(content["packed"])
    years = content["years"]
    shape = (len(content["pairs"]), len(years))
    assert len(content["pairs"]) > 100
    layers = {
        "collaboration": ("collaboration", False),
        "citation>": ("citation", False),
        "citation<": ("citation", True),
    }
    for kind, (layer, backwards) in layers.items():
        scores = tables.read(tiny.folder / f"results/full/{layer}/scores/max_entropy.parquet", SCORES)
        own = {
            (row[0], row[1], row[2]): row[3:]
            for row in scores.select("source", "target", "year", "observed", "expected", "z").iter_rows()
        }
        page_values = [
            found[f"{kind}/{name}"].reshape(shape)
            for name in ("observed", "max_entropy/expected", "max_entropy/z")
        ]
        for row, (a, b) in enumerate(content["pairs"]):
            pair = (codes[b], codes[a]) if backwards else (codes[a], codes[b])
            for column, year in enumerate(years):
                expected = own.get((*pair, year), (None,) * 3)
                for values, value, tolerance in zip(page_values, expected, (0, 5e-4, 5e-4), strict=True):
                    shown = float(values[row, column])
                    if value is None:
                        assert np.isnan(shown)
                    else:
                        assert shown == pytest.approx(value, rel=tolerance, abs=1e-30)


def test_the_page_holds_intervals_indices_archetypes_and_works(tiny: Project, content: dict):
    folder = tiny.folder / "results/full"
    codes = [country["code"] for country in content["countries"]]
    found = {
        name: values.reshape(-1, len(content["years"]))
        for name, values in packing.unpack(content["packed"]).items()
        if len(values)
    }
    place = {(codes[a], codes[b]): row for row, (a, b) in enumerate(content["pairs"])}
    at = content["years"].index(2015)
    row = place["CN", "US"]
    pair = {"source": "CN", "target": "US", "year": 2015}
    (interval,) = (
        tables.read(folder / "uncertainty/z.parquet", Z_INTERVALS)
        .filter(**pair, layer="collaboration")
        .rows(named=True)
    )
    (index,) = tables.read(folder / "indices.parquet", INDICES).filter(**pair).rows(named=True)
    assert found["collaboration/max_entropy/z_low"][row, at] == pytest.approx(interval["z_low"], rel=5e-4)
    assert found["index/affinity"][row, at] == pytest.approx(index["affinity"], rel=5e-4)
    clusters = tables.read(folder / "clusters/max_entropy.parquet", CLUSTERS)
    stability = tables.read(folder / "clusters/max_entropy.stability.parquet", STABILITY)
    sure = {
        (source, target): value
        for source, target, value in stability.select("source", "target", "stability").iter_rows()
    }
    shown = content["archetypes"]["full/max_entropy"]
    for source, target, archetype in clusters.select("source", "target", "archetype").iter_rows():
        assert shown[place[source, target]] == [archetype, sure[source, target]]
    assert sum(entry is not None for entry in shown) == len(clusters)
    works = (
        tables.read(folder / "countries.parquet", COUNTRIES).filter(country="DE", year=2015)["papers"].item()
    )
    assert content["countries"][codes.index("DE")]["works"][at] == works
    claims = tables.read(tiny.folder / "results/claims.parquet", CLAIMS)
    assert [claim["id"] for claim in content["claims"]] == claims["claim"].unique(
        maintain_order=True
    ).to_list()
    assert sum(len(claim["verdicts"]) for claim in content["claims"]) == len(claims)


def test_the_page_shows_the_numbers_of_the_audit_of_a_link(tiny: Project, content: dict):
    audited = json.loads(tiny.python("scripts/audit.py", "--link", "CN", "US", "2015", "--json").stdout)
    codes = [country["code"] for country in content["countries"]]
    found = packing.unpack(content["packed"])
    row = content["pairs"].index([codes.index("CN"), codes.index("US")])
    place = row * len(content["years"]) + content["years"].index(2015)
    assert len(audited["null_models"]) == 3
    for link in audited["null_models"]:
        way = {"collaboration": "", "citation": ">" if link["source"] == "CN" else "<"}[link["layer"]]
        kind = link["layer"] + way
        assert found[f"{kind}/observed"][place] == link["observed"]
        for value in ("expected", "z"):
            assert found[f"{kind}/{link['null']}/{value}"][place] == pytest.approx(link[value], rel=5e-4)
    (indices,) = audited["indices"]
    for name in ("salton", "jaccard", "affinity"):
        assert found[f"index/{name}"][place] == pytest.approx(indices[name], rel=5e-4)
    (stability,) = audited["stability"]
    shown = content["archetypes"]["full/max_entropy"][row]
    assert shown == [audited["clusters"][0]["archetype"], stability["stability"]]


def test_the_page_is_one_small_file_that_may_ask_no_server(html: str):
    assert len(html.encode()) < LIMIT
    assert "default-src 'none'" in html
    assert not re.search(r"<(?:link|img|iframe|script)[^>]+(?:src|href)=", html)


def test_readers_get_from_view_to_view(seen: dict, content: dict):
    assert seen["first"][:2] == ["", "United States and China"]
    for view, title in (
        ("country", "United States"),
        ("map", "United States: z of its links, collaboration, 2021"),
        ("claims", "Claims and verdicts"),
    ):
        heading, _, focus = seen[f"#view={view}"]
        assert heading == title and focus == "main"
    assert seen["search"] == ["#view=pair&a=FR", "France and China"]
    assert seen["select"] == "#view=map&pole=CN&year=2010"
    assert seen["map"].startswith("#view=pair&a=CN&b=JP")
    assert seen["embedded"] == "none"
    assert seen["nonsense"][1] == "United States and China"
    years = [text.split(":")[0] for text in seen["keys"]]
    assert int(years[0]) == int(years[1]) + 1 == content["years"][-1]


def test_nothing_fails_in_the_browser_and_no_request_is_made(seen: dict):
    assert seen["errors"] == []
    assert seen["requests"] == []


def test_the_data_behind_a_view_are_those_of_the_tables(tiny: Project, seen: dict):
    shown = {int(row["year"]): row for row in rows(seen["link"][1])}
    pairs = {"collaboration": ("CN", "DE"), "citation>": ("DE", "CN"), "citation<": ("CN", "DE")}
    for kind, (source, target) in pairs.items():
        file = tiny.folder / f"results/full/{kind.rstrip('<>')}/scores/max_entropy.parquet"
        scores = tables.read(file, SCORES).filter(source=source, target=target)
        assert len(scores) > 10
        for year, observed, z in scores.select("year", "observed", "z").iter_rows():
            assert float(shown[year][f"{kind} observed"]) == observed
            assert float(shown[year][f"{kind} z max_entropy"]) == pytest.approx(z, rel=5e-4)
    mapped = rows(seen["#view=map"][1])
    scores = tables.read(
        tiny.folder / "results/full/collaboration/scores/max_entropy.parquet", SCORES
    ).filter(year=2021)
    of_us = scores.filter((pl.col("source") == "US") | (pl.col("target") == "US")).drop_nulls("z")
    assert len(mapped) == len(of_us)
    claims = rows(seen["#view=claims"][1])
    assert {row["verdict"] for row in claims} == set(
        tables.read(tiny.folder / "results/claims.parquet", CLAIMS)["verdict"]
    )


def test_every_view_fits_a_phone(html: str, tmp_path: Path):
    outer = (
        f'<body><iframe width="{WIDTH}" height="800" style="border:0"></iframe><template></template></body>'
    )
    inner = json.dumps(html).replace("<", "\\u003c")
    script = f"const VIEWS = {list(VIEWS)};{MEASURE}frame.srcdoc = {inner};"
    found = in_browser(outer, script, tmp_path)
    assert {view: ready for view, (ready, _) in found.items()} == {view: f"#view={view}" for view in VIEWS}
    assert {view: width for view, (_, width) in found.items() if width > WIDTH} == {}


def study(names: dict[str, str]) -> dict:
    """What the page shows of a study of two countries."""
    scores = tables.conform(
        pl.DataFrame({"year": [2020, 2021], "source": ["AA", "AA"], "target": ["BB", "BB"]}).with_columns(
            observed=3.0, expected=2.0, std=1.0, z=1.0, p=0.5, q=0.5
        ),
        SCORES,
    )
    claims = pl.DataFrame(
        {
            "claim": ["c"],
            "variant": ["full"],
            "null": ["m"],
            "statement": [names["statement"]],
            "statistic": [1.0],
            "verdict": ["reproduced"],
            "why": [names["why"]],
            **dict.fromkeys(("low", "high", "verdict_low", "verdict_high")),
        }
    )
    facts = {
        "poles": ["AA"],
        "recent": [2020, 2021],
        "threshold": 2.0,
        "variant": "full",
        "draws": 0,
        "note": names["note"],
    }
    empty = [pl.DataFrame(schema=table.columns) for table in (INDICES, COUNTRIES)]
    return collection.collect(
        {("collaboration", "m"): scores}, *empty, tables.conform(claims, CLAIMS), [], None, facts
    )


def test_text_from_data_is_no_markup(monkeypatch, tmp_path: Path):
    evil = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>\"'&"
    monkeypatch.setattr(countries, "names", lambda: {"AA": evil, "BB": "B"})
    html = page.render(study({"statement": evil, "why": evil, "note": evil}))
    assert evil not in html and "<img" not in html
    script = """
    (async () => {
        for (let times = 0; times < 300 && !document.body.dataset.ready; times++) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        const text = (name) => document.querySelector(name).textContent;
        return {heading: text("h1"), note: text(".note"), images: document.images.length};
    })().catch(String).then(answer);
    """
    found = in_browser(html, script, tmp_path)
    assert found == {"heading": f"{evil} and B", "note": evil, "images": 0}


def test_the_weakest_pairs_are_left_out_where_there_are_too_many(monkeypatch):
    names = {"statement": "s", "why": "w", "note": ""}
    assert study(names)["all_pairs"] == len(study(names)["pairs"]) == 1
    scores = tables.conform(
        pl.DataFrame(
            {"year": 2020, "source": "AA", "target": ["BB", "CC", "DD"], "observed": [1.0, 9.0, 5.0]}
        ).with_columns(expected=2.0, std=1.0, z=1.0, p=0.5, q=0.5),
        SCORES,
    )
    monkeypatch.setattr(collection, "MOST_NUMBERS", 2 * (3 + len(collection.INDEX_NAMES)))
    facts = {
        "poles": ["AA"],
        "recent": [2020, 2020],
        "threshold": 2.0,
        "variant": "full",
        "draws": 0,
        "note": "",
    }
    empty = [pl.DataFrame(schema=table.columns) for table in (INDICES, COUNTRIES, CLAIMS)]
    shown = collection.collect({("collaboration", "m"): scores}, *empty, [], None, facts)
    codes = [country["code"] for country in shown["countries"]]
    assert [(codes[a], codes[b]) for a, b in shown["pairs"]] == [("AA", "CC"), ("AA", "DD")]
    assert shown["all_pairs"] == 3


def test_another_library_is_refused(monkeypatch, tmp_path: Path):
    other = tmp_path / "d3.js"
    other.write_text("alert(1)")
    monkeypatch.setattr(page, "D3", other)
    with pytest.raises(StudyError, match=r"d3\.js: this is not d3 7\.9\.0"):
        page.render(study({"statement": "s", "why": "w", "note": ""}))
