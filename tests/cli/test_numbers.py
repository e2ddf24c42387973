"""`wablock number`."""

import json
from pathlib import Path

import pytest
from tests.cli.command import run, run_here

from wablock.block_list.changes import Block
from wablock.block_list.ports import Member
from wablock.cli.databases import on_store
from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER


def _list(database: str) -> list[dict[str, str]]:
    listed = run_here("number", "list", "--json", "--database", database)
    assert listed.returncode == 0, listed.stderr
    numbers: list[dict[str, str]] = json.loads(listed.stdout)
    return numbers


def test_an_added_number_is_listed(database: str) -> None:
    added = run_here("number", "add", NUMBER, "--account", "acme", "--rules", "meta", "--database", database)

    assert added.returncode == 0
    assert added.stdout.strip() == f"Added number {NUMBER} to account acme."
    assert _list(database) == [{"phone_number_id": NUMBER, "account_id": "acme", "rules": "meta"}]


def test_the_country_of_a_number_is_that_of_its_display_number(database: str) -> None:
    run_here("number", "add", NUMBER, "--display-number", "+1 650-555-0100", "--database", database)

    [number] = _list(database)

    assert number["wa_id"] == "16505550100"
    assert number["country"] == "US"


def test_a_display_number_without_one_country_gets_the_main_country_of_its_calling_code(database: str) -> None:
    run_here("number", "add", NUMBER, "--display-number", "+15550783881", "--database", database)

    assert _list(database)[0]["country"] == "US"


def test_an_explicit_country_overrides_that_of_the_display_number(database: str) -> None:
    run_here("number", "add", NUMBER, "--display-number", "+16505550100", "--country", "ca", "--database", database)

    [number] = _list(database)

    assert number["country"] == "CA"


def test_json_of_an_added_number_is_the_number(database: str) -> None:
    added = run_here("number", "add", NUMBER, "--json", "--database", database)

    assert json.loads(added.stdout) == [{"phone_number_id": NUMBER, "account_id": "default"}]


def test_numbers_are_listed_as_a_table_for_people(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    table = run("number", "list", "--database", database).stdout

    assert "phone number id" in table
    assert NUMBER in table


def test_without_numbers_the_list_shows_how_to_add_one(database: str) -> None:
    _remove_the_only_number(database)

    assert "wablock number add" in run("number", "list", "--database", database).stdout


def test_without_numbers_the_json_list_is_empty(database: str) -> None:
    _remove_the_only_number(database)

    assert _list(database) == []


def _remove_the_only_number(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)
    run_here("number", "remove", NUMBER, "--yes", "--database", database)


@pytest.mark.parametrize(
    "words",
    [
        ("number", "list"),
        ("number", "remove", NUMBER, "--yes"),
        ("token", "create"),
        ("token", "list"),
        ("token", "revoke", "shop"),
        ("account", "set", "--verify-token=a-verify-token"),
        ("downstream", "list", NUMBER),
        ("upstream", "show", NUMBER),
    ],
    ids=" ".join,
)
def test_a_mistyped_path_is_refused_by_a_command_with_which_no_database_begins(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    mistyped = tmp_path / "wablok" / "wablock.db"

    refused = run_here(*words, "--database", f"sqlite:///{mistyped}")

    assert refused.returncode == 2
    assert f"wablock: There is no database {mistyped}: check --database, " in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_removed_number_is_gone(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    removed = run_here("number", "remove", NUMBER, "--yes", "--database", database)

    assert removed.stdout.strip() == f"Removed number {NUMBER} and its 0 blocks."
    assert _list(database) == []


def test_json_of_a_removed_number_has_its_id_and_the_number_of_its_blocks(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    removed = run_here("number", "remove", NUMBER, "--yes", "--json", "--database", database)

    assert json.loads(removed.stdout) == [{"phone_number_id": NUMBER, "blocks": 0}]


def test_nothing_is_removed_without_a_terminal_to_confirm(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    refused = run("number", "remove", NUMBER, stdin="y\n", WABLOCK_DATABASE=database, WABLOCK_YES="true")

    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert [number["phone_number_id"] for number in _list(database)] == [NUMBER]


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("add", "+16505550100"), "digits only"),
        (("add", "1" * 33), "digits only"),
        (("add", ""), "digits only"),
        (("add", "1", "--account", ""), "--account must not be empty"),
        (("add", "1", "--display-number", "555"), "555"),
        (("add", "1", "--country", "Nowhere"), "two letters"),
    ],
    ids=["not digits", "too long", "nothing", "no account", "no number", "no country"],
)
def test_a_failure_is_one_line_and_status_2(database: str, arguments: tuple[str, ...], error: str) -> None:
    refused = run_here("number", *arguments, "--database", database)

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert error in refused.stderr
    assert refused.stderr.startswith("wablock: ")
    assert refused.stderr.count("\n") == 1


def test_an_unknown_number_cannot_be_removed(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    refused = run_here("number", "remove", "1", "--yes", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr == "wablock: The number 1 does not exist: see wablock number list\n"


@pytest.mark.parametrize("blocked, counted", [(1, "1 block"), (10_001, "10,001 blocks")])
def test_the_blocks_that_go_with_a_number_are_counted_before_and_after(
    database: str, blocked: int, counted: str
) -> None:
    run_here("number", "add", NUMBER, "--database", database)
    _block(database, blocked)

    refused = run("number", "remove", NUMBER, "--database", database)
    removed = run_here("number", "remove", NUMBER, "--yes", "--database", database)

    assert refused.stderr == f"wablock: Nothing was removed; add --yes to remove the number and its {counted}\n"
    assert removed.stdout == f"Removed number {NUMBER} and its {counted}.\n"


def _block(database: str, users: int) -> None:
    members = [
        Member(f"1650{number}", f"1650{number}", None, f"+1650{number}")
        for number in range(5_550_000, 5_550_000 + users)
    ]
    change = Block(NUMBER, "default", 1, "test", members)
    on_store(database, lambda store: store.apply(change))


def test_a_number_cannot_be_added_twice(database: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    refused = run_here("number", "add", NUMBER, "--account", "other", "--database", database)

    assert refused.returncode == 2
    assert (
        refused.stderr == f"wablock: The number {NUMBER} already exists, in account default: see wablock number list\n"
    )
    assert [number["account_id"] for number in _list(database)] == ["default"]
    unknown = run_here("account", "set", "other", "--verify-token", "a-verify-token", "--database", database)
    assert "The account other does not exist" in unknown.stderr


def test_flags_may_come_from_the_environment(database: str) -> None:
    run("number", "add", NUMBER, "--account", "acme", "--rules", "meta", WABLOCK_DATABASE=database)

    listed = run("number", "list", WABLOCK_DATABASE=database, WABLOCK_JSON="true")

    assert json.loads(listed.stdout) == [{"phone_number_id": NUMBER, "account_id": "acme", "rules": "meta"}]
