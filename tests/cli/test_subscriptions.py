"""`wablock subscription`."""

import json
from typing import Any, Final

import pytest
from tests.cli.command import run_here

from wablock.public_credentials import APP_SECRET
from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER

KEY: Final = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
URL: Final = "http://127.0.0.1:3000/events"


@pytest.fixture(autouse=True)
def _settings(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WABLOCK_DATABASE", database)
    monkeypatch.setenv("WABLOCK_SECRET_KEY", KEY)
    assert run_here("number", "add", NUMBER, "--name", "sales").returncode == 0


def _add(*arguments: str) -> Any:
    added = run_here("subscription", "add", URL, "--json", *arguments)
    assert added.returncode == 0, added.stderr
    return json.loads(added.stdout)


def _list() -> Any:
    return json.loads(run_here("subscription", "list", "--json").stdout)


def test_an_added_subscription_is_listed_without_its_secret() -> None:
    added = _add()
    secret = added.pop("secret")

    listed = _list()

    assert len(secret) >= 40
    assert listed == [added]
    assert (added["url"], added["account_id"]) == (URL, "default")


def test_a_random_secret_is_printed_once() -> None:
    added = run_here("subscription", "add", URL)

    *_, secret = added.stdout.split()
    assert added.stdout.startswith("Added subscription sub_")
    assert secret not in run_here("subscription", "list").stdout


def test_a_secret_of_the_operator_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WABLOCK_SUBSCRIPTION_SECRET", "a secret of the operator")

    added = run_here("subscription", "add", URL)

    assert added.returncode == 0
    assert "a secret of the operator" not in added.stdout + added.stderr


def test_lists_are_named_by_id_or_by_the_name_of_a_number() -> None:
    assert _add("--list-id", "sales", "--list-id", NUMBER)["list_ids"] == [NUMBER]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([URL, "--list-id", "106540352242999"], "A --list-id is not a list of account default"),
        ([URL, "--list-id", "list_0000000000000000"], "No number has the name 'list_0000000000000000'"),
        ([URL, "--account", "other"], "The account other does not exist"),
        (["ftp://127.0.0.1/"], "URL 'ftp://127.0.0.1/' cannot be used"),
        ([URL, "--secret", APP_SECRET], "--secret is the public default of wablock dev"),
    ],
)
def test_a_subscription_that_cannot_be_added_says_why(arguments: list[str], message: str) -> None:
    added = run_here("subscription", "add", *arguments)

    assert added.returncode == 2
    assert message in added.stderr
    assert _list() == []


def test_a_removed_subscription_is_gone() -> None:
    subscription_id = _add()["subscription_id"]

    removed = run_here("subscription", "remove", subscription_id)

    assert removed.stdout.strip() == f"Removed subscription {subscription_id}."
    assert _list() == []
    assert "There is no subscription" in run_here("subscription", "remove", subscription_id).stderr
