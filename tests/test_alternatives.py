"""Alternative text: in every figure file, for every picture of a page, and in the documentation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from PIL import Image

from conftest import ROOT
from poles.errors import StudyError
from poles.figures import alternatives, style
from workflow import Project

SVG = "{http://www.w3.org/2000/svg}"
LEAST = 60
"""Characters of a text that can stand in for a figure."""
DRAWN = sorted((ROOT / "docs/images").glob("*.svg"))


class Pictures(HTMLParser):
    """Attributes of all pictures of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        """Keep the attributes of a picture."""
        if tag == "img":
            self.found.append(dict(attributes))


def files(project: Project, *suffixes: str) -> Iterator[Path]:
    yield from (
        path for path in sorted((project.folder / "results").rglob("*"))
        if path.suffix in suffixes and "code" not in path.relative_to(project.folder).parts
    )  # fmt: skip


def described(path: Path) -> tuple[str, str]:
    """Title and description of an SVG file, as its reader finds them."""
    root = ElementTree.parse(path).getroot()
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc"), path
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    return title.text, description.text


def test_every_figure_file_of_a_study_says_what_it_shows(tiny: Project):
    drawings, pictures = list(files(tiny, ".svg")), list(files(tiny, ".png"))
    assert len(drawings) == len(pictures) > 10
    for path in drawings:
        title, description = described(path)
        assert len(title) > 10 and len(title) + len(description) > LEAST, path
        with Image.open(path.with_suffix(".png")) as image:
            assert image.info["Title"] == title
            packet = image.info["XML:com.adobe.xmp"]
        texts = [text for text in ElementTree.fromstring(packet).itertext() if text.strip()]
        assert texts == [f"{title}. {description}"]
        assert alternatives.read(path) == alternatives.read(path.with_suffix(".png")) == (title, description)
    # Figures that differ are not described alike.
    assert len({described(path) for path in drawings}) == len(drawings)


def test_every_picture_of_a_page_has_an_alternative_text(tiny: Project):
    seen = 0
    for page in files(tiny, ".html"):
        for picture in Pictures(page.read_text(encoding="utf-8")).found:
            assert len(picture.get("alt") or "") > 20, (page, str(picture)[:200])
            seen += 1
    assert seen > 20


def test_pages_repeat_the_text_of_the_file(tiny: Project):
    page = (tiny.folder / "results/figures.html").read_text(encoding="utf-8")
    pictures = Pictures(page).found
    assert len(pictures) > 10
    for picture in pictures:
        file = tiny.folder / "results" / picture["src"]
        assert picture["alt"] == str(alternatives.read(file))


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_every_picture_of_the_documentation_has_an_alternative_text(page: Path):
    for text, _ in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text(encoding="utf-8"), re.DOTALL):
        assert len(" ".join(text.split())) > LEAST, text


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.name)
def test_drawings_of_the_documentation_say_what_they_show(path: Path):
    title, description = described(path)
    assert len(title) > 10 and len(description) > LEAST


def test_the_text_is_what_the_figure_says_without_formulas(tmp_path: Path):
    drawn = style.styled(
        lambda: style.canvas("Links & <more>: 3 pairs.", "z by year; $x^2$ is no \\$ sign.", 8, 3)
    )()
    for axes, title in zip(drawn.subplots(1, 3), ("left, n = 3", "right", "right"), strict=True):
        axes.set_title(title)
    paths = tmp_path / "a.svg", tmp_path / "a.png"
    style.save(drawn, paths, {"rule": "plot"})
    expected = "Links & <more>: 3 pairs", "z by year; x^2 is no $ sign. Panels: left, n = 3; right."
    assert described(paths[0]) == alternatives.read(paths[0]) == alternatives.read(paths[1]) == expected


def test_a_file_without_a_text_is_refused(tmp_path: Path):
    figure = Figure()
    for name in ("a.svg", "a.png"):
        figure.savefig(tmp_path / name)
        with pytest.raises(StudyError, match=f"{name}: holds no alternative text"):
            alternatives.read(tmp_path / name)
