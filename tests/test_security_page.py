"""The tests in `docs/security.md` exist, and the page has every risk of OWASP's list."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "security.md").read_text()
NAMED: Final = sorted(set(re.findall(r"`(tests/[\w/.-]+?\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize("file, test", NAMED)
def test_every_test_on_the_page_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text())

    tests = {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert test in tests or (not test and any(it.startswith("test_") for it in tests))


def test_every_row_of_the_attacks_has_a_test() -> None:
    rows = PAGE.partition("## What stops each attack")[2].partition("## Left to the operator")[0].splitlines()

    without = [row for row in rows if row.startswith("| ") and "shown by" not in row and "`tests/" not in row]
    assert without == []
    assert len(NAMED) > 30


def test_every_row_stands_in_a_table() -> None:
    lines = PAGE.splitlines()
    heads = {place - 1 for place, line in enumerate(lines) if line.startswith("|---")}

    rows = [place for place, line in enumerate(lines) if line.startswith("| ")]
    assert [lines[place] for place in rows if place not in heads and not lines[place - 1].startswith("|")] == []


def test_every_risk_of_owasps_list_of_2023_is_on_the_page_in_order() -> None:
    assert re.findall(r"^\| (API\d+) ", PAGE, re.MULTILINE) == [f"API{number}" for number in range(1, 11)]


def test_the_security_policy_names_a_channel_and_no_person() -> None:
    page = (ROOT / "SECURITY.md").read_text()

    assert "private vulnerability reporting" in page
    assert not re.search(r"\S@\S|mailto:", page)
