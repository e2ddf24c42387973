"""`wablock block`, `unblock`, `check` and `list` against a real server."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cli.command import run, run_here, without_warning
from tests.cli.terminal import wablock_on_terminal
from tests.running_server import NUMBER, RunningServer, running_server

from wablock.block_list.ports import Rules
from wablock.kit.fixture import Wablock

USERS = ["+16505550101", "+16505550102", "+16505550103"]


class BlockListCommands:
    """The commands, pointed at one server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.flags = ["--url", server.url, "--token", server.token, "--phone-number-id", server.phone_number_id]

    def __call__(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run_here(command, *arguments, *self.flags)

    def with_input(self, stdin: str, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(command, *arguments, *self.flags, stdin=stdin)

    def json(self, command: str, *arguments: str) -> Any:
        return json.loads(self(command, *arguments, "--json").stdout)

    def wa_ids(self) -> list[str]:
        return [user["wa_id"] for user in self.json("list", "--all")]


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[BlockListCommands]:
    with running_server(tmp_path) as server:
        yield BlockListCommands(server)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[BlockListCommands]:
    """A server with Meta's rules, to which the first of `USERS` has written."""
    with running_server(tmp_path, rules=Rules.META, numbers=(NUMBER,)) as server:
        path = f"{server.url}/v1/numbers/{server.phone_number_id}/last_inbound"
        headers = {"authorization": f"Bearer {server.token}"}
        httpx2.put(path, json={"users": USERS[:1]}, headers=headers).raise_for_status()
        yield BlockListCommands(server)


def test_users_are_blocked_listed_checked_and_unblocked(commands: BlockListCommands) -> None:
    blocked = commands("block", *USERS)
    listed = commands("list")
    checked = commands("check", *USERS)
    unblocked = commands("unblock", *USERS)

    assert [process.returncode for process in (blocked, listed, checked, unblocked)] == [0, 0, 0, 0]
    assert blocked.stdout == "Blocked 3 users.\n"
    assert all(user[1:] in listed.stdout for user in USERS)
    assert checked.stdout.count("yes") == 3
    assert unblocked.stdout == "Unblocked 3 users.\n"
    assert commands.wa_ids() == []


def test_a_user_who_is_named_several_times_counts_once(commands: BlockListCommands) -> None:
    blocked = commands("block", USERS[0], USERS[1], USERS[0], USERS[0][1:])
    unblocked = commands("unblock", USERS[0], USERS[0])

    assert blocked.stdout == "Blocked 2 users.\n"
    assert unblocked.stdout == "Unblocked 1 user.\n"


def test_users_without_a_change_are_counted_apart(commands: BlockListCommands) -> None:
    commands("block", USERS[0])

    blocked = commands("block", *USERS)
    commands("unblock", USERS[1])
    unblocked = commands("unblock", *USERS)

    assert blocked.stdout == "Blocked 2 users; 1 was already blocked.\n"
    assert unblocked.stdout == "Unblocked 2 users; 1 was not blocked.\n"


def test_a_user_who_gets_another_end_is_counted(commands: BlockListCommands) -> None:
    commands("block", *USERS[:2])

    longer = commands("block", *USERS[:2], "--until", "2100-01-31T12:00:00Z", "--replace")

    assert longer.stdout == (
        "Blocked 0 users; 2 were already blocked; 2 of them now have the new reason, note or end.\n"
    )


def test_milliseconds_are_no_time_of_expiry(commands: BlockListCommands) -> None:
    refused = commands("block", USERS[0], "--until", "1801396800000")

    assert refused.returncode == 2
    assert "'1801396800000' is after the year 9999: write seconds, not milliseconds" in refused.stderr


def test_all_users_and_a_limit_exclude_each_other(commands: BlockListCommands) -> None:
    refused = commands("list", "--all", "--limit", "3")

    assert refused.returncode == 2
    assert refused.stderr.endswith("wablock: Pass --all or --limit, not both\n")


def test_json_has_the_changed_and_the_failed_users(commands: BlockListCommands) -> None:
    process = commands("block", USERS[0], "12x", "--json")

    output = json.loads(process.stdout)
    assert process.returncode == 1
    assert [user["wa_id"] for user in output["done"]] == [USERS[0][1:]]
    assert [(user["input"], user["code"], user["what_to_do"]) for user in output["failed"]] == [
        ("12x", 131047, "A phone number has digits, +, blanks and - . ( ) only, and this one has 'x'.")
    ]


@pytest.mark.parametrize(
    "user, advice",
    [
        ("+16505550102", "has not written in the last 24 hours"),
        ("0101", "Write it with + and the country code"),
        (f"+{NUMBER.wa_id}", "business's own number"),
    ],
)
def test_a_failed_user_is_shown_with_what_to_do(strict: BlockListCommands, user: str, advice: str) -> None:
    process = strict("block", USERS[0], user)

    assert process.returncode == 1
    assert "Blocked 1 user." in process.stdout
    assert advice in " ".join(process.stdout.replace("│", " ").split())


def test_the_status_of_check_is_1_for_a_free_user(commands: BlockListCommands) -> None:
    commands("block", USERS[0])

    process = commands("check", *USERS)

    assert process.returncode == 1
    assert (process.stdout.count("yes"), process.stdout.count(" no ")) == (1, 2)


def test_the_status_of_check_is_2_for_an_invalid_user(commands: BlockListCommands) -> None:
    commands("block", USERS[0])

    process = commands("check", USERS[0], "hello")

    assert process.returncode == 2
    assert "hello" in process.stdout


def test_json_of_check_has_every_user(commands: BlockListCommands) -> None:
    commands("block", USERS[0], "--reason", "spam")

    output = commands.json("check", *USERS[:2])

    assert [(user["input"], user["blocked"], user.get("reason")) for user in output["users"]] == [
        (USERS[0], True, "spam"),
        (USERS[1], False, None),
    ]


def test_users_are_read_from_standard_input_without_comments_and_empty_lines(commands: BlockListCommands) -> None:
    lines = f"# spammers\n\n{USERS[0]}  # wrote 40 times\n  {USERS[1]}\n"

    process = commands.with_input(lines, "block")

    assert process.returncode == 0, process.stderr
    assert commands.wa_ids() == [user[1:] for user in USERS[:2]]


@pytest.mark.parametrize("name", ["users.txt", "-"])
def test_users_are_read_from_a_file(commands: BlockListCommands, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = "\n".join(USERS)
    if name != "-":
        path.write_text(lines)

    process = commands.with_input(lines, "block", f"--file={path if name != '-' else name}")

    assert process.returncode == 0, process.stderr
    assert commands.wa_ids() == [user[1:] for user in USERS]


def test_more_than_1000_users_are_blocked_in_several_requests(commands: BlockListCommands, tmp_path: Path) -> None:
    users = [f"+1650556{number:04d}" for number in range(2_345)]
    (tmp_path / "users.txt").write_text("\n".join(users))

    process = commands("block", "--file", str(tmp_path / "users.txt"))

    assert process.stdout.startswith("Blocked 2,345 users.\nBatch: ")
    assert without_warning(process.stderr) == ""
    assert sorted(commands.wa_ids()) == [user[1:] for user in users]


@pytest.fixture
def interrupted(wablock: Wablock, tmp_path: Path) -> list[str]:
    """Arguments for 1,001 users with one invalid user; the second request with users fails."""
    (tmp_path / "users.txt").write_text(
        "\n".join([*(f"+1650556{number:04d}" for number in range(999)), "12x", USERS[0]])
    )
    wablock.fail_next(delay=0.001)
    wablock.fail_next(code=10)
    flags = ["--url", wablock.url, "--token", wablock.token, "--phone-number-id", wablock.phone_number_id]
    return ["--file", str(tmp_path / "users.txt"), *flags]


@pytest.mark.parametrize(
    "command, summary", [("block", "Blocked 999"), ("unblock", "Unblocked 0"), ("check", "Checked 999")]
)
def test_changes_before_a_failed_request_are_shown(interrupted: list[str], command: str, summary: str) -> None:
    process = run_here(command, *interrupted)

    assert process.returncode == 2
    assert f"{summary} users before it failed" in process.stdout
    assert "12x" in process.stdout
    assert "does not allow this with this token" in process.stderr


@pytest.mark.parametrize("command, done", [("block", "done"), ("unblock", "done"), ("check", "users")])
def test_json_has_what_was_done_before_a_request_failed(interrupted: list[str], command: str, done: str) -> None:
    process = run_here(command, *interrupted, "--json")

    output = json.loads(process.stdout)
    assert process.returncode == 2
    assert (len(output[done]), [user["input"] for user in output["failed"]]) == (999, ["12x"])
    assert (output["error"]["code"], output["error"]["status"]) == (10, 403)


def test_a_progress_bar_is_shown_in_a_terminal(commands: BlockListCommands, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("\n".join(f"+1650556{number:04d}" for number in range(1_500)))

    _, screen = wablock_on_terminal(80, "block", "--file", str(tmp_path / "users.txt"), *commands.flags)

    assert "100%" in screen


def test_the_list_shows_25_and_says_that_there_are_more(commands: BlockListCommands) -> None:
    commands("block", *(f"+16505550{number:03d}" for number in range(100, 130)))

    process = commands("list")
    one = commands("list", "--limit", "1")

    assert process.stdout.count("1650555") == 25
    assert "--all" in process.stdout
    assert one.stdout.count("1650555") == 1


def test_details_show_time_author_and_reason(commands: BlockListCommands) -> None:
    commands("block", USERS[0], "--reason", "spam", "--note", "wrote 40 times", "--expires-in-days", "0.5")

    [user] = commands.json("list", "--details")

    assert (user["reason"], user["note"], user["blocked_by"]) == ("spam", "wrote 40 times", "test")
    assert user["expires_at"] - user["blocked_at"] in (43_199, 43_200, 43_201)
    assert "spam" in commands("list", "--details").stdout


@pytest.mark.parametrize("order", ["\x1b[2J", "\x7f", "\x9b2J", "\u202e"])
def test_json_has_no_control_characters_and_loses_nothing(commands: BlockListCommands, order: str) -> None:
    commands("block", USERS[0], "--reason", f"spam{order}")

    printed = [commands("list", "--details", "--json").stdout, commands("check", USERS[0], "--json").stdout]

    assert not any(order[0] in text for text in printed)
    assert json.loads(printed[0])[0]["reason"] == json.loads(printed[1])["users"][0]["reason"] == f"spam{order}"


def test_the_other_commands_read_the_plain_output(commands: BlockListCommands, tmp_path: Path) -> None:
    commands("block", *USERS[:2], "US.13491208655302741918")

    listed = commands("list", "--all", "--plain").stdout
    (tmp_path / "users").write_text(listed)
    unblocked = commands("unblock", "--file", str(tmp_path / "users"))

    assert listed.split() == [USERS[0][1:], USERS[1][1:], "US.13491208655302741918"]
    assert unblocked.returncode == 0
    assert commands("list", "--all", "--plain").stdout == ""


def test_an_empty_list_is_a_sentence_or_an_empty_array(commands: BlockListCommands) -> None:
    assert commands("list").stdout == "No users are blocked.\n"
    assert commands.json("list") == []


@pytest.mark.parametrize("command", [("list",), ("block", USERS[0]), ("check", USERS[0])])
def test_an_unreachable_server_is_reported_in_one_line(command: Sequence[str]) -> None:
    flags = ["--url", "http://127.0.0.1:1", "--token", "a-token", "--phone-number-id", "1"]

    process = run_here(*command, *flags)

    assert process.returncode == 2
    assert without_warning(process.stderr).startswith("wablock: Cannot reach http://127.0.0.1:1: No answer")
    assert without_warning(process.stderr).count("\n") == 1


@pytest.mark.parametrize(
    "changes, error",
    [
        (("--token", "wrong"), "refuses the token"),
        (("--phone-number-id", "1"), "has no number 1, or the token has no access to it"),
        (("--phone-number-id", "+16505550100"), "No number has the name '+16505550100'"),
        (("--url", "nowhere"), "--url must begin with http:// or https://"),
        (("--token", "two words"), "--token must be printable ASCII"),
        (("--file", "/nonexistent/users.txt"), "not both"),
    ],
)
def test_an_invalid_request_is_reported_in_one_line(
    commands: BlockListCommands, changes: tuple[str, str], error: str
) -> None:
    flags = [*commands.flags]
    if changes[0] in flags:
        flags[flags.index(changes[0]) + 1] = changes[1]
    else:
        flags += changes

    process = run_here("block", USERS[0], *flags)

    assert (process.returncode, process.stdout) == (2, "")
    assert error in process.stderr
    assert commands.wa_ids() == []


@pytest.mark.parametrize("stdin", ["", "# no users\n"])
def test_an_input_without_users_is_refused(commands: BlockListCommands, stdin: str) -> None:
    process = commands.with_input(stdin, "block")

    assert process.returncode == 2
    assert "The input contains no users" in process.stderr


def test_a_token_and_users_cannot_both_come_from_standard_input(commands: BlockListCommands) -> None:
    process = run(
        "block", *commands.flags[:2], "--token=-", *commands.flags[4:], stdin=f"{commands.server.token}\n{USERS[0]}\n"
    )

    assert process.returncode == 2
    assert "cannot both come from standard input" in process.stderr


def test_a_token_may_come_from_standard_input(commands: BlockListCommands) -> None:
    process = run(
        "block", USERS[0], *commands.flags[:2], "--token=-", *commands.flags[4:], stdin=f"{commands.server.token}\n"
    )

    assert process.returncode == 0, process.stderr


def test_the_variables_are_enough(commands: BlockListCommands) -> None:
    server = commands.server
    variables = {"WABLOCK_URL": server.url, "WABLOCK_TOKEN": server.token}

    process = run("block", USERS[0], WABLOCK_PHONE_NUMBER_ID=server.phone_number_id, **variables)

    assert process.stdout == "Blocked 1 user.\n"


def test_the_error_without_token_and_number_names_both_and_where_a_token_comes_from() -> None:
    process = run("block", USERS[0])

    assert (process.returncode, process.stdout) == (2, "")
    for source in ("--token or WABLOCK_TOKEN", "wablock token create", "--phone-number-id or WABLOCK_PHONE_NUMBER_ID"):
        assert source in process.stderr
    assert process.stderr.count("\n") == 1


def test_an_unreadable_file_is_reported(commands: BlockListCommands, tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(b"\xff\xfe1")

    missing = commands("block", "--file", str(tmp_path / "nosuch"))
    unreadable = commands("block", "--file", str(tmp_path / "users"))

    assert (missing.returncode, unreadable.returncode) == (2, 2)
    assert "Cannot read" in missing.stderr
    assert "is not UTF-16-LE" in unreadable.stderr
