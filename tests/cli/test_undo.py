"""`wablock undo`, against a real server with two numbers."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import environment, run
from tests.cli.list_commands import ANNA, BEN, CARL, SALES, ListCommands, list_commands
from tests.cli.terminal import wablock_on_terminal, without_styles
from tests.running_server import ACCOUNT_ID

from wablock.access import AccessToken, Scope, digest

READER = AccessToken(digest("reader"), ACCOUNT_ID, "reader", frozenset((Scope.READ,)), None, 0)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[ListCommands]:
    with list_commands(tmp_path, READER) as commands:
        yield commands


@pytest.fixture
def monday(commands: ListCommands) -> ListCommands:
    """With a batch that blocked Anna and Ben on sales, and Anna on fraud. Ben's reason was changed since."""
    commands.done("blocklist", "create", "fraud")
    commands.on("sales", "block", ANNA, BEN, "--batch", "monday", "--reason", "spam")
    commands.done("blocklist", "add", "fraud", ANNA, "--batch", "monday")
    commands.on("sales", "edit", BEN, "--reason", "fraud")
    return commands


def newest(commands: ListCommands) -> str:
    return str(json.loads(commands.done("events", "--json", "--limit", "1"))["event_id"])


def users(commands: ListCommands) -> list[str]:
    return [f"+{wa_id}" for wa_id in commands.on("sales", "list", "--plain", "--all").stdout.split()]


def test_an_event_is_undone(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, BEN)
    event_id = newest(commands)

    printed = commands.done("undo", event_id, "--yes", "--reason", "a wrong file", "--on-behalf-of", "maria")

    assert printed == "Removed 2 users: +16505550101, +16505550102.\n"
    assert users(commands) == []
    event = json.loads(commands.done("events", "--json", "--limit", "1"))
    assert (event["kind"], event["undoes"]) == ("undo", event_id)
    assert (event["reason"], event["on_behalf_of"]) == ("a wrong file", "maria")


def test_an_unblock_and_an_edit_are_undone(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA, BEN, "--reason", "spam")
    commands.on("sales", "edit", ANNA, "--reason", "fraud")
    edit = newest(commands)
    commands.on("sales", "unblock", BEN)

    printed = [commands.done("undo", event_id, "--yes") for event_id in (newest(commands), edit)]

    assert printed == ["Restored 1 user: +16505550102.\n", "Changed back 1 user: +16505550101.\n"]
    assert [it["reason"] for it in commands.json("list", "--details", "--phone-number-id", "sales")] == ["spam"] * 2


def test_a_batch_is_undone_on_all_lists_and_names_users_that_were_changed_since(monday: ListCommands) -> None:
    process = monday("undo", "--batch", "monday", "--yes")

    assert process.returncode == 1
    assert process.stdout == (
        "Removed 1 user on 2 lists: +16505550101.\n"
        "1 user was left alone:\n"
        "user          list   left because\n"
        "+16505550102  sales  was changed since\n"
        "Batch: undo-monday\n"
    )
    assert users(monday) == [BEN]
    assert monday.users("block", "fraud") == []


def test_the_undo_of_a_batch_is_a_batch_that_can_be_undone(monday: ListCommands) -> None:
    monday("undo", "--batch", "monday", "--yes")

    printed = monday.done("undo", "--batch", "undo-monday", "--yes")

    assert printed == "Restored 1 user on 2 lists: +16505550101.\nBatch: undo-undo-monday\n"
    assert users(monday) == [ANNA, BEN]
    assert monday.users("block", "fraud") == [ANNA]


def test_undos_of_batches_with_long_names_are_batches_of_their_own(commands: ListCommands) -> None:
    printed = []
    for user, end in ((ANNA, "a"), (BEN, "b")):
        batch = "x" * 99 + end
        commands.on("sales", "block", user, "--batch", batch)
        printed.append(commands.done("undo", "--batch", batch, "--yes").splitlines()[-1].removeprefix("Batch: "))

    assert len(set(printed)) == 2
    assert [len(it) for it in printed] == [100, 100]


def test_a_batch_can_be_undone_again(monday: ListCommands) -> None:
    monday("undo", "--batch", "monday", "--yes")
    count = len(monday.done("events", "--json").splitlines())

    again = monday("undo", "--batch", "monday", "--yes")

    assert again.stdout.startswith("Nothing was changed. 2 users are as before already.\n1 user was left alone:\n")
    assert len(monday.done("events", "--json").splitlines()) == count


