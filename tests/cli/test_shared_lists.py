"""`wablock blocklist` and `wablock allowlist`, against a real server with two numbers."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import environment, run, run_here
from tests.cli.list_commands import ANNA, BEN, CARL, SALES, SUPPORT, ListCommands, list_commands
from tests.cli.terminal import wablock_on_terminal, without_styles
from tests.cli.test_hostile_server import answering
from tests.listening import QuietHandler, listening
from tests.running_server import ACCOUNT_ID

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.changes import Carry
from wablock.block_list.ports import Member
from wablock.server.metrics import Metrics
from wablock.storage import open_store
from wablock.wiring import system_clock

FEW_NUMBERS = AccessToken(digest("for-sales-only"), ACCOUNT_ID, "few", ALL_SCOPES, frozenset((SALES,)), 0)


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListCommands]:
    with list_commands(tmp_path, FEW_NUMBERS) as commands:
        yield commands


@pytest.fixture
def fraud(lists: ListCommands) -> ListCommands:
    """With the block list fraud, which has Anna and is attached nowhere."""
    lists.done("blocklist", "create", "fraud")
    lists.done("blocklist", "add", "fraud", ANNA, "--reason", "chargeback")
    return lists


@pytest.fixture
def vip(fraud: ListCommands) -> ListCommands:
    """With fraud on all numbers, and the allow list vip, which has Anna and Ben and is attached nowhere."""
    fraud.done("blocklist", "attach", "fraud", "--all-numbers")
    fraud.done("allowlist", "create", "vip")
    fraud.done("allowlist", "add", "vip", ANNA, BEN)
    return fraud


# -- create, list, delete


def test_a_new_list_says_how_to_attach_it(lists: ListCommands) -> None:
    created = lists.done("blocklist", "create", " Old fraud ")

    assert created == (
        "Created block list Old fraud. It has an effect where it is attached: "
        "wablock blocklist attach 'Old fraud' --all-numbers\n"
    )


def test_json_of_a_new_list_is_the_list(lists: ListCommands) -> None:
    [created] = lists.json("allowlist", "create", "vip")

    assert (created["name"], created["kind"]) == ("vip", "allow")
    assert created["list_id"].startswith("list_")


@pytest.mark.parametrize("command", ["blocklist", "allowlist"])
def test_a_name_is_one_lists_in_any_case(fraud: ListCommands, command: str) -> None:
    assert "has a list named FRAUD already" in fraud.refused(command, "create", "FRAUD")


@pytest.mark.parametrize("name", ["", "123", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused(lists: ListCommands, name: str) -> None:
    assert f"NAME {name!r} must have 1 to 64 printable characters" in lists.refused("blocklist", "create", name)


def test_each_command_lists_its_own_kind_with_the_places(vip: ListCommands) -> None:
    vip.done("allowlist", "attach", "vip", "--number", "support", "--yes")

    blocks = vip.done("blocklist", "list").splitlines()
    allows = vip.done("allowlist", "list").splitlines()

    assert [line.split()[0] for line in blocks] == ["name", "fraud"]
    assert "all numbers" in blocks[1]
    assert [line.split()[0] for line in allows] == ["name", "vip"]
    assert "support" in allows[1]
    assert [it["name"] for it in vip.json("blocklist", "list")] == ["fraud"]


def test_without_lists_the_command_to_create_one_is_shown(lists: ListCommands) -> None:
    assert lists.done("allowlist", "list") == "No allow lists yet: wablock allowlist create NAME\n"
    assert lists.json("allowlist", "list") == []


def test_users_of_a_list_are_listed_as_those_of_a_number(fraud: ListCommands) -> None:
    fraud.done("blocklist", "add", "fraud", BEN)

    table = fraud.done("blocklist", "list", "fraud")
    first = fraud("blocklist", "list", "fraud", "--limit", "1", "--plain")
    rows = fraud.json("blocklist", "list", "FRAUD")

    assert table.splitlines()[0].startswith("wa id")
    assert (first.stdout, first.stderr) == ("16505550102\n", "There are more: --all lists all users.\n")
    assert [(row["wa_id"], row.get("reason")) for row in rows] == [("16505550102", None), ("16505550101", "chargeback")]


def test_a_table_of_an_allow_list_does_not_say_blocked(vip: ListCommands) -> None:
    header, *_ = vip.done("allowlist", "list", "vip").splitlines()

    assert "added at" in header
    assert "blocked" not in header


def test_an_empty_list_says_that_it_has_no_users(lists: ListCommands) -> None:
    lists.done("blocklist", "create", "fraud")

    assert lists.done("blocklist", "list", "fraud") == "No users are on fraud.\n"


def test_options_for_users_need_a_list(lists: ListCommands) -> None:
    assert "--all, --limit and --plain list users: wablock blocklist list LIST" in lists.refused(
        "blocklist", "list", "--plain"
    )


def test_an_attached_list_is_not_deleted_and_its_places_are_named(fraud: ListCommands) -> None:
    fraud.done("blocklist", "attach", "fraud", "--number", "sales", "--number", SUPPORT)

    error = fraud.refused("blocklist", "delete", "fraud", "--yes")

    assert error == (
        "wablock: fraud is attached to sales, support. Detach it first: "
        f"wablock blocklist detach fraud --number {SALES} --number {SUPPORT}\n"
    )
    assert fraud.users("block", "fraud") == [ANNA]


def test_a_list_is_deleted_only_after_a_yes_and_says_its_size(fraud: ListCommands) -> None:
    refused = fraud.refused("blocklist", "delete", "fraud")
    deleted = fraud.done("blocklist", "delete", "fraud", "--yes")

    assert refused == "wablock: Nothing was deleted; add --yes to delete fraud with 1 user\n"
    assert deleted == "Deleted block list fraud with 1 user.\n"
    assert fraud.json("blocklist", "list") == []


def test_json_of_a_deleted_list_has_its_size(fraud: ListCommands) -> None:
    [deleted] = fraud.json("blocklist", "delete", "fraud", "--yes")

    assert (deleted["name"], deleted["users"]) == ("fraud", 1)


@pytest.mark.parametrize("typed, status", [("y\n", 0), ("n\n", 2)])
def test_a_person_confirms_that_a_list_is_deleted(fraud: ListCommands, typed: str, status: int) -> None:
    code, screen = wablock_on_terminal(120, "blocklist", "delete", "fraud", typed=typed, **fraud.variables)

    assert code == status
    assert "Delete the block list fraud with 1 user?" in without_styles(screen)
    assert len(fraud.json("blocklist", "list")) == (0 if status == 0 else 1)


# -- names


def test_a_list_is_found_by_its_id_and_by_its_name_in_any_case(fraud: ListCommands) -> None:
    [row] = fraud.json("blocklist", "list")

    fraud.done("blocklist", "add", row["list_id"], BEN)
    fraud.done("blocklist", "add", "Fraud", CARL)

    assert fraud.users("block", "fraud") == [CARL, BEN, ANNA]


def test_an_id_means_its_list_also_if_another_list_has_it_as_its_name(lists: ListCommands) -> None:
    lists.done("blocklist", "create", "new")
    [row] = lists.json("blocklist", "list")
    lists.done("blocklist", "create", row["list_id"])

    deleted = lists.done("blocklist", "delete", row["list_id"], "--yes")

    assert deleted == "Deleted block list new with 0 users.\n"


def test_a_suggested_command_can_be_typed_for_a_name_that_begins_with_a_hyphen(lists: ListCommands) -> None:
    created = lists.with_input("", "blocklist", "create", "--", "-n")
    suggested = shlex.split(created.stdout.partition(": wablock ")[2])

    attached = lists.with_input("", *suggested)

    assert attached.stdout == "Attached -n to all numbers.\n"
    assert suggested == ["blocklist", "attach", "--all-numbers", "--", "-n"]


def test_an_unknown_name_shows_near_ones(fraud: ListCommands) -> None:
    error = fraud.refused("blocklist", "add", "frad", ANNA)

    assert error == "wablock: No block list has the name 'frad'; did you mean fraud? See wablock blocklist list\n"


@pytest.mark.parametrize(
    "words", [["add", "fraud", ANNA], ["attach", "fraud", "--all-numbers"], ["list", "fraud"], ["delete", "fraud"]]
)
def test_a_list_of_the_other_kind_is_refused_with_its_command(fraud: ListCommands, words: list[str]) -> None:
    assert fraud.refused("allowlist", *words) == "wablock: fraud is a block list: use wablock blocklist\n"


# -- add, remove


def test_adding_counts_and_says_that_a_list_has_no_effect_yet(fraud: ListCommands) -> None:
    added = fraud.done("blocklist", "add", "fraud", ANNA, BEN, "--reason", "spam")

    assert added == (
        "Added 1 user to fraud; 1 was already on it.\n"
        "Users who were already on the list keep their reason, note and end. --replace gives them these.\n"
        "fraud is not attached, so it has no effect yet. Attach it: wablock blocklist attach fraud --all-numbers\n"
    )


def test_users_are_added_from_a_file_as_a_batch_and_removed_from_standard_input(
    fraud: ListCommands, tmp_path: Path
) -> None:
    (tmp_path / "users").write_text(f"{BEN}\n# a comment\n{CARL}\n")

    added = fraud.json("blocklist", "add", "fraud", "--file", str(tmp_path / "users"), "--batch", "monday")
    rows = fraud.json("blocklist", "list", "fraud")
    removed = fraud.with_input(f"{BEN}\n{ANNA}\n+16505550109\n", "blocklist", "remove", "fraud")

    assert (len(added["done"]), added["batch_id"]) == (2, "monday")
    assert [row.get("batch_id") for row in rows] == ["monday", "monday", None]
    assert removed.stdout == "Removed 2 users from fraud; 1 was not on it.\n"
    assert fraud.users("block", "fraud") == [CARL]


def test_with_replace_users_get_the_new_details(fraud: ListCommands) -> None:
    added = fraud.done(
        "blocklist", "add", "fraud", ANNA, "--note", "again", "--replace", "--until", "2100-01-31T12:00:00Z"
    )

    [row] = fraud.json("blocklist", "list", "fraud")
    assert "1 of them now has the new reason, note or end" in added
    assert (row.get("reason"), row["note"], row["expires_at"]) == (None, "again", 4_105_080_000)


@pytest.mark.parametrize("text", ["hello", "+1650/5550101", "."])
@pytest.mark.parametrize("verb", ["add", "remove"])
def test_what_is_no_user_fails_and_the_others_are_done(fraud: ListCommands, verb: str, text: str) -> None:
    process = fraud("blocklist", verb, "fraud", text, BEN, "--json")

    report = json.loads(process.stdout)
    assert process.returncode == 1
    assert ([it["input"] for it in report["failed"]], [it["input"] for it in report["done"]]) == ([text], [BEN])
    assert (BEN in fraud.users("block", "fraud")) is (verb == "add")


def test_ctrl_c_says_how_many_users_were_removed(fraud: ListCommands) -> None:
    fraud.done("blocklist", "add", "fraud", BEN, CARL)
    script = f"""
