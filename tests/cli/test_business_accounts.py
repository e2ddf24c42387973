"""`wablock business-account`, and numbers that name their business account."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run, run_here, without_warning

from wablock.gate.account_store import Account
from wablock.server.metrics import Metrics
from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER
from wablock.settings import KeySettings
from wablock.storage import open_store
from wablock.storage.meter import StoreMeter
from wablock.wiring import routes_of

WABA, OTHER = "102290129340500", "102290129340501"


@pytest.fixture
def places(database: str, tmp_path: Path) -> list[str]:
    """The options of a database with a number of account acme, and of its key."""
    assert run_here("number", "add", NUMBER, "--account", "acme", "--database", database).returncode == 0
    return ["--database", database, "--secret-key-file", str(tmp_path / "secret.key")]


def _accounts(places: list[str], account_id: str) -> Account | None:
    async def read() -> Account | None:
        meter: StoreMeter = Metrics()
        store = open_store(places[1], meter)
        try:
            return await routes_of(store, KeySettings(secret_key_file=Path(places[3]))).accounts.find(account_id)
        finally:
            await store.close()

    return asyncio.run(read())


def _list(places: list[str]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(run_here("business-account", "list", "--json", *places).stdout)
    return listed


def test_secrets_are_read_from_standard_input_and_stored(places: list[str]) -> None:
    words = ["business-account", "set", WABA, "--account", "acme", "--app-secret=-", "--verify-token=-"]

    added = run(*words, *places, stdin="the shop's secret\na verify token\n")

    assert added.stdout == f"Set app secret and verify token of business account {WABA} in account acme.\n"
    assert _accounts(places, "acme") == Account("acme", None, {WABA: "the shop's secret"})
    assert _list(places) == [{"waba_id": WABA, "account_id": "acme", "has_app_secret": True, "has_verify_token": True}]


def test_a_business_account_may_have_no_secret_of_its_own(places: list[str]) -> None:
    added = run_here("business-account", "set", WABA, "--account", "acme", "--json", *places)

    assert json.loads(added.stdout) == {"waba_id": WABA, "account_id": "acme", "set": []}
    assert _accounts(places, "acme") == Account("acme", None, {WABA: None})


def test_a_secret_on_the_command_line_is_used_with_a_warning(places: list[str]) -> None:
    added = run_here("business-account", "set", WABA, "--account", "acme", "--app-secret", "the secret", *places)

    assert added.returncode == 0
    assert "--app-secret is visible to other users of this machine" in added.stderr
    assert "the secret" not in added.stdout


def test_a_list_never_shows_a_secret(places: list[str]) -> None:
    run_here("business-account", "set", WABA, "--account", "acme", "--app-secret", "the secret", *places)

    listed = run_here("business-account", "list", *places).stdout

    assert listed.splitlines()[1].split() == [WABA, "acme", "yes", "no"]


def test_a_removed_business_account_is_gone(places: list[str]) -> None:
    run_here("business-account", "set", WABA, "--account", "acme", *places)

    assert run_here("business-account", "remove", WABA, *places).stdout == f"Removed business account {WABA}.\n"

    again = run_here("business-account", "remove", WABA, *places)
    assert again.stderr == f"wablock: There is no business account {WABA}: see wablock business-account list\n"
    assert _list(places) == []


@pytest.mark.parametrize(
    "words, error",
    [
        (["my-waba", "--account", "acme"], "WABA-ID 'my-waba' is not the id of a business account: use digits only"),
        ([WABA, "--account", "nosuch"], "The account nosuch does not exist: see wablock number list, or add --create"),
        ([WABA, "--account", " "], "--account must not be empty"),
        ([WABA, "--account", "acme", "--app-secret="], "--app-secret must not be empty"),
        ([OTHER, "--account", "acme"], f"The business account {OTHER} belongs to account rival: remove it there first"),
        (["777", "--account", "acme"], "777 is the id of an account that has numbers: add it to that account"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_line(places: list[str], words: list[str], error: str) -> None:
    run_here("business-account", "set", OTHER, "--account", "rival", "--create", *places)
    run_here("number", "add", "7", "--account", "777", *places[:2])

    refused = run_here("business-account", "set", *words, *places)

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith(f"wablock: {error}")
    assert without_warning(refused.stderr).count("\n") == 1
    assert [it["waba_id"] for it in _list(places)] == [OTHER]


def test_an_account_may_be_created_with_its_business_account(places: list[str]) -> None:
    created = run_here("business-account", "set", WABA, "--account", "new", "--create", *places)

    assert created.returncode == 0
    assert _accounts(places, "new") == Account("new", None, {WABA: None})


def test_a_number_may_name_its_business_account(places: list[str]) -> None:
    run_here("business-account", "set", WABA, "--account", "acme", *places)

    run_here("number", "add", "7", "--account", "acme", "--waba", WABA, *places[:2])
    run_here("number", "set", NUMBER, "--waba", "9", *places[:2])

    numbers = json.loads(run_here("number", "list", "--json", *places[:2]).stdout)
    assert {it["phone_number_id"]: it["waba_id"] for it in numbers} == {"7": WABA, NUMBER: "9"}


@pytest.mark.parametrize(
    "words, error",
    [
        (["add", "7", "--account", WABA], f"{WABA} is a business account of account rival: add --account rival --waba"),
        (["add", "7", "--account", "acme", "--waba", WABA], f"The business account {WABA} belongs to account rival"),
        (["set", NUMBER, "--waba", WABA], f"The business account {WABA} belongs to account rival, and not to acme"),
        (["set", NUMBER, "--waba", "shop"], "--waba 'shop' is not the id of a business account"),
    ],
)
def test_a_number_of_another_accounts_business_account_is_refused(
    places: list[str], words: list[str], error: str
) -> None:
    run_here("business-account", "set", WABA, "--account", "rival", "--create", *places)

    refused = run_here("number", *words, *places[:2])

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"wablock: {error}")