@pytest.mark.parametrize("order", ["once", "again"])
def test_a_user_that_a_batch_changed_twice_is_as_before_the_batch(commands: ListCommands, order: str) -> None:
    commands.on("sales", "block", ANNA, "--reason", "court order")
    before = commands.json("list", "--details", "--phone-number-id", "sales")
    for reason in ("spam", "fraud"):
        commands.on("sales", "block", ANNA, BEN, "--reason", reason, "--replace", "--batch", "monday")

    preview = commands.done("undo", "--batch", "monday", "--dry-run")
    undone = commands.done("undo", "--batch", "monday", "--yes")
    again = commands.done("undo", "--batch", "monday", "--yes") if order == "again" else ""

    assert preview == "This would remove 1 user: +16505550102; change back 1 user: +16505550101.\n"
    assert undone == "Removed 1 user: +16505550102; changed back 1 user: +16505550101.\nBatch: undo-monday\n"
    assert again in ("", "Nothing was changed. 2 users are as before already.\n")
    assert commands.json("list", "--details", "--phone-number-id", "sales") == before


def test_a_batch_of_many_events_is_undone_over_all_pages(commands: ListCommands) -> None:
    for _ in range(105):
        commands.on("sales", "block", ANNA, "--batch", "monday")
        commands.on("sales", "unblock", ANNA)
    commands.on("sales", "block", ANNA, "--batch", "monday")

    process = commands("undo", "--batch", "monday", "--yes", "--json")

    report = json.loads(process.stdout)
    assert (process.returncode, len(report["events"]), report["changed"]) == (0, 106, 1)
    assert users(commands) == []


# -- the preview and the question


def test_a_dry_run_shows_what_an_undo_does_and_changes_nothing(monday: ListCommands) -> None:
    events = monday.done("events", "--json")

    preview = monday.done("undo", "--batch", "monday", "--dry-run")

    assert preview == (
        "This would remove 1 user on 2 lists: +16505550101.\n"
        "1 user would be left alone:\n"
        "user          list   left because\n"
        "+16505550102  sales  was changed since\n"
    )
    assert monday.done("events", "--json") == events


def test_without_a_terminal_an_undo_needs_yes(monday: ListCommands) -> None:
    process = run("undo", "--batch", "monday", **monday.variables)

    assert process.returncode == 2
    assert process.stdout.startswith("This would remove 1 user on 2 lists")
    assert process.stderr == "wablock: Nothing was undone; add --yes to undo batch monday\n"
    assert len(users(monday)) == 2


@pytest.mark.parametrize("typed, status, left", [("y\n", 1, [BEN]), ("n\n", 2, [ANNA, BEN]), ("\x04", 2, [ANNA, BEN])])
def test_on_a_terminal_the_command_asks(monday: ListCommands, typed: str, status: int, left: list[str]) -> None:
    code, screen = wablock_on_terminal(120, "undo", "--batch", "monday", typed=typed, **monday.variables)

    assert code == status
    shown = without_styles(screen)
    assert "This would remove 1 user on 2 lists" in shown
    assert "Undo batch monday? [y/n]" in shown
    assert users(monday) == left


def test_no_question_comes_if_nothing_would_change(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA)
    event_id = newest(commands)
    commands.done("undo", event_id, "--yes")

    assert commands.done("undo", event_id) == "Nothing would change. 1 user is as before already.\n"


def test_users_who_are_all_left_alone_are_a_failure_also_without_a_question(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA)
    event_id = newest(commands)
    commands.on("sales", "edit", ANNA, "--reason", "fraud")

    assert (commands("undo", event_id).returncode, commands("undo", event_id, "--yes").returncode) == (1, 1)


# -- json


def test_json_has_each_user_with_its_list_and_effect(monday: ListCommands) -> None:
    process = monday("undo", "--batch", "monday", "--yes", "--json")

    report = json.loads(process.stdout)
    assert (report["preview"], report["changed"], report["left"]) == (False, 2, 1)
    assert {(it["list_id"] == SALES, it["wa_id"], it["effect"]) for it in report["users"]} == {
        (False, ANNA[1:], "removed"),
        (True, ANNA[1:], "removed"),
        (True, BEN[1:], "changed_since"),
    }
    assert all(it["undo_event_id"] for it in report["events"])


