"""`wablock user show`: all lists that have a user."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import run_here
from tests.cli.list_commands import ANNA, BEN, SALES, SUPPORT, ListCommands, list_commands
from tests.cli.test_hostile_server import answering
from tests.running_server import ACCOUNT_ID

from wablock.access import ALL_SCOPES, AccessToken, digest

FEW_NUMBERS = AccessToken(digest("for-support-only"), ACCOUNT_ID, "few", ALL_SCOPES, frozenset((SUPPORT,)), 0)


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListCommands]:
    """Anna is on the own list of sales, on fraud everywhere, and on old, which is attached nowhere."""
    with list_commands(tmp_path, FEW_NUMBERS) as commands:
        commands.on("sales", "block", ANNA, "--until", "2100-01-31T12:00:00Z")
        for name in ("fraud", "old"):
            commands.done("blocklist", "create", name)
            commands.done("blocklist", "add", name, ANNA, "--reason", f"since {name}")
        commands.done("blocklist", "attach", "fraud", "--all-numbers")
        yield commands


def allow(lists: ListCommands, *flags: str) -> None:
    lists.done("allowlist", "create", "vip")
    lists.done("allowlist", "add", "vip", ANNA)
    lists.done("allowlist", "attach", "vip", "--yes", *flags)


def in_force(lists: ListCommands) -> dict[str, list[str]]:
    return {entry["name"]: entry["in_force_on"] for entry in lists.json("user", "show", ANNA)["lists"]}


def test_each_list_is_shown_with_where_since_when_by_which_author_why_and_until_when(lists: ListCommands) -> None:
    header, own, fraud, old, conclusion = lists.done("user", "show", ANNA).splitlines()

    assert " ".join(header.split()) == "list kind in force on since by reason until source"
    assert own.split()[:3] == ["sales", "own", "sales"]
    assert own.split()[4:] == ["test", "-", "2100-01-31T12:00:00Z", "cli"]
    assert fraud.split()[:4] == ["fraud", "block", "all", "numbers"]
    assert "since fraud" in fraud
    assert old.split()[:3] == ["old", "block", "-"]
    assert conclusion == "Blocked on all numbers."


def test_a_block_is_not_in_force_where_an_allow_list_has_the_user(lists: ListCommands) -> None:
    allow(lists, "--number", "sales")

    assert in_force(lists) == {"sales": [], "fraud": [SUPPORT], "old": [], "vip": [SALES]}
    assert lists.done("user", "show", ANNA).splitlines()[-1] == "Blocked on support."
    assert (lists.is_blocked(ANNA, SALES), lists.is_blocked(ANNA, SUPPORT)) == (False, True)


def test_with_an_allow_list_everywhere_the_user_is_blocked_on_no_number(lists: ListCommands) -> None:
    allow(lists, "--all-numbers")

    assert in_force(lists)["vip"] == [SALES, SUPPORT]
    assert lists.done("user", "show", ANNA).splitlines()[-1] == "Blocked on no number."


def test_json_has_the_whole_entries(lists: ListCommands) -> None:
    shown = lists.json("user", "show", "+1 (650) 555-0101")

    assert [entry["kind"] for entry in shown["lists"]] == ["own", "block", "block"]
    assert (
        shown["lists"][1]["member"].items()
        >= {"wa_id": ANNA[1:], "reason": "since fraud", "blocked_by": "test"}.items()
    )


def test_a_user_on_no_list_is_a_sentence(lists: ListCommands) -> None:
    assert lists.done("user", "show", BEN) == f"{BEN} is on no list.\n"
    assert lists.json("user", "show", BEN) == {"user": BEN, "blocked_on": [], "lists": []}


def test_a_token_for_some_numbers_says_that_a_list_which_it_may_not_show_blocks_the_user(lists: ListCommands) -> None:
    lists.done("blocklist", "add", "fraud", BEN)

    process = run_here("user", "show", BEN, "--url", lists.server.url, "--token", "for-support-only")

    assert process.stdout == f"{BEN} is on no list that the token may show.\nBlocked on support.\n"


def test_what_is_no_user_is_refused(lists: ListCommands) -> None:
    assert "Param user must be a phone number with country code" in lists.refused("user", "show", "hello")


def test_a_server_without_lists_is_named() -> None:
    with answering(json.dumps({"error": {"message": "Unknown path components: /lists", "code": 2500}}), 400) as url:
        process = run_here("user", "show", ANNA, "--url", url, "--token", "t")

    assert (process.returncode, process.stdout) == (2, "")
    assert "Upgrade it" in process.stderr
