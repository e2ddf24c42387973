"""The account that signed a webhook, before its body is parsed."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Final

import msgspec
import pytest
from tests.gate.memory_routes import MemoryRoutes

from wablock.block_list.ports import BusinessNumber
from wablock.failures import InvalidSignature
from wablock.gate import signing_secrets
from wablock.gate.account_store import Account
from wablock.gate.routes import Routes
from wablock.gate.signing_secrets import Signer, SigningSecrets
from wablock.gate.webhook.signature import is_signed, sign
from wablock.server.metrics import Metrics
from wablock.vault import AeadVault

ACCOUNTS: Final = [str(102290129340000 + place) for place in range(100)]
NUMBER: Final = "106540352242922"
LARGE: Final = "x" * 100_000
SMALL: Final = ""


class OneNumber:
    """Knows `NUMBER`, which is the first account's."""

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        return BusinessNumber(NUMBER, ACCOUNTS[0]) if phone_number_id == NUMBER else None


def secret_of(account: str) -> str:
    return f"secret of {account}"


def signer(body: bytes, signature: str, accounts: Sequence[str] = ACCOUNTS) -> Signer:
    """The signer of the body, if each of these accounts has a secret."""

    async def find() -> Signer:
        routes = Routes(MemoryRoutes(), AeadVault([bytes(32)]), lambda: 0, lambda: 0.0)
        for account in accounts:
            await routes.accounts.set(account, secret_of(account), None)
        return await SigningSecrets(routes.accounts, OneNumber(), Metrics()).signer_of(body, signature)

    return asyncio.run(find())


def signing_secret(body: bytes, signature: str, accounts: Sequence[str] = ACCOUNTS) -> str:
    return signer(body, signature, accounts).secret


def entries(accounts: Sequence[str], padding: str) -> bytes:
    return msgspec.json.encode({"entry": [{"id": account} for account in accounts], "padding": padding})