def test_json_of_a_dry_run_is_a_preview(monday: ListCommands) -> None:
    report = json.loads(monday.done("undo", "--batch", "monday", "--dry-run", "--json"))

    assert (report["preview"], report["changed"], report["left"]) == (True, 2, 1)
    assert len(users(monday)) == 2


# -- what is left alone


def test_a_user_on_an_allow_list_is_named(commands: ListCommands) -> None:
    commands.on("sales", "block", ANNA)
    commands.on("sales", "unblock", ANNA)
    event_id = newest(commands)
    commands.done("allowlist", "create", "vip")
    commands.done("allowlist", "add", "vip", ANNA)
    commands.done("allowlist", "attach", "vip", "--all-numbers")

    process = commands("undo", event_id, "--yes")

    assert process.returncode == 1
    assert "+16505550101  sales  is on the allow list vip: remove it there first" in process.stdout


def test_an_event_that_cannot_be_undone_is_named(commands: ListCommands) -> None:
    commands.done("blocklist", "create", "fraud")
    event_id = newest(commands)

    process = commands("undo", event_id, "--yes")

    assert process.returncode == 1
    assert process.stdout == (
        f"Nothing was changed.\nThe event {event_id} cannot be undone: it made a list. Delete the list.\n"
    )


# -- refusals and interruptions


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "Pass an EVENT_ID, as wablock events shows it, or --batch"),
        (("1-1", "--batch", "x"), "Pass an EVENT_ID, as wablock events shows it, or --batch"),
        (("1-1", "--yes", "--dry-run"), "Pass --dry-run or --yes, not both"),
        (("1-1", "--yes"), "There is no event 1-1, or the token may not undo it: see wablock events"),
        (("1-1",), "There is no event 1-1, or the token may not undo it: see wablock events"),
        (("a/b", "--yes"), "event_id must be the id of an event"),
        (("--batch", "nosuch"), "No event that the token may see is of the batch 'nosuch': see wablock events"),
    ],
)
def test_an_undo_that_cannot_run_is_refused(commands: ListCommands, words: tuple[str, ...], message: str) -> None:
    assert message in commands.refused("undo", *words)


def test_a_token_without_write_cannot_undo(monday: ListCommands) -> None:
    process = run("undo", "--batch", "monday", "--yes", **monday.variables | {"WABLOCK_TOKEN": "reader"})

    assert process.returncode == 2
    assert "does not allow this with this token" in process.stderr
    assert len(users(monday)) == 2


_INTERRUPTED = """
from wablock.cli import main
from wablock.client import Client, NoAnswer

undo, calls = Client.undo, []

def stop_at_the_second(client, event_id, **options):
    calls.append(event_id)
    if len(calls) == 2:
        raise {error}
    return undo(client, event_id, **options)

Client.undo = stop_at_the_second
main(["undo", "--batch", "monday", "--yes", *{more!r}])
"""


def _stopped(commands: ListCommands, error: str, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", _INTERRUPTED.format(error=error, more=more)],
        env=environment(**commands.variables),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "error, status, why",
    [
        ("KeyboardInterrupt", 128 + signal.SIGINT, "Interrupted"),
        ("NoAnswer('connection reset')", 2, "connection reset"),
    ],
)
def test_an_interrupted_undo_says_how_far_it_came_and_is_continued(
    monday: ListCommands, error: str, status: int, why: str
) -> None:
    process = _stopped(monday, error)

    assert process.returncode == status
    assert process.stdout == "Removed 1 user: +16505550101.\nBatch: undo-monday\n"
    assert why in process.stderr
    assert "1 of 2 events are undone; to continue, run the same command again" in process.stderr
    assert monday("undo", "--batch", "monday", "--yes").stdout.startswith("Removed 1 user: +16505550101. 1 user is")


def test_json_of_an_interrupted_undo_has_the_error(monday: ListCommands) -> None:
    report: Any = json.loads(_stopped(monday, "KeyboardInterrupt", "--json").stdout)

    assert (report["changed"], len(report["events"])) == (1, 1)
    assert "1 of 2 events are undone" in report["error"]["message"]


def test_carl_is_not_touched_by_the_undo_of_others(monday: ListCommands) -> None:
    monday.on("sales", "block", CARL)

    monday("undo", "--batch", "monday", "--yes")

    assert users(monday) == [CARL, BEN]
