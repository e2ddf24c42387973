"""The documentation: generated pages agree with the code, and every link has a target."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
TESTS: Final = ROOT / "tests"
PAGES: Final = sorted([*ROOT.glob("*.md"), TESTS / "README.md", *DOCS.rglob("*.md")])

_LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]*)?\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def test_the_generated_pages_agree_with_the_code(tmp_path: Path) -> None:
    # In another process, because cyclopts reads the command line of this one.
    subprocess.run([sys.executable, DOCS / "generate.py", tmp_path], check=True)

    made = {str(page.relative_to(tmp_path)): page.read_text() for page in tmp_path.rglob("*.md")}
    assert made == {name: (DOCS / name).read_text() for name in made}, "run: make docs"
    assert "reference/commands.md" in made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in _LINK.findall(_FENCED.sub("", page.read_text())):
        file = page.parent / target if target else page
        assert file.exists(), f"{target} does not exist"
        if anchor:
            assert anchor[1:] in _anchors(file), f"{target}{anchor}: no such heading"


def test_every_page_is_reached_from_the_index() -> None:
    linked = {DOCS / target for target, _ in _LINK.findall((DOCS / "README.md").read_text())}

    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}
    assert pages - linked == {DOCS / "README.md"}


def test_every_path_in_the_architecture_page_exists() -> None:
    table = (DOCS / "architecture.md").read_text().split("## Where a change goes")[1].split("\n## ")[0]

    places = {
        place for place in re.findall(r"`([\w/.-]+(?:\.py|\.md|/))`", table) if "/" in place or place.endswith(".py")
    }
    existing = {place for place in places for folder in (ROOT / "src/wablock", ROOT) if (folder / place).exists()}
    assert places - existing == {
        "items.py",
        "reading.py",
        "links.py",
        "cutting.py",
    }  # beside gate/webhook/documented.py
    assert len(places) > 20


def test_every_folder_of_tests_is_in_their_readme() -> None:
    folders_in_readme = re.findall(r"^\| `([a-z_]+)/` \|", (TESTS / "README.md").read_text(), re.MULTILINE)

    folders = {test.relative_to(TESTS).parts[0] for test in TESTS.rglob("test_*.py") if test.parent != TESTS}
    assert sorted(folders_in_readme) == sorted(folders)


def _anchors(page: Path) -> set[str]:
    """The anchors of its headings, as Markdown renderers make them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