def signed(body: bytes, account: str) -> str:
    return sign(secret_of(account), body)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The secrets that were tried, each with the name of the thread."""
    tries: list[tuple[str, str]] = []

    def trying(secret: str, body: bytes, header: str | None) -> bool:
        tries.append((secret, threading.current_thread().name))
        return is_signed(secret, body, header)

    monkeypatch.setattr(signing_secrets, "is_signed", trying)
    return tries


def test_a_numbers_account_is_tried_first(attempts: list[tuple[str, str]]) -> None:
    value = {"metadata": {"phone_number_id": NUMBER}}
    body = msgspec.json.encode({"entry": [{"id": ACCOUNTS[1], "changes": [{"value": value}]}]})

    assert signing_secret(body, signed(body, ACCOUNTS[0])) == secret_of(ACCOUNTS[0])
    assert len(attempts) == 1


def test_a_signer_has_the_number_and_the_account_that_it_was_found_by() -> None:
    account = Account(ACCOUNTS[0], secret_of(ACCOUNTS[0]))
    by_number = msgspec.json.encode({"phone_number_id": NUMBER})
    by_entry = msgspec.json.encode({"id": ACCOUNTS[0]})

    number = BusinessNumber(NUMBER, ACCOUNTS[0])
    assert signer(by_number, signed(by_number, ACCOUNTS[0])) == Signer(account.app_secret or "", account, number)
    assert signer(by_entry, signed(by_entry, ACCOUNTS[0])) == Signer(account.app_secret or "", account, None)
    assert signer(b"{}", signed(b"{}", ACCOUNTS[0])) == Signer(account.app_secret or "", None, None)


@pytest.mark.parametrize("padding", [SMALL, LARGE])
def test_the_account_of_an_entry_is_found(padding: str) -> None:
    body = entries([ACCOUNTS[7]], padding)
    assert signing_secret(body, signed(body, ACCOUNTS[7])) == secret_of(ACCOUNTS[7])


@pytest.mark.parametrize("padding", [SMALL, LARGE])
def test_at_most_four_secrets_are_tried(attempts: list[tuple[str, str]], padding: str) -> None:
    body = entries(ACCOUNTS, padding)

    with pytest.raises(InvalidSignature):
        signing_secret(body, signed(body, ACCOUNTS[50]))

    assert 0 < len(attempts) <= 4


def test_a_small_body_without_an_account_may_be_signed_by_any() -> None:
    body = b'{"entry":[]}'
    assert signing_secret(body, signed(body, ACCOUNTS[99])) == secret_of(ACCOUNTS[99])


def test_a_large_body_without_an_account_belongs_to_no_account(attempts: list[tuple[str, str]]) -> None:
    body = entries(["1"], LARGE)

    with pytest.raises(InvalidSignature):
        signing_secret(body, signed(body, ACCOUNTS[0]))

    assert attempts == []


def test_a_large_body_without_an_account_may_be_signed_by_the_only_account() -> None:
    body = entries(["1"], LARGE)
    assert signing_secret(body, signed(body, ACCOUNTS[0]), ACCOUNTS[:1]) == secret_of(ACCOUNTS[0])


@pytest.mark.parametrize("padding, is_in_another_thread", [(LARGE, False), ("x" * 600_000, True)])
def test_only_long_bodies_are_hashed_outside_of_the_event_loop(
    attempts: list[tuple[str, str]], padding: str, *, is_in_another_thread: bool
) -> None:
    body = entries([ACCOUNTS[0]], padding)

    signing_secret(body, signed(body, ACCOUNTS[0]))

    assert [thread != threading.current_thread().name for _, thread in attempts] == [is_in_another_thread]


def test_without_any_secret_no_signature_is_valid() -> None:
    with pytest.raises(InvalidSignature):
        signing_secret(b"{}", sign("", b"{}"), [])


_WABAS: Final = [str(102290129350000 + place) for place in range(10)]


def _signed_by_business_account(body: bytes, waba_id: str, number: BusinessNumber | None = None) -> Signer:
    """The signer, if the first account has a secret, and each of its ten business accounts another one."""

    class Numbers:
        async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
            return number if number is not None and phone_number_id == number.phone_number_id else None

    async def find() -> Signer:
        routes = Routes(MemoryRoutes(), AeadVault([bytes(32)]), lambda: 0, lambda: 0.0)
        await routes.accounts.set(ACCOUNTS[0], secret_of(ACCOUNTS[0]), None)
        for it in _WABAS:
            await routes.accounts.set_business_account(ACCOUNTS[0], it, secret_of(it), None)
        return await SigningSecrets(routes.accounts, Numbers(), Metrics()).signer_of(body, signed(body, waba_id))

    return asyncio.run(find())


@pytest.mark.parametrize("number", [None, BusinessNumber(NUMBER, ACCOUNTS[0])])
def test_the_secret_of_the_business_account_in_the_body_is_tried_first(
    attempts: list[tuple[str, str]], number: BusinessNumber | None
) -> None:
    body = msgspec.json.encode({"entry": [{"id": _WABAS[7], "phone_number_id": NUMBER}], "padding": LARGE})

    assert _signed_by_business_account(body, _WABAS[7], number).secret == secret_of(_WABAS[7])
    assert [secret for secret, _ in attempts] == [secret_of(_WABAS[7])]


def test_the_secret_of_the_numbers_business_account_is_tried_first(attempts: list[tuple[str, str]]) -> None:
    body = msgspec.json.encode({"phone_number_id": NUMBER})

    signer = _signed_by_business_account(body, _WABAS[3], BusinessNumber(NUMBER, ACCOUNTS[0], waba_id=_WABAS[3]))

    assert signer.secret == secret_of(_WABAS[3])
    assert len(attempts) == 1


def test_at_most_four_secrets_of_business_accounts_are_tried(attempts: list[tuple[str, str]]) -> None:
    body = msgspec.json.encode({"phone_number_id": NUMBER})

    with pytest.raises(InvalidSignature):
        _signed_by_business_account(body, _WABAS[9], BusinessNumber(NUMBER, ACCOUNTS[0]))

    assert len(attempts) == 4


def test_a_large_body_of_an_unknown_id_may_be_signed_by_a_business_account_of_the_only_account() -> None:
    body = entries(["1"], LARGE)

    assert _signed_by_business_account(body, _WABAS[0]).secret == secret_of(_WABAS[0])
