"""What others wrote into a database gives no orders to the terminal of who reads it."""

import json
from pathlib import Path

import pytest
from tests.cli.command import called
from tests.cli.test_hostile_server import OBEYED, ORDERS


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database in which a token, a number's account and a tenant's label are orders."""
    url = f"sqlite:///{tmp_path}/wablock.db"
    for words in (
        ["number", "add", "106540352242922", "--account", ORDERS],
        ["token", "create", "--label", ORDERS, "--account", ORDERS],
    ):
        assert called(*words, "--database", url).returncode == 0
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
def test_text_in_a_database_gives_no_orders_to_the_terminal(database: str, words: list[str], form: list[str]) -> None:
    shown = called(*words, *form, "--database", database)

    assert shown.returncode == 0, shown.stderr
    assert not OBEYED.search(shown.stdout + shown.stderr)
    assert "\nforged" not in shown.stdout
    if form:
        json.loads(shown.stdout)


def test_an_unknown_token_is_not_revoked_and_the_error_is_one_line(database: str) -> None:
    refused = called("token", "revoke", ORDERS + "x", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert not OBEYED.search(refused.stderr)
