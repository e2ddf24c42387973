"""`wablock audit verify` on the database of a running server."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run, run_here
from tests.cli.list_commands import ANNA, BEN, SALES, ListCommands, list_commands
from tests.cli.terminal import wablock_on_terminal
from tests.running_server import ACCOUNT_ID


class Audit:
    """The command on a database with two lists: sales has two events, and fraud one."""

    def __init__(self, commands: ListCommands, file: Path) -> None:
        self.commands = commands
        self._file = file
        self.database = f"sqlite:///{file}"

    def __call__(self, *options: str) -> Any:
        return run_here("audit", "verify", *options, "--database", self.database)

    def json(self, *options: str) -> Any:
        return json.loads(self(*options, "--json").stdout)

    def change(self, statement: str) -> None:
        with sqlite3.connect(self._file) as connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with list_commands(tmp_path / "server") as commands:
        commands.on("sales", "block", ANNA)
        commands.on("sales", "block", BEN)
        commands.done("blocklist", "create", "fraud")
        yield Audit(commands, tmp_path / "server" / "wablock.db")


def test_each_list_has_a_line_with_its_events_and_its_end(audit: Audit) -> None:
    process = audit()

    header, sales, fraud = process.stdout.splitlines()
    assert (process.returncode, process.stderr) == (0, "")
    assert header.split() == ["list", "id", "account", "id", "events", "first", "last", "result", "end"]
    assert sales.split()[:3] == [SALES, ACCOUNT_ID, "2"]
    assert sales.split()[5] == fraud.split()[5] == "ok"
    assert sales.split()[6].startswith(f"{SALES}:")


def test_a_changed_event_is_named_with_what_it_means(audit: Audit) -> None:
    audit.change(f"UPDATE event SET text = replace(text, 'test', 'tesu') WHERE list_id = '{SALES}'")

    process = audit()

    assert process.returncode == 1
    assert "2 faults:" in process.stdout
    assert f"{SALES}-" in process.stdout
    assert "It is not as it was written" in process.stdout


def test_bytes_that_are_no_text_are_a_fault_and_no_crash(audit: Audit) -> None:
    audit.change(f"UPDATE event SET text = CAST(x'fffe' AS TEXT) WHERE list_id = '{SALES}'")

    assert (audit().returncode, audit().stderr) == (1, "")


def test_json_has_each_list_with_its_faults(audit: Audit) -> None:
    correct = audit.json()
    audit.change(f"DELETE FROM event WHERE list_id = '{SALES}'")

    sales, fraud = audit.json()

    assert [(it["events"], it["faults"]) for it in correct] == [(2, []), (1, [])]
    assert [(it["event_id"], it["fault"]) for it in sales["faults"]] == [(None, "missing")]
    assert "end" not in sales
    assert fraud == correct[1]


@pytest.mark.parametrize("text", ["sales", SALES])
def test_one_list_is_verified_by_id_or_name(audit: Audit, text: str) -> None:
    assert [it["list_id"] for it in audit.json("--list", text)] == [SALES]


def test_the_lists_of_one_account_are_verified(audit: Audit) -> None:
    assert len(audit.json("--account", ACCOUNT_ID)) == 2


def test_an_end_that_was_noted_is_expected(audit: Audit) -> None:
    end = audit.json("--list", SALES)[0]["end"]
    audit.commands.on("sales", "unblock", ANNA)
    wrong = end[:-1] + ("0" if end[-1] != "0" else "1")

    assert audit("--expect", end).returncode == 0
    refused = audit("--expect", end, "--expect", wrong)
    assert refused.returncode == 1
    assert "rewritten" in refused.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (("--list", "1"), "The list 1 has no events"),
        (("--list", "slaes"), "No number has the name 'slaes'; did you mean sales?"),
        (("--account", "nosuch"), "The account nosuch has no events"),
        (("--expect", f"1:2:{64 * 'a'}", "--list", "1"), "Pass --expect without --list and --account"),
        (("--expect", "1:2:3"), "--expect '1:2:3' is not an end as wablock audit verify prints it: LIST_ID:AT:HASH"),
    ],
)
def test_what_cannot_be_verified_is_refused(audit: Audit, options: tuple[str, ...], message: str) -> None:
    process = audit(*options)

    assert (process.returncode, process.stdout) == (2, "")
    assert message in process.stderr


def test_a_database_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    process = run("audit", "verify", "--database", f"sqlite:///{tmp_path}/nosuch.db")

    assert process.returncode == 2
    assert "There is no database" in process.stderr


def test_a_terminal_shows_no_rest_of_the_progress(audit: Audit) -> None:
    code, screen = wablock_on_terminal(240, "audit", "verify", WABLOCK_DATABASE=audit.database)

    assert code == 0
    assert "list id" in screen
