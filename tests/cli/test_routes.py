"""`wablock account` and `wablock downstream`."""

import json
from pathlib import Path

import pytest
from tests.cli.command import run, run_here

from wablock.cli.databases import on_store
from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER
from wablock.settings import KeySettings
from wablock.storage import Store
from wablock.wiring import routes_of

_SET_DEFAULT = ("account", "set", "--create")
URL = "http://127.0.0.1:3000/webhook"


@pytest.fixture
def key(tmp_path: Path) -> str:
    return str(tmp_path / "keys" / "secret.key")


def _add(database: str, key: str, *arguments: str, url: str = URL) -> str:
    run_here("number", "add", NUMBER, "--database", database)
    added = run_here(
        "downstream", "add", NUMBER, url, "--json", "--database", database, "--secret-key-file", key, *arguments
    )
    assert added.returncode == 0, added.stderr
    downstream_id: str = json.loads(added.stdout)["downstream_id"]
    return downstream_id


def _list(database: str, key: str) -> list[dict[str, object]]:
    process = run_here("downstream", "list", NUMBER, "--json", "--database", database, "--secret-key-file", key)
    assert process.returncode == 0, process.stderr
    downstreams: list[dict[str, object]] = json.loads(process.stdout)
    return downstreams


def test_an_accounts_secret_is_set_and_only_the_owner_can_read_its_key(database: str, key: str) -> None:
    run_here("number", "add", NUMBER, "--account", "acme", "--database", database)

    done = run_here("account", "set", "acme", "--app-secret", "s3", "--database", database, "--secret-key-file", key)

    assert done.returncode == 0
    assert done.stdout.strip() == "Set app secret of account acme."
    assert Path(key).stat().st_mode & 0o777 == 0o600


def test_a_secret_may_be_read_from_standard_input(database: str, key: str) -> None:
    done = run(
        *_SET_DEFAULT, "--app-secret=-", "--json", "--database", database, "--secret-key-file", key, stdin="s3\n"
    )

    assert json.loads(done.stdout) == {"account_id": "default", "set": ["app_secret"]}


def test_two_secrets_are_two_lines_of_standard_input_also_after_a_byte_order_mark(database: str, key: str) -> None:
    lines = "\N{BYTE ORDER MARK}an app secret\r\na verify token\r\n"
    flags = ["--database", database, "--secret-key-file", key]

    done = run(*_SET_DEFAULT, "--app-secret", "-", "--verify-token", "-", *flags, stdin=lines)

    assert done.returncode == 0, done.stderr
    assert on_store(database, lambda store: _secret_of(store, Path(key))) == "an app secret"


async def _secret_of(store: Store, key: Path) -> str | None:
    account = await routes_of(store, KeySettings(secret_key_file=key)).accounts.find("default")
    return account.app_secret if account else None


def test_more_lines_than_secrets_are_refused(database: str, key: str) -> None:
    flags = ["--database", database, "--secret-key-file", key]

    refused = run(*_SET_DEFAULT, "--app-secret=-", *flags, stdin="one\ntwo\n")

    assert refused.returncode == 2
    assert refused.stderr == "wablock: Standard input has 2 lines: write one for --app-secret\n"


def test_an_option_is_not_the_value_of_another() -> None:
    refused = run_here("account", "set", "--app-secret", "--verify-token", "x")

    assert refused.returncode == 2
    assert "--app-secret '--verify-token' is an option, and not a value" in refused.stderr


def test_the_secrets_of_an_unknown_account_are_refused(database: str, key: str) -> None:
    run_here("number", "add", NUMBER, "--account", "acme", "--database", database)
    flags = ["--database", database, "--secret-key-file", key]

    refused = run_here("account", "set", "acmee", "--verify-token=a-verify-token", *flags)
    created = run_here("account", "set", "acmee", "--create", "--verify-token=a-verify-token", *flags)

    assert (refused.returncode, created.returncode) == (2, 0)
    assert "The account acmee does not exist: see wablock number list, or add --create" in refused.stderr


def test_a_command_without_anything_to_set_is_an_error(database: str) -> None:
    assert run_here("account", "set", "--database", database).returncode == 2


def test_an_added_downstream_is_listed_without_its_secrets(database: str, key: str) -> None:
    downstream_id = _add(database, key, "--secret", "its own", "--header", "X-Tenant: seven", "--best-effort")

    [row] = _list(database, key)

    assert row["downstream_id"] == downstream_id
    assert (row["url"], row["has_secret"], row["header_names"], row["required"]) == (URL, True, ["X-Tenant"], False)
    assert "its own" not in json.dumps(row)
    assert "seven" not in json.dumps(row)


def test_a_removed_downstream_is_not_listed(database: str, key: str) -> None:
    downstream_id = _add(database, key)

    removed = run_here("downstream", "remove", NUMBER, downstream_id, "--database", database)
    again = run_here("downstream", "remove", NUMBER, downstream_id, "--database", database)

    assert (removed.returncode, again.returncode) == (0, 2)
    assert _list(database, key) == []


@pytest.mark.parametrize("url", ["ftp://host/", "http://", "http://user:word@host/", "host", "http://h/#x"])
def test_an_invalid_web_address_is_refused(database: str, url: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    assert run_here("downstream", "add", NUMBER, url, "--database", database).returncode == 2


@pytest.mark.parametrize("header", ["no colon", "Host: another", "Bad Name: x", "X-Split: a\r\nb"])
def test_a_header_that_cannot_be_sent_is_refused(database: str, header: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)

    assert run_here("downstream", "add", NUMBER, URL, "--header", header, "--database", database).returncode == 2


def test_a_downstream_of_an_unknown_number_is_refused(database: str) -> None:
    assert run_here("downstream", "add", NUMBER, URL, "--database", database).returncode == 2


def test_secrets_sealed_by_another_key_are_not_shown(database: str, key: str) -> None:
    _add(database, key, "--header", "X-Tenant: seven")

    [row] = _list(database, key + "2")

    assert (row["url"], row["header_names"]) == (URL, ["?"])


def test_headers_may_come_in_the_variable_one_a_line(database: str, key: str) -> None:
    run_here("number", "add", NUMBER, "--database", database)
    places = ("--database", database, "--secret-key-file", key)

    added = run("downstream", "add", NUMBER, URL, *places, WABLOCK_DOWNSTREAM_HEADER="X-Key: a b\nX-Tenant: seven")

    assert added.returncode == 0, added.stderr
    [row] = _list(database, key)
    assert row["header_names"] == ["X-Key", "X-Tenant"]


def test_a_flag_is_not_set_together_with_the_variable_of_another_secret(database: str) -> None:
    run("number", "add", "777", "--database", database)

    process = run(
        "account",
        "set",
        "--verify-token=-",
        "--json",
        "--database",
        database,
        stdin="v" * 20,
        WABLOCK_APP_SECRET="a" * 32,
    )

    assert json.loads(process.stdout)["set"] == ["verify_token"]


@pytest.mark.parametrize("command", [("downstream", "list"), ("upstream", "show")], ids=" ".join)
def test_a_number_that_does_not_exist_is_not_a_number_without_routes(database: str, command: tuple[str, ...]) -> None:
    run("number", "add", "777", "--database", database)

    process = run(*command, "99", "--database", database)

    assert process.returncode == 2
    assert process.stderr == "wablock: The number 99 does not exist: see wablock number list\n"


def test_the_password_in_a_refused_url_is_not_repeated(database: str) -> None:
    process = run("downstream", "add", "777", "http://u:s3cret@receiver.test/", "--database", database)

    assert process.returncode == 2
    assert "s3cret" not in process.stderr
