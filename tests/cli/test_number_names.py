"""Names of numbers on the command line."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run_here, without_warning
from tests.cli.test_hostile_server import answering
from tests.running_server import PHONE_NUMBER_ID, RunningServer, running_server

from wablock.block_list.ports import BusinessNumber

NUMBER, SECOND, THIRD = "106540352242922", "106540352242923", "106540352242924"


@pytest.fixture
def named(database: str) -> list[str]:
    """The options of a database with the numbers Sales and Support of acme, and Sales of another account."""
    for number, name, account in ((NUMBER, "Sales", "acme"), (SECOND, "Support", "acme"), (THIRD, "Sales", "other")):
        added = run_here("number", "add", number, "--name", name, "--account", account, "--database", database)
        assert added.returncode == 0, added.stderr
    return ["--database", database]


def _numbers(named: list[str]) -> dict[str, dict[str, Any]]:
    numbers = json.loads(run_here("number", "list", "--json", *named).stdout)
    return {number["phone_number_id"]: number for number in numbers}


def test_a_list_shows_names(named: list[str]) -> None:
    assert [number.get("name") for number in _numbers(named).values()] == ["Sales", "Support", "Sales"]


def test_a_number_is_changed_by_its_name(named: list[str]) -> None:
    changed = run_here("number", "set", "support", "--name", "Help", "--country", "gb", "--rules", "meta", *named)

    assert changed.stdout == f"Changed number {SECOND}.\n"
    assert _numbers(named)[SECOND].items() >= {"name": "Help", "country": "GB", "rules": "meta"}.items()


def test_a_change_keeps_what_it_does_not_name_and_clears_what_it_shall(named: list[str]) -> None:
    run_here("number", "set", SECOND, "--display-number", "+16505550100", "--country", "US", "--waba", "7", *named)

    run_here("number", "set", SECOND, "--clear", "name", "--clear", "display-number", "--clear", "waba", *named)

    assert _numbers(named)[SECOND] == {"phone_number_id": SECOND, "account_id": "acme", "country": "US"}


def test_json_of_a_changed_number_is_the_number(named: list[str]) -> None:
    changed = run_here("number", "set", "Support", "--name", "Help", "--json", *named)

    assert json.loads(changed.stdout) == [{"phone_number_id": SECOND, "name": "Help", "account_id": "acme"}]


def test_a_number_is_removed_by_its_name(named: list[str]) -> None:
    assert run_here("number", "remove", "SUPPORT", "--yes", *named).stdout.startswith(f"Removed number {SECOND}")

    assert list(_numbers(named)) == [NUMBER, THIRD]


def test_receivers_and_upstreams_take_a_name(named: list[str], tmp_path: Path) -> None:
    places = [*named, "--secret-key-file", str(tmp_path / "secret.key")]

    added = run_here("downstream", "add", "support", "https://hooks.example/in", "--json", *places)
    listed = run_here("downstream", "list", "support", "--json", *places)
    set_ = run_here("upstream", "set", "support", "--token", "t", "--json", *places)
    shown = run_here("upstream", "show", "support", "--json", *places)
    removed = run_here("downstream", "remove", "support", json.loads(added.stdout)["downstream_id"], *places)
    gone = run_here("upstream", "remove", "support", "--json", *places)

    assert json.loads(added.stdout)["phone_number_id"] == SECOND
    assert [it["url"] for it in json.loads(listed.stdout)] == ["https://hooks.example/in"]
    assert json.loads(set_.stdout)["phone_number_id"] == SECOND
    assert json.loads(shown.stdout)[0]["phone_number_id"] == SECOND
    assert removed.returncode == 0
    assert json.loads(gone.stdout) == {"phone_number_id": SECOND}


def test_a_token_is_for_numbers_by_name(named: list[str]) -> None:
    made = run_here("token", "create", "--number", "support", "--number", NUMBER, "--json", *named)

    token = json.loads(made.stdout)
    assert (token["phone_number_ids"], token["account_id"]) == ([NUMBER, SECOND], "acme")


def test_a_name_of_two_accounts_is_that_of_the_tokens_account(named: list[str]) -> None:
    made = run_here("token", "create", "--number", "sales", "--account", "other", "--json", *named)

    assert json.loads(made.stdout)["phone_number_ids"] == [THIRD]


@pytest.mark.parametrize(
    "words, error",
    [
        (
            ["set", "supports", "--name", "x"],
            "No number has the name 'supports'; did you mean Support? See wablock number",
        ),
        (["remove", "xyz", "--yes"], "No number has the name 'xyz'. See wablock number list"),
        (["remove", "", "--yes"], "PHONE-NUMBER-ID '' is neither a phone number id (digits, such as 1065"),
        (["set", "9", "--name", "x"], "The number 9 does not exist: see wablock number list"),
        (
            ["set", "sales", "--name", "x"],
            f"2 numbers have the name 'sales': use an id, {NUMBER} (account acme) or {THIRD} (account other)",
        ),
        (["set", SECOND], "Nothing to change: add --name, --display-number, --country, --rules, --waba or --clear"),
        (["set", SECOND, "--name", "1065"], "--name '1065' must have 1 to 64 printable characters, and not only"),
        (["set", SECOND, "--name", "sales"], "--name 'sales' is the name of another number in account acme: see"),
        (["set", SECOND, "--name", "x", "--clear", "name"], "--name and --clear name contradict each other"),
        (["set", SECOND, "--country", "zz"], "--country 'zz' is not a country"),
        (["add", "7", "--name", "SALES", "--account", "acme"], "--name 'SALES' is the name of another number in"),
        (["add", "sales"], "PHONE-NUMBER-ID 'sales' is not a phone number id: use digits only"),
    ],
)
def test_a_name_that_does_not_fit_is_refused_in_one_line(named: list[str], words: list[str], error: str) -> None:
    before = _numbers(named)

    refused = run_here("number", *words, *named)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"wablock: {error}")
    assert refused.stderr.count("\n") == 1
    assert _numbers(named) == before


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path / "server") as running:
        asyncio.run(_name_numbers(running))
        yield running


async def _name_numbers(server: RunningServer) -> None:
    store = server.wired.store
    await store.add_number(BusinessNumber(SECOND, "102290129340398", name="Support"), 1)


def test_commands_for_a_server_take_a_name(server: RunningServer) -> None:
    flags = ["--url", server.url, "--token", server.token]

    blocked = run_here("block", "+16505551234", "--phone-number-id", "support", *flags)
    checked = run_here("check", "+16505551234", "--phone-number-id", SECOND, *flags)
    other = run_here("check", "+16505551234", "--phone-number-id", PHONE_NUMBER_ID, *flags)
    drops = run_here("drops", "Support", *flags)

    assert (blocked.returncode, checked.returncode, other.returncode, drops.returncode) == (0, 0, 1, 0)


def test_an_unknown_name_at_a_server_is_refused_with_names_that_are_near(server: RunningServer) -> None:
    flags = ["--url", server.url, "--token", server.token]

    refused = run_here("list", "--phone-number-id", "supports", *flags)

    assert refused.returncode == 2
    assert without_warning(refused.stderr) == (
        "wablock: No number has the name 'supports'; did you mean Support? Names are those of the token's numbers.\n"
    )


def test_a_name_with_a_wrong_token_is_refused_for_the_token(server: RunningServer) -> None:
    refused = run_here("list", "--phone-number-id", "support", "--url", server.url, "--token", "wrong")

    assert refused.returncode == 2
    assert "refuses the token" in refused.stderr


@pytest.mark.parametrize("status, code", [(400, 2500), (404, 1), (400, 100)])
def test_a_server_that_has_no_names_is_reported(status: int, code: int) -> None:
    error = {"message": "Unknown path components: /numbers", "code": code, "error_subcode": 33 if code == 100 else None}

    with answering(json.dumps({"error": error}), status, "Bad") as url:
        refused = run_here("list", "--phone-number-id", "support", "--url", url, "--token", "t")

    assert refused.returncode == 2
    assert f"{url} has no names of numbers: use the id, such as --phone-number-id" in refused.stderr
