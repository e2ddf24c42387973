"""`wablock token`."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run, run_here

from wablock import access
from wablock.access import AccessToken, Scope
from wablock.block_list.ports import BusinessNumber
from wablock.cli.databases import on_store
from wablock.gate.ports import SealedDownstream
from wablock.storage import Store

TYPED = "a-token-that-an-application-has-already"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database with numbers."""
    url = f"sqlite:///{tmp_path / 'wablock.db'}"
    for number, account in (("1", "default"), ("2", "default"), ("7", "default"), ("8", "acme")):
        assert run_here("number", "add", number, "--account", account, "--database", url).returncode == 0
    return url


def _create(database: str, *arguments: str) -> dict[str, Any]:
    created = run_here("token", "create", "--json", *arguments, "--database", database)
    assert created.returncode == 0, created.stderr
    token: dict[str, Any] = json.loads(created.stdout)
    return token


def _list(database: str) -> list[dict[str, Any]]:
    tokens: list[dict[str, Any]] = json.loads(run_here("token", "list", "--json", "--database", database).stdout)
    return tokens


def test_a_created_token_is_shown(database: str) -> None:
    created = run_here("token", "create", "--label", "shop", "--database", database)

    assert created.returncode == 0
    assert re.search(r"\(shop\)\. Copy it now, it is shown only once:\n\nwablock_[\w-]{43}\n$", created.stdout)


def test_a_created_token_is_never_shown_again(database: str) -> None:
    token = _create(database)["token"]

    assert token not in run("token", "list", "--database", database).stdout
    assert token not in run_here("token", "list", "--json", "--database", database).stdout


def test_the_database_has_no_token_in_it(database: str, tmp_path: Path) -> None:
    token = _create(database)["token"]

    for file in tmp_path.iterdir():
        assert token.encode() not in file.read_bytes()


def test_a_token_may_read_and_write_every_number_of_its_account_forever_by_default(database: str) -> None:
    token = _create(database)

    assert token["scopes"] == ["read", "write"]
    assert token["account_id"] == "default"
    assert "phone_number_ids" not in token
    assert "expires_at" not in token


def test_scopes_and_numbers_may_be_repeated(database: str) -> None:
    token = _create(database, "--scope", "manage", "--scope", "read", "--number", "2", "--number", "1")

    assert token["scopes"] == ["manage", "read"]
    assert token["phone_number_ids"] == ["1", "2"]


def test_a_token_may_expire(database: str) -> None:
    token = _create(database, "--expires-in-days", "0.5")

    assert token["expires_at"] - token["created_at"] == 43_200


def test_a_token_from_standard_input_is_registered_and_not_shown(database: str) -> None:
    created = run("token", "create", "--from-stdin", "--label", "old", "--database", database, stdin=TYPED + "\n")

    assert created.returncode == 0
    assert TYPED not in created.stdout
    assert _list(database)[0]["token_id"] == hashlib.sha256(TYPED.encode()).hexdigest()[:12]


def test_json_of_a_token_from_standard_input_has_no_token(database: str) -> None:
    created = run("token", "create", "--from-stdin", "--json", "--database", database, stdin=TYPED)

    assert TYPED not in created.stdout
    assert "token" not in json.loads(created.stdout)


@pytest.mark.parametrize("typed", ["short", "with a space in its middle", "não-é-um-token-em-ascii"])
def test_a_typed_token_that_is_short_or_not_printable_is_refused(database: str, typed: str) -> None:
    refused = run("token", "create", "--from-stdin", "--database", database, stdin=typed)

    assert refused.returncode == 2
    assert "must have 16 to 1,024 printable" in refused.stderr
    assert _list(database) == []


@pytest.mark.parametrize("typed", ["\x1b[31m" + TYPED, TYPED * 100])
def test_a_typed_token_that_fits_no_header_is_refused(database: str, typed: str) -> None:
    refused = run("token", "create", "--from-stdin", "--database", database, stdin=typed)

    assert refused.returncode == 2
    assert "without spaces" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("--number", "+16505550100"), "No number has the name"),
        (("--number", "1", "--number", "\u0667"), "neither a phone number id (digits"),
        (("--number", ""), "neither a phone number id (digits"),
        (("--label", ""), "--label must not be empty"),
        (("--account", " "), "--account must not be empty"),
    ],
)
def test_a_token_with_invalid_options_is_one_line_and_status_2(
    database: str, arguments: tuple[str, ...], error: str
) -> None:
    refused = run_here("token", "create", *arguments, "--database", database)

    assert refused.returncode == 2
    assert error in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert _list(database) == []


@pytest.mark.parametrize("label", ["[red]x[/red]", "[/]", "[link=http://evil.test]shop"])
def test_a_label_that_looks_like_markup_is_shown_as_typed(database: str, label: str) -> None:
    _create(database, "--label", label)

    assert label in run("token", "list", "--database", database).stdout


def test_a_label_sends_no_control_characters_to_the_terminal(database: str) -> None:
    _create(database, "--label", "\x1b[2Jshop")

    table = run("token", "list", "--database", database).stdout

    assert "shop" in table
    assert "\x1b" not in table


