"""`wablock block` for users who are blocked already, its batches, and `wablock edit`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run_here
from tests.cli.test_block_list import BlockListCommands
from tests.listening import QuietHandler, listening
from tests.running_server import running_server

ANNA, BEN = "+16505550101", "+16505550102"
END = "2100-01-31T12:00:00Z"


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[BlockListCommands]:
    with running_server(tmp_path) as server:
        yield BlockListCommands(server)


def listed(commands: BlockListCommands, user: str = ANNA) -> Any:
    [row] = [row for row in commands.json("list", "--details") if row["input"] == user]
    return row


def test_users_who_are_blocked_keep_their_details(commands: BlockListCommands) -> None:
    commands("block", ANNA, "--reason", "spam", "--until", END)
    before = listed(commands)

    again = commands("block", ANNA, BEN, "--reason", "campaign")

    assert again.stdout == (
        "Blocked 1 user; 1 was already blocked.\n"
        "Users who were already blocked keep their reason, note and end. --replace gives them these.\n"
    )
    assert listed(commands) == before
    assert (listed(commands, BEN)["reason"], listed(commands, BEN)["source"]) == ("campaign", "cli")


def test_with_replace_they_get_the_new_details(commands: BlockListCommands) -> None:
    commands("block", ANNA, "--reason", "spam", "--note", "old", "--until", END)

    again = commands("block", ANNA, BEN, "--reason", "campaign", "--replace")

    row = listed(commands)
    assert again.stdout == ("Blocked 1 user; 1 was already blocked; 1 of them now has the new reason, note or end.\n")
    assert (row["reason"], "note" in row, "expires_at" in row, row["updated_by"]) == ("campaign", False, False, "test")


def test_users_of_a_file_are_a_batch(commands: BlockListCommands, tmp_path: Path) -> None:
    (tmp_path / "users").write_text(f"{ANNA}\n{BEN}\n")

    process = commands("block", "--file", str(tmp_path / "users"))
    again = commands.json("block", "--file", str(tmp_path / "users"))

    summary, _, batch = process.stdout.partition("\nBatch: ")
    assert summary == "Blocked 2 users."
    assert {listed(commands, user)["batch_id"] for user in (ANNA, BEN)} == {batch.strip()}
    assert again["batch_id"] not in ("", batch.strip())


def test_a_batch_may_have_a_name(commands: BlockListCommands) -> None:
    process = commands("block", ANNA, "--batch", "monday")
    without = commands("block", BEN)

    assert process.stdout == "Blocked 1 user.\nBatch: monday\n"
    assert without.stdout == "Blocked 1 user.\n"
    assert listed(commands)["batch_id"] == "monday"
    assert "batch_id" not in listed(commands, BEN)


def test_the_block_api_is_used_on_request(commands: BlockListCommands) -> None:
    commands("block", ANNA, "--reason", "spam", "--until", END)

    process = commands("block", ANNA, BEN, "--block-api")

    assert process.stdout == ("Blocked 1 user; 1 was already blocked; 1 of them now has the new reason, note or end.\n")
    assert (listed(commands)["reason"], "expires_at" in listed(commands)) == ("spam", False)
    assert listed(commands, BEN)["source"] == "api"


@pytest.mark.parametrize("others", [["--replace"], ["--batch", "monday"]])
def test_the_block_api_has_no_batch_and_does_not_replace(others: list[str]) -> None:
    process = run_here("block", ANNA, "--block-api", *others)

    assert process.returncode == 2
    assert f"Pass --block-api or {others[0]}, not both" in process.stderr


@contextmanager
def without_lists(body: str, status: int = 400) -> Iterator[tuple[list[str], list[str]]]:
    """The flags for a server that has only the Block API, and the paths of its requests."""
    paths = []

    class Answering(QuietHandler):
        def do_POST(self) -> None:
            self.read_body()
            paths.append(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_PATCH = do_POST

    with listening(Answering) as port:
        yield ["--url", f"http://127.0.0.1:{port}", "--token", "t", "--phone-number-id", "106540352242922"], paths


def _error(code: int, message: str, **others: int) -> str:
    return json.dumps({"error": {"message": message, "type": "OAuthException", "code": code, **others}})


@pytest.mark.parametrize(
    "body, status",
    [
        (_error(2500, "Unknown path components: /106540352242922/members"), 400),
        (_error(100, "Unsupported post request. Object with ID 'v1' does not exist", error_subcode=33), 400),
        ("<html>Not found</html>", 404),
    ],
    ids=["an older wablock", "Meta", "another server"],
)
@pytest.mark.parametrize("command", [["block", ANNA], ["block", ANNA, "--replace"], ["edit", ANNA, "--no-end"]])
def test_a_server_without_lists_is_named_and_gets_no_other_request(command: list[str], body: str, status: int) -> None:
    with without_lists(body, status) as (flags, paths):
        process = run_here(*command, *flags)

    assert (process.returncode, process.stdout) == (2, "")
    assert "has no members of lists (/v1/lists), as Meta's API and older wablock servers." in process.stderr
    assert "--block-api" in process.stderr
    assert all(path.startswith("/v1/lists/") for path in paths)
    assert len(paths) == 1


def test_an_edit_changes_only_what_it_names(commands: BlockListCommands) -> None:
    commands("block", ANNA, "--reason", "spam", "--note", "old", "--until", END)
    before = listed(commands)

    process = commands("edit", ANNA, "--reason", "abuse", "--no-end")
    after = listed(commands)

    assert process.returncode == 0
    assert "abuse" in process.stdout
    assert after == {
        **{name: value for name, value in before.items() if name != "expires_at"},
        "reason": "abuse",
        "updated_at": after["updated_at"],
        "updated_by": "test",
    }


def test_an_edit_sets_an_end_and_prints_json(commands: BlockListCommands) -> None:
    commands("block", ANNA, "--note", "old")

    member = commands.json("edit", "1 (650) 555-0101", "--until", END, "--no-note")

    assert (member["expires_at"], "note" in member) == (4_105_080_000, False)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ([], "Nothing to change: pass --reason, --note"),
        (["--reason", "x", "--no-reason"], "Pass --reason or --no-reason, not both"),
        (["--note", "x", "--no-note"], "Pass --note or --no-note, not both"),
        (["--until", END, "--no-end"], "Pass --until or --expires-in-days or --no-end, not both"),
        (["--until", END, "--expires-in-days", "1"], "Pass --until or --expires-in-days, not both"),
        (["--reason", "x"], "the user is not blocked, or the block has expired. Block with: wablock block"),
        (["--until", "1"], "Param expires_at must be in the future"),
    ],
)
def test_an_edit_that_cannot_be_made_is_one_line(commands: BlockListCommands, arguments: list[str], error: str) -> None:
    process = commands("edit", ANNA, *arguments)

    assert (process.returncode, process.stdout) == (2, "")
    assert error in process.stderr
