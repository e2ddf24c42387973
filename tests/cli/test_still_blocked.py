"""What `wablock check`, `block` and `unblock` say of users on shared lists."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import run, run_here
from tests.cli.list_commands import ANNA, BEN, CARL, SALES, ListCommands, list_commands
from tests.listening import QuietHandler, listening
from tests.running_server import ACCOUNT_ID

from wablock.access import AccessToken, Scope, digest

ONLY_WRITES = AccessToken(digest("only-writes"), ACCOUNT_ID, "writer", frozenset((Scope.WRITE,)), None, 0)


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListCommands]:
    """With fraud on all numbers, which has Anna; and the number sales, which has blocked Anna and Ben itself."""
    with list_commands(tmp_path, ONLY_WRITES) as commands:
        commands.on("sales", "block", ANNA, BEN)
        commands.done("blocklist", "create", "fraud")
        commands.done("blocklist", "attach", "fraud", "--all-numbers")
        commands.done("blocklist", "add", "fraud", ANNA, "--reason", "chargeback")
        yield commands


def test_a_check_names_the_list_that_blocks_the_user(lists: ListCommands) -> None:
    checked = lists.on("support", "check", ANNA, CARL)
    of_its_own = lists.on("sales", "check", BEN)

    header, anna, _ = checked.stdout.splitlines()
    assert header.split()[:6] == ["input", "wa", "id", "blocked", "list", "blocked"]
    assert anna.split()[:4] == [ANNA, ANNA[1:], "yes", "fraud"]
    assert "list" not in of_its_own.stdout.splitlines()[0]


def test_an_unblock_says_which_list_still_blocks_the_user(lists: ListCommands) -> None:
    process = lists.on("sales", "unblock", ANNA, BEN, CARL)

    assert process.returncode == 1
    assert process.stdout == (
        "Unblocked 1 user; 1 was not blocked.\n"
        "1 user is still blocked: fraud\n"
        "input         list   what to do\n"
        "+16505550101  fraud  wablock blocklist remove fraud +16505550101\n"
    )


def test_json_of_an_unblock_has_users_who_are_still_blocked_apart(lists: ListCommands) -> None:
    process = lists.on("sales", "unblock", ANNA, "1 650 555 0101", BEN, "--json")

    report = json.loads(process.stdout)
    assert process.returncode == 1
    assert [(it["input"], it["effect"]) for it in report["done"]] == [(BEN, "removed")]
    assert [(it["input"], it["effect"], it["list"]["name"]) for it in report["still_blocked"]] == [
        (ANNA, "removed", "fraud"),
        ("1 650 555 0101", "not_there", "fraud"),
    ]


def test_a_number_by_its_name_and_a_token_from_standard_input_are_read_once(lists: ListCommands) -> None:
    at = ["--url", lists.server.url, "--token=-", "--phone-number-id", "sales"]

    process = run("unblock", ANNA, *at, stdin=f"{lists.server.token}\n")

    assert process.returncode == 1
    assert "1 user is still blocked: fraud\n" in process.stdout


def test_a_user_in_two_spellings_is_counted_once_as_still_blocked(lists: ListCommands) -> None:
    process = lists.on("sales", "unblock", ANNA, "1 650 555 0101")

    assert process.stdout.startswith("Unblocked 0 users.\n1 user is still blocked: fraud\n")


def test_users_who_fail_are_reported_beside_those_still_blocked(lists: ListCommands) -> None:
    process = lists.on("sales", "unblock", "hello", ANNA, BEN)

    assert process.returncode == 1
    assert "1 user failed:\n" in process.stdout
    assert "1 user is still blocked: fraud\n" in process.stdout


def test_an_unblock_without_shared_lists_ends_with_0(lists: ListCommands) -> None:
    process = lists.on("sales", "unblock", BEN)

    assert (process.returncode, process.stdout) == (0, "Unblocked 1 user.\n")


def test_a_token_that_may_not_check_unblocks_and_says_what_was_not_checked(lists: ListCommands) -> None:
    at = ["--url", lists.server.url, "--token", "only-writes", "--phone-number-id", SALES]

    process = run_here("unblock", ANNA, *at)

    assert (process.returncode, process.stdout) == (0, "Unblocked 1 user.\n")
    assert "Shared lists were not checked" in process.stderr


def _unblocking_server(check: str, status: int) -> type[QuietHandler]:
    class Unblocking(QuietHandler):
        protocol_version = "HTTP/1.0"

        def do_DELETE(self) -> None:
            self.read_body()
            user = {"input": ANNA, "wa_id": ANNA[1:]}
            self._answer(200, json.dumps({"block_users": {"removed_users": [user]}, "messaging_product": "whatsapp"}))

        def do_POST(self) -> None:
            self.read_body()
            self._answer(status, check)

        def _answer(self, code: int, body: str) -> None:
            self.send_response(code)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    return Unblocking


def _at(port: int) -> list[str]:
    return ["--url", f"http://127.0.0.1:{port}", "--token", "t", "--phone-number-id", SALES]


def _error(code: int, **others: int) -> str:
    return json.dumps({"error": {"message": "No.", "type": "OAuthException", "code": code, **others}})


@pytest.mark.parametrize(
    "body, status",
    [(_error(2500), 400), (_error(100, error_subcode=33), 400), ("<html>Not found</html>", 404)],
    ids=["an older wablock", "Meta", "another server"],
)
def test_a_server_without_a_check_has_no_shared_lists(body: str, status: int) -> None:
    with listening(_unblocking_server(body, status)) as port:
        process = run_here(
            "unblock", ANNA, "--url", f"http://127.0.0.1:{port}", "--token", "t", "--phone-number-id", SALES
        )

    assert (process.returncode, process.stdout) == (0, "Unblocked 1 user.\n")


@pytest.mark.parametrize("body, status", [(_error(190), 401), ("<html>Forbidden</html>", 403)])
def test_a_check_that_fails_ends_an_unblock_with_what_was_done(body: str, status: int) -> None:
    with listening(_unblocking_server(body, status)) as port:
        process = run_here(
            "unblock", ANNA, "--url", f"http://127.0.0.1:{port}", "--token", "t", "--phone-number-id", SALES
        )

    assert (process.returncode, process.stdout) == (2, "Unblocked 1 user before it failed.\n")


def test_a_block_of_a_user_on_an_allow_list_fails_and_names_the_list(lists: ListCommands) -> None:
    lists.done("allowlist", "create", "vip")
    lists.done("allowlist", "add", "vip", CARL)
    lists.done("allowlist", "attach", "vip", "--all-numbers")

    process = lists.on("sales", "block", CARL, "+16505550104")

    assert process.returncode == 1
    assert process.stdout.startswith("Blocked 1 user.\n1 user failed:\n")
    assert "The allow list vip has this user, so a block would not be in force." in process.stdout
    assert not lists.is_blocked(CARL)