from wablock.cli import main
from wablock.client import Client

remove_member = Client.remove_member

def press_ctrl_c_before_the_last(client, user, **options):
    if user == {CARL!r}:
        raise KeyboardInterrupt
    return remove_member(client, user, **options)

Client.remove_member = press_ctrl_c_before_the_last
main(["blocklist", "remove", "fraud", {ANNA!r}, {BEN!r}, {CARL!r}])
"""

    process = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**fraud.variables),
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 128 + signal.SIGINT
    assert process.stdout == "Removed 2 users from fraud before it was interrupted.\n"
    assert "may still process the last request, with 1 of the users" in process.stderr
    assert fraud.users("block", "fraud") == [CARL]


def test_without_users_nothing_is_sent(fraud: ListCommands) -> None:
    assert "The input contains no users" in fraud.with_input("", "blocklist", "add", "fraud").stderr


# -- attach, detach


def test_an_attached_list_blocks_at_once_and_a_detached_one_no_longer(fraud: ListCommands) -> None:
    before = fraud.is_blocked(ANNA)
    attached = fraud.done("blocklist", "attach", "fraud", "--all-numbers")
    during = fraud.is_blocked(ANNA), fraud.is_blocked(ANNA, SUPPORT)
    detached = fraud.done("blocklist", "detach", "fraud", "--all-numbers")

    assert (attached, detached) == ("Attached fraud to all numbers.\n", "Detached fraud from all numbers.\n")
    assert (before, during, fraud.is_blocked(ANNA, SUPPORT)) == (False, (True, True), False)


def test_a_list_is_attached_to_several_numbers_by_name_or_id(fraud: ListCommands) -> None:
    attached = fraud.done("blocklist", "attach", "fraud", "--number", "Sales", "--number", SUPPORT, "--number", SALES)
    again = fraud.done("blocklist", "attach", "fraud", "--number", "sales")
    detached = fraud.json("blocklist", "detach", "fraud", "--number", "sales", "--number", SUPPORT)

    assert attached == "Attached fraud to sales.\nAttached fraud to support.\n"
    assert again == "fraud was already attached to sales.\n"
    assert [(it["name"], it["phone_number_id"], it["effect"]) for it in detached] == [
        ("fraud", SALES, "detached"),
        ("fraud", SUPPORT, "detached"),
    ]


@pytest.mark.parametrize(
    "flags, error",
    [
        ([], "Pass --number, which may be repeated, or --all-numbers"),
        (["--number", "sales", "--all-numbers"], "Pass --number, which may be repeated, or --all-numbers"),
        (["--number", "sales", "--number", "saels"], "No number has the name 'saels'; did you mean sales?"),
        (
            ["--number", "sales", "--number", "1"],
            "is not a number of the token's account. Its numbers: sales, support",
        ),
        (["--number", ""], "--number '' is neither a phone number id"),
    ],
)
@pytest.mark.parametrize("verb", ["attach", "detach"])
def test_a_wrong_place_is_refused_before_anything_is_changed(
    fraud: ListCommands, verb: str, flags: list[str], error: str
) -> None:
    assert error in fraud.refused("blocklist", verb, "fraud", *flags)
    assert fraud.json("blocklist", "list")[0].get("phone_number_ids", []) == []


def test_a_list_on_all_numbers_cannot_be_detached_from_one(vip: ListCommands) -> None:
    error = vip.refused("blocklist", "detach", "fraud", "--number", "sales")

    assert error == (
        "wablock: fraud is attached to all numbers and would stay in force: "
        "wablock blocklist detach fraud --all-numbers\n"
    )


def test_detaching_from_all_numbers_says_where_the_list_stays(fraud: ListCommands) -> None:
    fraud.done("blocklist", "attach", "fraud", "--number", "sales")

    detached = fraud.done("blocklist", "detach", "fraud", "--all-numbers")
    elsewhere = fraud.done("blocklist", "detach", "fraud", "--number", "support")

    assert detached == "fraud was not attached to all numbers.\nIt is still attached to sales.\n"
    assert elsewhere == "fraud was not attached to support.\n"


def test_an_allow_list_says_which_users_it_frees(vip: ListCommands) -> None:
    attached = vip.done("allowlist", "attach", "vip", "--number", "sales", "--yes")

    assert attached == f"Attached vip to sales. It frees 1 user: {ANNA}\n"
    assert (vip.is_blocked(ANNA), vip.is_blocked(ANNA, SUPPORT)) == (False, True)


def test_json_of_an_attached_allow_list_has_the_users_it_frees(vip: ListCommands) -> None:
    [attached] = vip.json("allowlist", "attach", "vip", "--all-numbers", "--yes")

    assert (attached["all"], attached["effect"], attached["freed"]) == (True, "attached", 1)
    assert attached["freed_users"] == [{"wa_id": ANNA[1:]}]


def test_an_allow_list_that_frees_users_needs_a_yes(vip: ListCommands) -> None:
    error = vip.refused("allowlist", "attach", "vip", "--all-numbers")

    assert error == f"wablock: Nothing was attached; add --yes to attach vip, which frees 1 user: {ANNA}\n"
    assert vip.is_blocked(ANNA)


def test_an_allow_list_that_frees_no_user_needs_no_yes(vip: ListCommands) -> None:
    vip.done("blocklist", "detach", "fraud", "--all-numbers")

    assert vip.done("allowlist", "attach", "vip", "--all-numbers") == "Attached vip to all numbers.\n"


def test_an_allow_list_is_attached_although_whatsapp_gave_a_user_a_number_of_no_numbering_plan(
    vip: ListCommands, tmp_path: Path
) -> None:
    odd = "165055501011"  # numbers of +1 have 10 digits
    asyncio.run(change_number(tmp_path, ANNA[1:], odd))

    error = vip.refused("allowlist", "attach", "vip", "--all-numbers")

    assert error == (f"wablock: Nothing was attached; add --yes to attach vip, which frees 2 users: +{odd}, {ANNA}\n")


async def change_number(folder: Path, previous: str, current: str) -> None:
    """As a webhook does when a user changes the number."""
    store = open_store(f"sqlite:///{folder / 'wablock.db'}", Metrics())
    try:
        was, is_now = (Member(it, it, None, it) for it in (previous, current))
        await store.apply(Carry(ACCOUNT_ID, system_clock(), was, is_now))
    finally:
        await store.close()


@pytest.mark.parametrize("typed, status", [("y\n", 0), ("n\n", 2)])
def test_a_person_confirms_that_users_are_freed(vip: ListCommands, typed: str, status: int) -> None:
    words = ["allowlist", "attach", "vip", "--number", "sales", "--number", "support"]

    code, screen = wablock_on_terminal(120, *words, typed=typed, **vip.variables)

    assert code == status
    assert f"Attach vip to sales, support? It frees 1 user: {ANNA}" in without_styles(screen)
    assert vip.is_blocked(ANNA) is (status != 0)


def test_adding_to_an_attached_allow_list_says_which_users_it_frees(vip: ListCommands) -> None:
    vip.done("allowlist", "attach", "vip", "--all-numbers", "--yes")
    vip.done("blocklist", "add", "fraud", CARL)

    added = vip.done("allowlist", "add", "vip", CARL, "+16505550104")

    assert added == f"Added 2 users to vip.\nThis frees 1 user: {CARL}\n"
    assert not vip.is_blocked(CARL)


def test_of_many_freed_users_the_first_are_named(vip: ListCommands) -> None:
    many = [f"+165055501{index}" for index in range(10, 17)]
    vip.done("blocklist", "add", "fraud", *many)
    vip.done("allowlist", "add", "vip", *many)

    attached = vip.done("allowlist", "attach", "vip", "--all-numbers", "--yes")

    assert "It frees 8 users: " in attached
    assert attached.endswith(" and 3 more\n")


# -- servers and tokens


def test_a_token_for_some_numbers_is_refused_with_the_reason(lists: ListCommands) -> None:
    process = run_here("blocklist", "list", "--url", lists.server.url, "--token", "for-sales-only")

    assert process.returncode == 2
    assert "Use one for all numbers of the account for shared lists" in process.stderr


def test_a_missing_token_is_one_line() -> None:
    process = run_here("blocklist", "list")

    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("wablock: Missing: an access token: --token or WABLOCK_TOKEN")


def test_the_token_may_come_from_standard_input(vip: ListCommands) -> None:
    variables = {name: value for name, value in vip.variables.items() if name != "WABLOCK_TOKEN"}

    process = run_with_token(vip, "allowlist", "attach", "vip", "--all-numbers", "--yes", "--token=-", **variables)

    assert process == f"Attached vip to all numbers. It frees 1 user: {ANNA}\n"


def run_with_token(lists: ListCommands, *words: str, **variables: str) -> str:

    return run(*words, stdin=lists.server.token, **variables).stdout


@pytest.mark.parametrize("words", [["list"], ["create", "x"], ["add", "x", ANNA], ["attach", "x", "--all-numbers"]])
def test_a_server_without_shared_lists_is_named(words: list[str]) -> None:
    body = '{"error":{"message":"Unknown path components: /lists","type":"OAuthException","code":2500}}'
    with answering(body, 400) as url:
        process = run_here("blocklist", *words, "--url", url, "--token", "t")

    assert (process.returncode, process.stdout) == (2, "")
    assert (
        f"{url} has no shared lists (/v1/lists), as Meta's API and older wablock servers. Upgrade it" in process.stderr
    )


# -- servers that fail


class _Failing(QuietHandler):
    """A server with the list fraud and one number, which refuses the token from the second change on."""

    protocol_version = "HTTP/1.0"
    changes = 0

    def do_GET(self) -> None:
        numbers = [{"phone_number_id": it} for it in (SALES, SUPPORT)]
        lists = [{"list_id": "list_1", "name": "fraud", "kind": "block"}]
        self._answer(200, {"data": numbers if self.path == "/v1/numbers" else lists})

    def do_DELETE(self) -> None:
        self.read_body()
        type(self).changes += 1
        if self.changes == 1:
            self._answer(200, {"success": True, "effect": "removed" if "members" in self.path else "detached"})
        else:
            self._answer(401, {"error": {"message": "Expired.", "type": "OAuthException", "code": 190}})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.mark.parametrize(
    "words, output",
    [
        (["remove", "fraud", ANNA, BEN], "Removed 1 user from fraud before it failed.\n"),
        (["detach", "fraud", "--number", SALES, "--number", SUPPORT], f"Detached fraud from {SALES}.\n"),
    ],
    ids=["remove", "detach"],
)
def test_what_was_done_before_a_failure_is_reported(words: list[str], output: str) -> None:
    failing = type("Failing", (_Failing,), {})
    with listening(failing) as port:
        process = run_here("blocklist", *words, "--url", f"http://127.0.0.1:{port}", "--token", "t")

    assert (process.returncode, process.stdout) == (2, output)
    assert "refuses the token: Expired." in process.stderr


def test_json_has_the_places_that_were_detached_before_a_failure() -> None:
    failing = type("Failing", (_Failing,), {})
    words = ["detach", "fraud", "--number", SALES, "--number", SUPPORT, "--json"]
    with listening(failing) as port:
        process = run_here("blocklist", *words, "--url", f"http://127.0.0.1:{port}", "--token", "t")

    assert process.returncode == 2
    assert [(it["phone_number_id"], it["effect"]) for it in json.loads(process.stdout)] == [(SALES, "detached")]
