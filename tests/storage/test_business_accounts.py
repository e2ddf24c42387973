"""Business accounts of an account, with their own secrets."""

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON

from wablock.block_list.ports import BusinessNumber
from wablock.gate import account_store
from wablock.gate.account_store import SealedAccount, SealedBusinessAccount
from wablock.storage import Store
from wablock.storage.postgres import accounts as postgres
from wablock.storage.sqlite import accounts as sqlite

_WABA = "102290129340500"
_OTHER = "102290129340399"
BUSINESS = SealedBusinessAccount(_WABA, ACCOUNT, b"\x00sealed", b"\xffhash")

pytestmark = pytest.mark.databases


async def test_a_business_account_is_found_as_it_was_set(store: Store) -> None:
    assert await store.set_business_account(BUSINESS, NOON)

    assert await store.find_business_account(_WABA) == BUSINESS
    assert list(await store.business_accounts()) == [BUSINESS]


async def test_a_business_account_is_found_with_its_account(store: Store) -> None:
    another = SealedBusinessAccount("102290129340499", ACCOUNT)
    await store.set_account(SealedAccount(ACCOUNT, b"default", b"hash"), NOON)

    for business in (BUSINESS, another, SealedBusinessAccount("7", _OTHER)):
        await store.set_business_account(business, NOON)

    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, b"default", b"hash", (another, BUSINESS))


async def test_a_missing_account_is_created_with_its_business_account(store: Store) -> None:
    await store.set_business_account(BUSINESS, NOON)

    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, None, None, (BUSINESS,))


async def test_setting_a_business_account_keeps_the_accounts_own_secrets(store: Store) -> None:
    await store.set_account(SealedAccount(ACCOUNT, b"default", b"hash"), NOON)

    await store.set_business_account(BUSINESS, NOON)

    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, b"default", b"hash", (BUSINESS,))


async def test_omitted_secrets_of_a_business_account_stay(store: Store) -> None:
    await store.set_business_account(SealedBusinessAccount(_WABA, ACCOUNT, b"first", b"hash"), NOON)

    await store.set_business_account(SealedBusinessAccount(_WABA, ACCOUNT, b"second"), NOON)
    await store.set_business_account(SealedBusinessAccount(_WABA, ACCOUNT), NOON)

    assert await store.find_business_account(_WABA) == SealedBusinessAccount(_WABA, ACCOUNT, b"second", b"hash")


async def test_another_accounts_business_account_does_not_change(store: Store) -> None:
    await store.set_business_account(BUSINESS, NOON)

    assert not await store.set_business_account(SealedBusinessAccount(_WABA, _OTHER, b"theirs"), NOON)

    assert list(await store.business_accounts()) == [BUSINESS]
    assert await store.find_account(_OTHER) is None


async def test_the_id_of_another_account_with_numbers_is_refused(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, _OTHER), NOON)

    assert not await store.set_business_account(SealedBusinessAccount(_OTHER, ACCOUNT), NOON)

    assert await store.set_business_account(SealedBusinessAccount(_OTHER, _OTHER), NOON)


async def test_the_id_of_another_account_without_numbers_is_accepted(store: Store) -> None:
    await store.set_account(SealedAccount(_OTHER, b"secret"), NOON)

    assert await store.set_business_account(SealedBusinessAccount(_OTHER, ACCOUNT), NOON)


async def test_an_account_has_a_limited_number_of_business_accounts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (account_store, sqlite, postgres):
        monkeypatch.setattr(module, "MOST_BUSINESS_ACCOUNTS", 2)

    added = [await store.set_business_account(SealedBusinessAccount(it, ACCOUNT), NOON) for it in ("1", "2", "3")]

    assert added == [True, True, False]
    assert await store.set_business_account(SealedBusinessAccount("2", ACCOUNT, b"secret"), NOON)


async def test_a_removed_business_account_is_gone(store: Store) -> None:
    await store.set_business_account(BUSINESS, NOON)

    removed = [await store.remove_business_account(_WABA) for _ in range(2)]

    assert removed == [True, False]
    assert await store.find_business_account(_WABA) is None
    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT)


async def test_a_text_with_nul_is_no_business_account(store: Store) -> None:
    assert await store.find_business_account("1\0") is None
    assert not await store.remove_business_account("1\0")


async def test_an_account_signs_if_one_of_its_business_accounts_has_a_secret(store: Store) -> None:
    await store.set_account(SealedAccount("2", b"secret"), NOON)
    for business in (SealedBusinessAccount("22", "2", b"own"), SealedBusinessAccount("11", "1"), BUSINESS):
        await store.set_business_account(business, NOON)

    signers = await store.signers(100)

    assert [(it.account_id, [own.waba_id for own in it.business_accounts]) for it in signers] == [
        (ACCOUNT, [_WABA]),
        ("2", ["22"]),
    ]
    assert [it.account_id for it in await store.signers(1)] == [ACCOUNT]


async def test_a_verify_token_of_a_business_account_finds_its_account(store: Store) -> None:
    await store.set_business_account(BUSINESS, NOON)

    account = await store.find_verifier(b"\xffhash")

    assert account is not None
    assert account.account_id == ACCOUNT
    assert await store.find_verifier(b"unknown") is None
