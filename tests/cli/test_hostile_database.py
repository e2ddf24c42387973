"""Texts of others in a database send no control characters to the terminal of the operator."""

import json
from pathlib import Path

import pytest
from tests.cli.command import run_here
from tests.cli.test_hostile_server import OBEYED, ORDERS


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with control characters in a token, a number's account and a tenant's label."""
    url = f"sqlite:///{tmp_path}/wablock.db"
    for words in (
        ["number", "add", "106540352242922", "--account", ORDERS],
        ["token", "create", "--label", ORDERS, "--account", ORDERS],
    ):
        assert run_here(*words, "--database", url).returncode == 0
    return url


@pytest.mark.parametrize(
    "words",
    [
        ["number", "list"],
        ["token", "list"],
        ["token", "revoke", ORDERS],
        ["token", "create", "--label", ORDERS],
        ["number", "add", "106540352242923", "--account", ORDERS],
        ["account", "set", ORDERS, "--verify-token", "hush"],
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for programs"])
def test_text_in_a_database_sends_no_control_characters_to_the_terminal(
    database: str, words: list[str], form: list[str]
) -> None:
    process = run_here(*words, *form, "--database", database)

    assert process.returncode == 0, process.stderr
    assert not OBEYED.search(process.stdout + process.stderr)
    assert "\nforged" not in process.stdout
    if form:
        json.loads(process.stdout)


def test_an_unknown_token_is_not_revoked_and_the_error_is_one_line(database: str) -> None:
    refused = run_here("token", "revoke", ORDERS + "x", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert not OBEYED.search(refused.stderr)
