"""The credentials in wablock's source: `dev` uses them, and no other server accepts them."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import Server, run, started
from tests.receiver import Receiver, receiving
from tests.server.test_webhooks import message, signed, webhook

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.gate.account_store import SealedAccount
from wablock.server.metrics import Metrics
from wablock.settings import DEV_ACCOUNT_ID, DEV_APP_SECRET, DEV_PHONE_NUMBER_ID, DEV_TOKEN, DEV_VERIFY_TOKEN, file_url
from wablock.storage import SqliteStore
from wablock.vault import AeadVault, keys_from_text, new_key

KEY = new_key()
VARIABLES = {"WABLOCK_SECRET_KEY": KEY}
PUBLIC = {"Authorization": f"Bearer {DEV_TOKEN}"}
LIST = f"/v25.0/{DEV_PHONE_NUMBER_ID}/block_users"
MESSAGES = f"/v25.0/{DEV_PHONE_NUMBER_ID}/messages"
BLOCK = {"messaging_product": "whatsapp", "block_users": [{"user": "+16505550101"}]}
SEND = {"messaging_product": "whatsapp", "to": "+16505550101", "type": "text", "text": {"body": "hi"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dev.db"


@pytest.fixture
def meta() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def _lists_kept(file: Path, *more: str) -> None:
    """Let a development server use `file` and block a user."""
    with started("dev", "--port", "0", "--data", str(file), *more, **VARIABLES) as server:
        token = re.search(r"Access token +(\S+)", server.announced)
        assert token
        headers = {"Authorization": f"Bearer {token[1]}"}
        assert httpx2.post(server.url + LIST, json=BLOCK, headers=headers).status_code == 200
        assert server.stop() == 0


# -- the file has none of them


def test_the_public_token_is_unknown_to_a_later_server_on_the_file(file: Path) -> None:
    _lists_kept(file)

    with started("serve", "--port", "0", "--database", file_url(file), **VARIABLES) as server:
        answer = httpx2.get(server.url + LIST, headers=PUBLIC)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_the_public_app_secret_is_unknown_to_a_later_server_on_the_file(file: Path) -> None:
    _lists_kept(file)
    body = webhook(message("16505550102"))

    with started("serve", "--port", "0", "--database", file_url(file), **VARIABLES) as server:
        headers = {"x-hub-signature-256": signed(body, DEV_APP_SECRET)}
        answer = httpx2.post(server.url + "/webhooks/whatsapp", content=body, headers=headers)

    assert answer.status_code == 401


def test_neither_token_nor_account_nor_upstream_are_in_the_file(file: Path) -> None:
    _lists_kept(file, "--upstream", "http://127.0.0.1:9", "--upstream-token", "a-real-token")

    with sqlite3.connect(file) as connection:
        kept = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("access_token", "upstream")
        ]
        secrets = connection.execute("SELECT app_secret, verify_token_sha256 FROM account").fetchall()

    assert kept == [0, 0]
    assert secrets == [(None, None)]


def test_the_public_token_cannot_use_an_upstreams_token_after_the_next_start(file: Path, meta: Receiver) -> None:
    _lists_kept(file, "--upstream", meta.url, "--upstream-token", "a-real-token")

    with started("dev", "--port", "0", "--data", str(file), **VARIABLES) as server:
        answer = httpx2.post(server.url + MESSAGES, json=SEND | {"to": "+16505550102"}, headers=PUBLIC)

    assert answer.status_code != 200
    assert meta.deliveries == []


def test_a_webhook_and_a_send_work_with_the_public_credentials_after_a_seed(meta: Receiver) -> None:
    with started(
        "dev", "--port", "0", "--downstream", meta.url, "--upstream", f"http://127.0.0.1:{meta.port}"
    ) as server:
        httpx2.post(server.url + "/dev/seed", json={"numbers": []}, headers=PUBLIC)
        body = webhook(message("16505550102"))
        headers = {"x-hub-signature-256": signed(body, DEV_APP_SECRET)}
        answers = [
            httpx2.post(server.url + "/webhooks/whatsapp", content=body, headers=headers).status_code,
            httpx2.post(server.url + MESSAGES, json=SEND, headers=PUBLIC).status_code,
        ]

    assert answers == [200, 200]


def test_the_token_of_dev_is_listed_and_can_be_revoked() -> None:
    with started("dev", "--port", "0") as server:
        [token] = httpx2.get(server.url + "/v1/tokens", headers=PUBLIC).json()["data"]
        httpx2.delete(f"{server.url}/v1/tokens/{token['token_id']}", headers=PUBLIC)

        answer = httpx2.get(server.url + LIST, headers=PUBLIC)

    assert token["label"] == "dev"
    assert answer.status_code == 401


# -- the owner of a file


def _refused_by_dev(file: Path) -> str:
    refused = run("dev", "--port", "0", "--data", str(file), **VARIABLES)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    return refused.stderr


def test_dev_refuses_a_file_that_a_production_server_uses(file: Path) -> None:
    run("number", "add", DEV_PHONE_NUMBER_ID, "--account", DEV_ACCOUNT_ID, "--database", file_url(file))
    run("account", "set", DEV_ACCOUNT_ID, "--app-secret", "my-own", "--database", file_url(file), **VARIABLES)
    before = file.read_bytes()

    complaint = _refused_by_dev(file)

    assert complaint.startswith(f"wablock: {file} was not made by this wablock dev")
    assert file.read_bytes() == before


def test_dev_continues_with_a_file_that_it_created(file: Path) -> None:
    _lists_kept(file)

    with started("dev", "--port", "0", "--data", str(file), **VARIABLES) as server:
        listed = httpx2.get(server.url + LIST, headers=PUBLIC).json()["data"]

    assert [user["wa_id"] for user in listed] == ["16505550101"]


def test_dev_accepts_an_empty_file(file: Path) -> None:
    file.touch()

    _lists_kept(file)


def test_after_a_reset_the_file_still_belongs_to_dev(file: Path) -> None:
    with started("dev", "--port", "0", "--data", str(file), **VARIABLES) as server:
        httpx2.post(server.url + "/dev/reset", headers=PUBLIC)

    _lists_kept(file)


# -- a production server


@pytest.fixture
def database(file: Path) -> str:
    """A production database with a number."""
    run("number", "add", DEV_PHONE_NUMBER_ID, "--account", DEV_ACCOUNT_ID, "--database", file_url(file))
    return file_url(file)


async def _put_in_as_dev_once_did(
    file: Path, *, token: bool = False, secret: bool = False, verify: bool = False
) -> None:
    store = SqliteStore(file, Metrics())
    if token:
        await store.add_token(AccessToken(digest(DEV_TOKEN), DEV_ACCOUNT_ID, "dev", ALL_SCOPES, None, 1))
    sealed = AeadVault(keys_from_text(KEY)).seal(DEV_APP_SECRET, f"account/{DEV_ACCOUNT_ID}/app_secret")
    verifier = sha256(DEV_VERIFY_TOKEN.encode()).digest()
    await store.set_account(SealedAccount(DEV_ACCOUNT_ID, sealed if secret else None, verifier if verify else None), 1)
    await store.close()


def _refused_by_serve(database: str, *flags: str) -> str:
    refused = run("serve", "--port", "0", "--database", database, *flags, **VARIABLES)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    return refused.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_serve_refuses_the_public_token_until_it_is_revoked(database: str, file: Path, workers: str) -> None:
    await _put_in_as_dev_once_did(file, token=True)

    complaint = _refused_by_serve(database, "--workers", workers)
    todo = re.search(r"wablock (token revoke \w+)", complaint)
    assert todo
    run(*todo[1].split(), "--database", database)

    with started("serve", "--port", "0", "--database", database) as server:
        assert httpx2.get(server.url + LIST, headers=PUBLIC).status_code == 401


async def test_serve_refuses_the_public_app_secret_until_another_is_set(database: str, file: Path) -> None:
    await _put_in_as_dev_once_did(file, secret=True)

    complaint = _refused_by_serve(database)
    todo = re.search(r"wablock (account set \w+ --app-secret=-)", complaint)
    assert todo
    run(*todo[1].split(), "--database", database, stdin="my-own\n", **VARIABLES)

    with started("serve", "--port", "0", "--database", database, **VARIABLES):
        pass


async def test_serve_refuses_the_public_verify_token_until_another_is_set(database: str, file: Path) -> None:
    await _put_in_as_dev_once_did(file, verify=True)

    complaint = _refused_by_serve(database)
    todo = re.search(r"wablock (account set \w+ --verify-token=-)", complaint)
    assert todo
    run(*todo[1].split(), "--database", database, stdin="my-own\n")

    with started("serve", "--port", "0", "--database", database):
        pass


@pytest.mark.parametrize(
    "command, typed",
    [
        (("token", "create", "--from-stdin"), DEV_TOKEN),
        (("account", "set", "--app-secret=-"), DEV_APP_SECRET),
        (("account", "set", "--app-secret", DEV_APP_SECRET), ""),
        (("account", "set", "--verify-token=-"), DEV_VERIFY_TOKEN),
        (("downstream", "add", DEV_PHONE_NUMBER_ID, "http://127.0.0.1:9", "--secret=-"), DEV_APP_SECRET),
    ],
    ids=str,
)
def test_a_command_sets_no_public_credential(database: str, command: Sequence[str], typed: str) -> None:
    refused = run(*command, "--database", database, stdin=typed, **VARIABLES)

    assert refused.returncode == 2
    assert "the public default of wablock dev" in refused.stderr
    with started("serve", "--port", "0", "--database", database, **VARIABLES):
        pass


def test_the_api_sets_no_public_secret(dev: Server) -> None:
    new = {"url": "https://8.8.8.8/", "secret": DEV_APP_SECRET}

    answer = httpx2.post(f"{dev.url}/v1/numbers/{DEV_PHONE_NUMBER_ID}/downstreams", json=new, headers=PUBLIC)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert "choose another" in answer.json()["error"]["message"]


@pytest.fixture
def dev() -> Iterator[Server]:
    with started("dev", "--port", "0") as server:
        yield server


# -- a real upstream's token


def test_the_public_token_cannot_use_a_real_upstream_token(meta: Receiver) -> None:
    flags = ("--upstream", f"http://127.0.0.1:{meta.port}", "--upstream-token", "a-real-token")
    with started("dev", "--port", "0", *flags) as server:
        printed = re.search(r"Access token +(wablock_\S{40,})\n", server.announced)
        assert printed
        statuses = [
            httpx2.post(server.url + MESSAGES, json=SEND, headers={"Authorization": f"Bearer {token}"}).status_code
            for token in (DEV_TOKEN, printed[1])
        ]

    assert statuses == [401, 200]
    assert [delivery.headers["authorization"] for delivery in meta.deliveries] == ["Bearer a-real-token"]


def test_with_its_own_token_a_real_upstream_token_needs_no_random_one() -> None:
    flags = ("--upstream", "http://127.0.0.1:9", "--upstream-token", "a-real-token", "--token", "my-own")
    with started("dev", "--port", "0", *flags) as server:
        assert re.search(r"Access token +my-own\n", server.announced)


def test_more_hosts_need_another_token_than_the_public_one() -> None:
    refused = run("dev", "--port", "0", "--allow-hosts", "tunnel.example")

    assert refused.returncode == 2
    assert "--token" in refused.stderr


def test_behind_a_tunnel_the_public_app_secret_is_not_used() -> None:
    with started("dev", "--port", "0", "--allow-hosts", "tunnel.example", "--token", "my-own") as server:
        assert DEV_APP_SECRET not in server.announced
