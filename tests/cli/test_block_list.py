"""`wablock block`, `unblock`, `check` and `list` against a real server."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cli.command import WABLOCK, called, environment, run, without_warning
from tests.running_server import NUMBER, RunningServer, running_server

from wablock.block_list.ports import Rules
from wablock.kit.fixture import Wablock

USERS = ["+16505550101", "+16505550102", "+16505550103"]


class Asked:
    """The commands, pointed at one server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.flags = ["--url", server.url, "--token", server.token, "--phone-number-id", server.phone_number_id]

    def __call__(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return called(command, *arguments, *self.flags)

    def with_input(self, stdin: str, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(command, *arguments, *self.flags, stdin=stdin)

    def json(self, command: str, *arguments: str) -> Any:
        return json.loads(self(command, *arguments, "--json").stdout)

    def listed(self) -> list[str]:
        return [user["wa_id"] for user in self.json("list", "--all")]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with running_server(tmp_path) as server:
        yield Asked(server)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Asked]:
    """A server with Meta's rules, to which the first of `USERS` has written."""
    with running_server(tmp_path, rules=Rules.META, numbers=(NUMBER,)) as server:
        path = f"{server.url}/v1/numbers/{server.phone_number_id}/last_inbound"
        headers = {"authorization": f"Bearer {server.token}"}
        httpx2.put(path, json={"users": USERS[:1]}, headers=headers).raise_for_status()
        yield Asked(server)


def test_users_are_blocked_listed_checked_and_unblocked(asked: Asked) -> None:
    blocked = asked("block", *USERS)
    listed = asked("list")
    checked = asked("check", *USERS)
    unblocked = asked("unblock", *USERS)

    assert [ran.returncode for ran in (blocked, listed, checked, unblocked)] == [0, 0, 0, 0]
    assert blocked.stdout == "Blocked 3 users.\n"
    assert all(user[1:] in listed.stdout for user in USERS)
    assert checked.stdout.count("yes") == 3
    assert unblocked.stdout == "Unblocked 3 users.\n"
    assert asked.listed() == []


def test_json_says_who_is_done_and_who_failed(asked: Asked) -> None:
    ran = asked("block", USERS[0], "12x", "--json")

    said = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [user["wa_id"] for user in said["done"]] == [USERS[0][1:]]
    assert [(user["input"], user["code"], user["what_to_do"]) for user in said["failed"]] == [
        ("12x", 131047, "a phone number has digits, +, blanks and - . ( ) only, and this one has 'x'")
    ]


@pytest.mark.parametrize(
    "user, advice",
    [
        ("+16505550102", "has not written in the last 24 hours"),
        ("0101", "write it with + and the country code"),
        (f"+{NUMBER.wa_id}", "business's own number"),
    ],
)
def test_a_failed_user_is_shown_with_what_to_do(strict: Asked, user: str, advice: str) -> None:
    ran = strict("block", USERS[0], user)

    assert ran.returncode == 1
    assert "Blocked 1 user." in ran.stdout
    assert advice in " ".join(ran.stdout.replace("│", " ").split())


def test_a_free_user_makes_the_status_of_check_1(asked: Asked) -> None:
    asked("block", USERS[0])

    ran = asked("check", *USERS)

    assert ran.returncode == 1
    assert (ran.stdout.count("yes"), ran.stdout.count(" no ")) == (1, 2)


def test_an_invalid_user_makes_the_status_of_check_2(asked: Asked) -> None:
    asked("block", USERS[0])

    ran = asked("check", USERS[0], "hello")

    assert ran.returncode == 2
    assert "hello" in ran.stdout


def test_json_of_check_has_every_user(asked: Asked) -> None:
    asked("block", USERS[0], "--reason", "spam")

    said = asked.json("check", *USERS[:2])

    assert [(user["input"], user["blocked"], user.get("reason")) for user in said["users"]] == [
        (USERS[0], True, "spam"),
        (USERS[1], False, None),
    ]


def test_users_are_read_from_standard_input_without_comments_and_empty_lines(asked: Asked) -> None:
    lines = f"# spammers\n\n{USERS[0]}  # wrote 40 times\n  {USERS[1]}\n"

    ran = asked.with_input(lines, "block")

    assert ran.returncode == 0, ran.stderr
    assert asked.listed() == [user[1:] for user in USERS[:2]]


@pytest.mark.parametrize("name", ["users.txt", "-"])
def test_users_are_read_from_a_file(asked: Asked, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = "\n".join(USERS)
    if name != "-":
        path.write_text(lines)

    ran = asked.with_input(lines, "block", f"--file={path if name != '-' else name}")

    assert ran.returncode == 0, ran.stderr
    assert asked.listed() == [user[1:] for user in USERS]


def test_more_than_1000_users_are_blocked_in_their_requests(asked: Asked, tmp_path: Path) -> None:
    users = [f"+1650556{number:04d}" for number in range(2_345)]
    (tmp_path / "users.txt").write_text("\n".join(users))

    ran = asked("block", "--file", str(tmp_path / "users.txt"))

    assert ran.stdout == "Blocked 2,345 users.\n"
    assert without_warning(ran.stderr) == ""
    assert sorted(asked.listed()) == [user[1:] for user in users]


@pytest.fixture
def interrupted(wablock: Wablock, tmp_path: Path) -> list[str]:
    """Arguments for 1,001 users, one of whom is invalid; the second request fails."""
    (tmp_path / "users.txt").write_text(
        "\n".join([*(f"+1650556{number:04d}" for number in range(999)), "12x", USERS[0]])
    )
    wablock.fail_next(delay=0.001)
    wablock.fail_next(code=10)
    flags = ["--url", wablock.url, "--token", wablock.token, "--phone-number-id", wablock.phone_number_id]
    return ["--file", str(tmp_path / "users.txt"), *flags]


@pytest.mark.parametrize(
    "command, told", [("block", "Blocked 999"), ("unblock", "Unblocked 999"), ("check", "Checked 999")]
)
def test_changes_before_a_failed_request_are_shown(interrupted: list[str], command: str, told: str) -> None:
    ran = called(command, *interrupted)

    assert ran.returncode == 2
    assert f"{told} users before it failed." in ran.stdout
    assert "12x" in ran.stdout
    assert "does not allow this with this token" in ran.stderr


@pytest.mark.parametrize("command, done", [("block", "done"), ("unblock", "done"), ("check", "users")])
def test_json_has_what_was_done_before_a_request_failed(interrupted: list[str], command: str, done: str) -> None:
    ran = called(command, *interrupted, "--json")

    said = json.loads(ran.stdout)
    assert ran.returncode == 2
    assert (len(said[done]), [user["input"] for user in said["failed"]]) == (999, ["12x"])
    assert (said["error"]["code"], said["error"]["status"]) == (10, 403)


def test_a_progress_bar_is_shown_in_a_terminal(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("\n".join(f"+1650556{number:04d}" for number in range(1_500)))

    shown = _on_a_terminal("block", "--file", str(tmp_path / "users.txt"), *asked.flags)

    assert "100%" in shown


def test_the_list_shows_25_and_says_that_there_are_more(asked: Asked) -> None:
    asked("block", *(f"+16505550{number:03d}" for number in range(100, 130)))

    ran = asked("list")
    one = asked("list", "--limit", "1")

    assert ran.stdout.count("1650555") == 25
    assert "--all" in ran.stdout
    assert one.stdout.count("1650555") == 1


def test_details_tell_since_when_by_whom_and_why(asked: Asked) -> None:
    asked("block", USERS[0], "--reason", "spam", "--note", "wrote 40 times", "--expires-in-days", "0.5")

    [user] = asked.json("list", "--details")

    assert (user["reason"], user["note"], user["blocked_by"]) == ("spam", "wrote 40 times", "test")
    assert user["expires_at"] - user["blocked_at"] in (43_199, 43_200, 43_201)
    assert "spam" in asked("list", "--details").stdout


@pytest.mark.parametrize("order", ["\x1b[2J", "\x7f", "\x9b2J", "\u202e"])
def test_json_gives_no_orders_to_a_terminal_and_loses_nothing(asked: Asked, order: str) -> None:
    asked("block", USERS[0], "--reason", f"spam{order}")

    printed = [asked("list", "--details", "--json").stdout, asked("check", USERS[0], "--json").stdout]

    assert not any(order[0] in text for text in printed)
    assert json.loads(printed[0])[0]["reason"] == json.loads(printed[1])["users"][0]["reason"] == f"spam{order}"


def test_plain_is_what_the_other_commands_read(asked: Asked, tmp_path: Path) -> None:
    asked("block", *USERS[:2], "US.13491208655302741918")

    listed = asked("list", "--all", "--plain").stdout
    (tmp_path / "users").write_text(listed)
    unblocked = asked("unblock", "--file", str(tmp_path / "users"))

    assert listed.split() == [USERS[0][1:], USERS[1][1:], "US.13491208655302741918"]
    assert unblocked.returncode == 0
    assert asked("list", "--all", "--plain").stdout == ""


def test_an_empty_list_is_a_sentence_or_an_empty_array(asked: Asked) -> None:
    assert asked("list").stdout == "No users are blocked.\n"
    assert asked.json("list") == []


@pytest.mark.parametrize("command", [("list",), ("block", USERS[0]), ("check", USERS[0])])
def test_an_unreachable_server_is_reported_in_one_line(command: Sequence[str]) -> None:
    flags = ["--url", "http://127.0.0.1:1", "--token", "a-token", "--phone-number-id", "1"]

    ran = called(*command, *flags)

    assert ran.returncode == 2
    assert without_warning(ran.stderr).startswith("wablock: Cannot reach http://127.0.0.1:1: No answer")
    assert without_warning(ran.stderr).count("\n") == 1


@pytest.mark.parametrize(
    "changes, told",
    [
        (("--token", "wrong"), "refuses the token"),
        (("--phone-number-id", "1"), "has no number 1, or the token has no access to it"),
        (("--phone-number-id", "+16505550100"), "is not a phone number id"),
        (("--url", "nowhere"), "base_url must begin with http:// or https://"),
        (("--token", "two words"), "token must be printable ASCII"),
        (("--file", "/nonexistent/users.txt"), "not both"),
    ],
)
def test_an_invalid_request_is_reported_in_one_line(asked: Asked, changes: tuple[str, str], told: str) -> None:
    flags = [*asked.flags]
    if changes[0] in flags:
        flags[flags.index(changes[0]) + 1] = changes[1]
    else:
        flags += changes

    ran = called("block", USERS[0], *flags)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr
    assert asked.listed() == []


@pytest.mark.parametrize("stdin", ["", "# nobody\n"])
def test_no_users_at_all_are_refused(asked: Asked, stdin: str) -> None:
    ran = asked.with_input(stdin, "block")

    assert ran.returncode == 2
    assert "The input contains no users" in ran.stderr


def test_a_token_and_users_cannot_both_come_from_standard_input(asked: Asked) -> None:
    ran = run("block", *asked.flags[:2], "--token=-", *asked.flags[4:], stdin=f"{asked.server.token}\n{USERS[0]}\n")

    assert ran.returncode == 2
    assert "cannot both come from standard input" in ran.stderr


def test_a_token_may_come_from_standard_input(asked: Asked) -> None:
    ran = run("block", USERS[0], *asked.flags[:2], "--token=-", *asked.flags[4:], stdin=f"{asked.server.token}\n")

    assert ran.returncode == 0, ran.stderr


def test_the_variables_are_enough(asked: Asked) -> None:
    server = asked.server
    variables = {"WABLOCK_URL": server.url, "WABLOCK_TOKEN": server.token}

    ran = run("block", USERS[0], WABLOCK_PHONE_NUMBER_ID=server.phone_number_id, **variables)

    assert ran.stdout == "Blocked 1 user.\n"


def test_the_error_without_token_and_number_names_both_and_where_a_token_comes_from() -> None:
    ran = run("block", USERS[0])

    assert (ran.returncode, ran.stdout) == (2, "")
    for told in ("--token or WABLOCK_TOKEN", "wablock token create", "--phone-number-id or WABLOCK_PHONE_NUMBER_ID"):
        assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_unreadable_file_is_reported(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(b"\xff\xfe")

    missing = asked("block", "--file", str(tmp_path / "nosuch"))
    unreadable = asked("block", "--file", str(tmp_path / "users"))

    assert (missing.returncode, unreadable.returncode) == (2, 2)
    assert "Cannot read" in missing.stderr
    assert "Cannot read" in unreadable.stderr


def _on_a_terminal(*arguments: str) -> str:
    """What the command shows on a terminal as its standard error."""
    ours, its = pty.openpty()
    variables = environment(TERM="xterm-256color")
    with subprocess.Popen(
        [WABLOCK, *arguments], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=its
    ):
        os.close(its)
        shown = b""
        while True:
            try:
                read = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not read:
                break
            shown += read
    os.close(ours)
    return shown.decode()
