"""`wablock events`, against a real server with two numbers; and the person that commands act for."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Server, run, started
from tests.cli.follower import following_with
from tests.cli.list_commands import ANNA, BEN, CARL, SALES, ListCommands, list_commands
from tests.cli.test_hostile_server import answering
from tests.ports import lasting_port
from tests.running_server import ACCOUNT_ID

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.settings import DEV_PHONE_NUMBER_ID as DEV_NUMBER
from wablock.settings import DEV_TOKEN

FEW_NUMBERS = AccessToken(digest("for-sales-only"), ACCOUNT_ID, "few", ALL_SCOPES, frozenset((SALES,)), 0)
WRITER = AccessToken(digest("writer"), ACCOUNT_ID, "writer", frozenset((Scope.WRITE,)), None, 0)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[ListCommands]:
    with list_commands(tmp_path, FEW_NUMBERS, WRITER) as commands:
        yield commands


def rows(table: str) -> list[list[str]]:
    """The cells of a table, whose columns are two blanks apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table.splitlines()]


def lines(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


def test_events_are_listed_newest_first_with_who_what_where_and_why(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, BEN, "--reason", "spam", "--on-behalf-of", "maria")
    commands.on("sales", "unblock", ANNA, "--reason", "a mistake")

    header, unblock, block = rows(commands.done("events"))

    assert header == ["time", "who", "what", "list", "why", "event id"]
    assert unblock[1:5] == ["test", "unblocked 1 user: +16505550101", "sales", "a mistake"]
    assert block[1:5] == ["maria via test", "blocked 2 users: +16505550101, +16505550102", "sales", "spam"]


def test_many_users_of_an_event_are_counted(commands: ListCommands) -> None:
    commands.on("sales", "block", *(f"+165055501{n:02}" for n in range(10, 30)))

    [_, block] = rows(commands.done("events"))

    assert block[2] == "blocked 20 users: +16505550110, +16505550111, +16505550112 and 17 more"


def test_events_of_shared_lists_name_the_list_and_the_place(commands: ListCommands) -> None:
    commands.done("blocklist", "create", "fraud")
    commands.done("allowlist", "create", "vip")
    commands.done("blocklist", "attach", "fraud", "--number", "support")
    commands.done("blocklist", "attach", "fraud", "--all-numbers")
    commands.done("blocklist", "detach", "fraud", "--all-numbers")
    commands.done("allowlist", "add", "vip", ANNA)
    commands.done("allowlist", "remove", "vip", ANNA, "--reason", "left us")
    commands.done("allowlist", "delete", "vip", "--yes")

    found = [(row[2], row[3]) for row in rows(commands.done("events"))[1:]]

    assert found == [
        ("deleted the list vip", "vip"),
        ("unblocked 1 user: +16505550101", found[1][1]),  # the kind of a list that is gone is not known
        ("blocked 1 user: +16505550101", found[2][1]),
        ("detached it from all numbers", "fraud"),
        ("attached it to all numbers", "fraud"),
        ("attached it to support", "fraud"),
        ("created the list vip", "vip"),
        ("created the list fraud", "fraud"),
    ]


def test_users_are_added_to_an_allow_list_and_not_blocked(commands: ListCommands) -> None:
    commands.done("allowlist", "create", "vip")
    commands.done("allowlist", "add", "vip", ANNA)

    assert rows(commands.done("events", "--limit", "1"))[1][2] == "added 1 user: +16505550101"


@pytest.mark.parametrize("name", ["fraud", "FRAUD"])
def test_events_are_filtered_by_the_name_of_a_list(commands: ListCommands, name: str) -> None:
    commands.done("blocklist", "create", "fraud")
    commands.on("sales", "block", ANNA)

    assert [row[2] for row in rows(commands.done("events", "--list", name))[1:]] == ["created the list fraud"]
    assert len(rows(commands.done("events", "--list", "sales"))) == 2
    assert len(rows(commands.done("events", "--list", SALES))) == 2


def test_events_are_filtered_by_user_batch_and_time(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, "--batch", "monday")
    commands.on("sales", "block", BEN, "--batch", "tuesday")
    commands.on("sales", "unblock", ANNA)

    def shown(*options: str) -> list[str]:
        return [it["kind"] for it in lines(commands.done("events", "--json", *options))]

    assert shown("--user", ANNA) == ["unblock", "block"]
    assert shown("--batch", "monday", "--user", BEN) == []
    assert shown("--since", "2020-01-01T00:00:00Z") == ["unblock", "block", "block"]
    assert shown("--since", "2100-01-01T00:00:00Z") == []
    oldest = lines(commands.done("events", "--json"))[-1]["event_id"]
    assert shown("--since", oldest) == ["unblock", "block"]
    assert shown("--since", oldest, "--list", "support") == []


def test_json_has_one_event_on_each_line(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, "--reason", "spam")
    commands.on("sales", "block", BEN)

    newest, oldest = lines(commands.done("events", "--json"))

    assert (newest["users"][0]["wa_id"], oldest["users"][0]["after"]["reason"]) == (BEN[1:], "spam")


def test_more_events_than_the_limit_are_mentioned(commands: ListCommands) -> None:
    for user in (ANNA, BEN, CARL):
        commands.on("sales", "block", user)

    process = commands("events", "--limit", "2")

    assert len(rows(process.stdout)) == 3
    assert process.stderr == "There are more: --limit N shows N events.\n"
    assert commands("events", "--limit", "3").stderr == ""


def test_more_events_than_a_page_are_listed(commands: ListCommands) -> None:
    for _ in range(55):
        commands.on("sales", "block", ANNA)
        commands.on("sales", "unblock", ANNA)

    assert len(lines(commands.done("events", "--json", "--limit", "105"))) == 105


def test_without_events_the_command_says_so(commands: ListCommands) -> None:
    assert commands.done("events") == "There are no such events.\n"
    assert commands.done("events", "--json") == ""


@pytest.mark.parametrize(
    "options, message",
    [
        (("--list", "frad"), "No list or number of the token's account has the name 'frad'; did you mean fraud?"),
        (("--since", "yesterday"), "--since 'yesterday' is not a time"),
        (("--since", "2027-01-31T12:00:00"), "has no zone"),
        (("--limit", "0"), "--limit"),
        (("--list", "1"), "has no such list or number"),
    ],
)
def test_options_that_are_not_understood_are_refused(
    commands: ListCommands, options: tuple[str, ...], message: str
) -> None:
    commands.done("blocklist", "create", "fraud")

    assert message in commands.refused("events", *options)


def test_a_token_for_some_numbers_shows_their_events(commands: ListCommands) -> None:
    commands.done("blocklist", "create", "fraud")
    commands.on("sales", "block", ANNA)

    process = run("events", **commands.variables | {"WABLOCK_TOKEN": "for-sales-only"})

    assert process.returncode == 0, process.stderr
    assert [row[3] for row in rows(process.stdout)[1:]] == ["sales"]


@pytest.mark.parametrize("words", [["events"], ["undo", "1-1", "--yes"]])
def test_a_server_without_events_is_named(words: list[str]) -> None:
    with answering('{"error":{"message":"Unknown path components: /events","code":2500}}', 400) as url:
        process = run(*words, WABLOCK_URL=url, WABLOCK_TOKEN="token")

    assert process.returncode == 2
    assert process.stderr == (
        f"wablock: {url}: The server has no events (/v1/events), as Meta's API and older wablock servers.\n"
    )


def test_a_token_that_may_not_read_is_refused(commands: ListCommands) -> None:
    process = run("events", **commands.variables | {"WABLOCK_TOKEN": "writer"})

    assert process.returncode == 2
    assert "does not allow this with this token" in process.stderr


# -- follow


def test_new_events_are_followed_oldest_first_until_ctrl_c(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, "--on-behalf-of", "maria", "--reason", "spam")
    commands.on("sales", "block", BEN)

    with following_with("events", "--follow", **commands.variables) as follower:
        first, second = follower.line(), follower.line()
        commands.on("sales", "unblock", ANNA)
        third = follower.line()
        status = follower.interrupt()

    assert "maria via test  blocked 1 user: +16505550101  on sales (spam)" in first
    assert "blocked 1 user: +16505550102" in second
    assert "unblocked 1 user: +16505550101" in third
    assert status == 130


def test_a_list_that_is_created_meanwhile_is_followed_with_its_name(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA)

    with following_with("events", "--follow", **commands.variables) as follower:
        follower.line()
        commands.done("blocklist", "create", "fraud")
        commands.done("blocklist", "add", "fraud", BEN)
        created, added = follower.line(), follower.line()

    assert "created the list fraud" in created
    assert "blocked 1 user: +16505550102  on fraud" in added


def test_events_are_followed_from_a_place_in_json(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA)
    commands.on("sales", "block", BEN)
    oldest = lines(commands.done("events", "--json"))[-1]["event_id"]

    with following_with("events", "--follow", "--since", oldest, "--json", **commands.variables) as follower:
        first = json.loads(follower.line())
        commands.on("sales", "unblock", ANNA)
        second = json.loads(follower.line())

    assert [it["kind"] for it in (first, second)] == ["block", "unblock"]
    assert first["users"][0]["wa_id"] == BEN[1:]


def test_following_continues_after_a_restart_without_gaps_or_repeats(tmp_path: Path) -> None:
    port = str(lasting_port())

    def serve() -> AbstractContextManager[Server]:
        return started("dev", "--port", port, "--data", str(tmp_path / "dev.db"))

    with ExitStack() as stack:
        with serve() as before:
            at = {"WABLOCK_URL": before.url, "WABLOCK_TOKEN": DEV_TOKEN, "WABLOCK_PHONE_NUMBER_ID": DEV_NUMBER}
            run("block", ANNA, **at)
            follower = stack.enter_context(following_with("events", "--follow", "--json", **at))
            users = [json.loads(follower.line())["users"][0]["wa_id"]]
        complaint = follower.complaint()
        with serve():
            for user in (BEN, CARL):
                run("block", user, **at)
            users += [json.loads(follower.line())["users"][0]["wa_id"] for _ in range(2)]

    assert users == [ANNA[1:], BEN[1:], CARL[1:]]
    assert complaint.startswith("wablock: Cannot reach http://127.0.0.1:")


# -- the person


@pytest.mark.parametrize(
    "words",
    [
        ("block", BEN, "--phone-number-id", "sales"),
        ("block", BEN, "--phone-number-id", "sales", "--block-api"),
        ("unblock", ANNA, "--phone-number-id", "sales"),
        ("unblock", ANNA, "--phone-number-id", "sales", "--reason", "a mistake"),
        ("edit", ANNA, "--reason", "fraud", "--phone-number-id", "sales"),
        ("blocklist", "create", "new"),
        ("blocklist", "add", "fraud", BEN),
        ("blocklist", "remove", "fraud", ANNA),
        ("blocklist", "attach", "fraud", "--number", "sales"),
        ("blocklist", "attach", "fraud", "--all-numbers"),
        ("blocklist", "detach", "fraud", "--number", "support"),
        ("blocklist", "delete", "unused", "--yes"),
        ("allowlist", "attach", "vip", "--all-numbers", "--yes"),
    ],
    ids=" ".join,
)
def test_every_command_that_changes_a_list_records_the_person(commands: ListCommands, words: tuple[str, ...]) -> None:
    for name in ("fraud", "unused"):
        commands.done("blocklist", "create", name)
    commands.done("allowlist", "create", "vip")
    commands.done("blocklist", "add", "fraud", ANNA)
    commands.done("blocklist", "attach", "fraud", "--number", "support")
    commands.on("sales", "block", ANNA)

    commands.done(*words, "--on-behalf-of", "María")

    [event] = lines(commands.done("events", "--json", "--limit", "1"))
    assert (event["by"], event["on_behalf_of"]) == ("test", "María")


def test_the_person_may_be_a_variable(commands: ListCommands) -> None:
    run("block", ANNA, **commands.variables, WABLOCK_ON_BEHALF_OF="maria")

    assert rows(commands.done("events"))[1][1] == "maria via test"


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_recorded_is_refused_and_nothing_is_changed(commands: ListCommands, name: str) -> None:
    process = commands.on("sales", "block", ANNA, "--on-behalf-of", name)

    assert process.returncode == 2
    assert "on-behalf-of" in process.stderr.lower()
    assert commands.done("events") == "There are no such events.\n"


def test_reading_commands_have_no_person() -> None:
    assert "--on-behalf-of" not in run("list", "--help").stdout
    assert "--on-behalf-of" in run("unblock", "--help").stdout


# -- the reason of a removal


def test_the_reason_of_an_unblock_is_recorded_with_all_its_users(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, BEN)

    printed = commands.on("sales", "unblock", ANNA, BEN, "hello", "--reason", "größer ✓").stdout

    assert printed.startswith("Unblocked 2 users.\n1 user failed:\n")
    (found,) = lines(commands.done("events", "--json", "--limit", "1"))
    assert (found["kind"], found["reason"], found["user_count"]) == ("unblock", "größer ✓", 2)


def test_an_unblock_with_a_reason_says_if_a_shared_list_still_blocks(commands: ListCommands) -> None:
    commands.done("blocklist", "create", "fraud")
    commands.done("blocklist", "add", "fraud", ANNA)
    commands.done("blocklist", "attach", "fraud", "--all-numbers")
    commands.on("sales", "block", ANNA)

    process = commands.on("sales", "unblock", ANNA, "--reason", "a mistake")

    assert process.returncode == 1
    assert "1 user is still blocked: fraud" in process.stdout