def test_the_same_token_cannot_be_registered_twice(database: str) -> None:
    run("token", "create", "--from-stdin", "--database", database, stdin=TYPED)

    refused = run("token", "create", "--from-stdin", "--database", database, stdin=TYPED)

    assert refused.returncode == 2
    assert refused.stderr == "wablock: This token already exists\n"


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "1e300"])
def test_a_token_with_an_impossible_expiry_is_refused(database: str, days: str) -> None:
    refused = run_here("token", "create", f"--expires-in-days={days}", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert _list(database) == []


def test_tokens_are_listed_as_a_table_for_people(database: str) -> None:
    token = _create(database, "--label", "shop", "--expires-in-days", "1")

    table = run("token", "list", "--database", database).stdout

    assert token["token_id"] in table
    assert "shop" in table
    assert "read,write" in table
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", table)


def test_without_tokens_the_list_shows_how_to_create_one(database: str) -> None:
    assert "wablock token create" in run("token", "list", "--database", database).stdout


@pytest.mark.parametrize("named_by", ["token_id", "label"])
def test_a_token_is_revoked_by_its_id_or_its_label(database: str, named_by: str) -> None:
    token = _create(database, "--label", "shop")

    revoked = run_here("token", "revoke", token[named_by], "--database", database)

    assert revoked.stdout == f"Revoked token {token['token_id']} (shop).\n"
    assert "revoked_at" in _list(database)[0]


def test_json_of_a_revoked_token_is_the_token(database: str) -> None:
    token = _create(database)

    revoked = run_here("token", "revoke", token["token_id"], "--json", "--database", database)

    assert json.loads(revoked.stdout)["token_id"] == token["token_id"]


def test_a_label_that_two_tokens_have_revokes_neither(database: str) -> None:
    _create(database, "--label", "shop")
    _create(database, "--label", "shop")

    refused = run_here("token", "revoke", "shop", "--database", database)

    assert refused.returncode == 2
    assert "2 unrevoked tokens have the id or label" in refused.stderr
    assert not any("revoked_at" in token for token in _list(database))


def test_a_token_cannot_be_revoked_twice(database: str) -> None:
    token = _create(database)
    run_here("token", "revoke", token["token_id"], "--database", database)

    refused = run_here("token", "revoke", token["token_id"], "--database", database)

    assert refused.returncode == 2
    assert refused.stderr.startswith("wablock: No unrevoked tokens have the id or label")


def test_flags_may_come_from_the_environment(database: str) -> None:
    created = run("token", "create", WABLOCK_DATABASE=database, WABLOCK_JSON="true")

    [token] = _list(database)

    assert json.loads(created.stdout)["token_id"] == token["token_id"]


def test_a_token_for_a_number_that_does_not_exist_is_refused(database: str) -> None:
    refused = run_here("token", "create", "--number", "7", "--number", "9", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr == "wablock: The number 9 does not exist: add it with wablock number add 9\n"
    assert _list(database) == []


def test_a_token_for_a_number_of_another_account_is_refused(database: str) -> None:
    refused = run_here("token", "create", "--number", "8", "--account", "default", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr == "wablock: The number 8 is not in account default: add --account acme\n"
    assert _list(database) == []


def test_a_token_is_in_the_account_of_its_number(database: str) -> None:
    assert _create(database, "--number", "8")["account_id"] == "acme"


@pytest.mark.parametrize("option", ["--empty-number", "--empty-scope"])
def test_a_token_for_no_number_or_without_scopes_cannot_be_created(database: str, option: str) -> None:
    refused = run_here("token", "create", option, "--database", database)

    assert refused.returncode == 2
    assert f"Unknown option {option}" in refused.stderr
    assert _list(database) == []


def test_a_token_is_revoked_with_all_that_it_made(database: str) -> None:
    root = _create(database, "--label", "root", "--scope", "manage", "--number", "7")
    made = _made_by(database, root, downstream_url="https://receiver.example/in")
    assert _list(database)[1]["made_by"] == root["token_id"]

    revoked = run_here("token", "revoke", "root", "--with-made", "--database", database).stdout

    assert f"Revoked token {made} (made), created by {root['token_id']}." in revoked
    assert "Removed downstream 5f0c." in revoked
    assert all("revoked_at" in token for token in _list(database))
    assert run_here("downstream", "list", "7", "--json", "--database", database).stdout == "[]\n"


def _made_by(database: str, maker: dict[str, Any], downstream_url: str) -> str:
    """Store a token and a receiver of number 7, as requests with this token do; return the new token's id."""
    by = access.digest(maker["token"])
    text = "a token that another token made"

    async def work(store: Store) -> None:
        await store.add_number(BusinessNumber("7", "default"), 1)
        await store.add_token(
            AccessToken(
                access.digest(text), "default", "made", frozenset({Scope.READ}), frozenset({"7"}), 2**60, made_by=by
            )
        )
        await store.add_downstream(
            SealedDownstream("5f0c", "7", "default", downstream_url, None, None, 5_000, True, False, 1, False, by)
        )

    on_store(database, work)
    return access.token_id_of(access.digest(text))


def test_a_token_for_an_account_that_does_not_exist_is_refused(database: str) -> None:
    refused = run("token", "create", "--account", "typo", "--database", database)

    assert refused.returncode == 2
    assert "The account typo does not exist: add a number to it with wablock number add" in refused.stderr


def test_a_token_with_too_short_a_life_is_refused_by_the_name_of_its_flag(database: str) -> None:
    refused = run_here("token", "create", "--expires-in-days=1e-9", "--database", database)

    assert refused.returncode == 2
    assert refused.stderr == "wablock: --expires-in-days 1e-09 is less than a second\n"


@pytest.mark.parametrize("time", ["2100-W05-1T12:00:00Z", "21000131T120000Z", "2100-01-31", "2100-01-31T12Z"])
def test_a_time_that_the_api_does_not_read_is_refused(database: str, time: str) -> None:
    refused = run_here("token", "create", f"--until={time}", "--database", database)

    assert refused.returncode == 2
    assert f"--until '{time}' is not a time" in refused.stderr
