"""Business accounts and their secrets, as the gate reads and sets them."""

import msgspec
import pytest
from tests.gate.memory_routes import MemoryRoutes
from tests.gate.process_routes import NOW, Clocks, routes_of_a_process

from wablock.gate.account_store import Account
from wablock.gate.ports import CannotUnseal
from wablock.gate.routes import Routes
from wablock.gate.routes.accounts import Accounts, BusinessAccountInfo

SHOP, HOTEL = "102290129340500", "102290129340501"


@pytest.fixture
def accounts(routes: Routes) -> Accounts:
    return routes.accounts


async def test_an_account_is_read_with_the_secrets_of_its_business_accounts(accounts: Accounts) -> None:
    await accounts.set("acme", "our-secret", None)
    await accounts.set_business_account("acme", SHOP, "the-shops", None)
    await accounts.set_business_account("acme", HOTEL, None, "verify-the-hotel")

    account = await accounts.find("acme")

    assert account == Account("acme", "our-secret", {SHOP: "the-shops", HOTEL: None})
    assert account.secrets == ["our-secret", "the-shops"]


async def test_an_entry_leads_to_the_account_of_its_business_account(accounts: Accounts) -> None:
    await accounts.set(SHOP, "of an account with the same id", None)
    await accounts.set_business_account("acme", SHOP, "the-shops", None)

    assert await accounts.of_entry(SHOP) == Account("acme", None, {SHOP: "the-shops"})


async def test_an_entry_without_a_business_account_leads_to_the_account_with_its_id(accounts: Accounts) -> None:
    await accounts.set(SHOP, "our-secret", None)

    assert await accounts.of_entry(SHOP) == Account(SHOP, "our-secret")
    assert await accounts.of_entry(HOTEL) is None


async def test_the_operator_sees_which_secrets_there_are(accounts: Accounts) -> None:
    await accounts.set_business_account("acme", HOTEL, None, "verify-the-hotel")
    await accounts.set_business_account("acme", SHOP, "the-shops", None)

    assert await accounts.business_accounts() == [
        BusinessAccountInfo(SHOP, "acme", has_app_secret=True, has_verify_token=False),
        BusinessAccountInfo(HOTEL, "acme", has_app_secret=False, has_verify_token=True),
    ]


async def test_a_business_account_of_another_account_is_not_set(accounts: Accounts) -> None:
    await accounts.set_business_account("acme", SHOP, "the-shops", None)

    assert not await accounts.set_business_account("rival", SHOP, "theirs", None)

    assert await accounts.find("acme") == Account("acme", None, {SHOP: "the-shops"})


async def test_a_removed_business_account_signs_no_more(accounts: Accounts) -> None:
    await accounts.set_business_account("acme", SHOP, "the-shops", None)
    await accounts.of_entry(SHOP)

    removed = [await accounts.remove_business_account(SHOP) for _ in range(2)]

    assert removed == [True, False]
    assert await accounts.of_entry(SHOP) is None
    assert await accounts.find("acme") == Account("acme")


async def test_a_change_in_another_process_is_known_within_half_a_second(
    accounts: Accounts, store: MemoryRoutes, clocks: Clocks
) -> None:
    await accounts.set_business_account("acme", SHOP, "the-shops", None)
    await accounts.of_entry(SHOP)
    other = routes_of_a_process(store, clocks).accounts
    await other.set_business_account("acme", SHOP, "the-new-one", None)

    clocks.monotonic += 0.5

    assert await accounts.of_entry(SHOP) == Account("acme", None, {SHOP: "the-new-one"})


async def test_a_secret_of_a_business_account_counts_for_the_only_signer(accounts: Accounts) -> None:
    await accounts.set_business_account("acme", SHOP, "the-shops", None)
    alone = await accounts.only_signer()
    await accounts.set("rival", "their-secret", None)

    assert alone == Account("acme", None, {SHOP: "the-shops"})
    assert await accounts.only_signer() is None
    assert [account.account_id for account in await accounts.signers()] == ["acme", "rival"]


async def test_a_secret_that_was_copied_to_another_business_account_does_not_open(
    accounts: Accounts, store: MemoryRoutes
) -> None:
    await accounts.set_business_account("acme", SHOP, "the-shops", None)
    (ours,) = await store.business_accounts()
    for waba_id, account_id in ((HOTEL, "acme-2"), ("7", "rival")):
        copied = msgspec.structs.replace(ours, waba_id=waba_id, account_id=account_id)
        await store.set_business_account(copied, NOW)

        with pytest.raises(CannotUnseal):
            await accounts.find(account_id)


async def test_public_secrets_of_business_accounts_are_found(accounts: Accounts) -> None:
    await accounts.set_business_account("acme", SHOP, "public-secret", "public-token")

    assert await accounts.with_app_secret("public-secret") == "acme"
    assert await accounts.with_verify_token("public-token") == "acme"
    assert await accounts.verifies("public-token")


async def test_the_secrets_that_are_tried_on_a_body_without_ids_are_limited(accounts: Accounts) -> None:
    for number in range(60):
        for account_id in ("acme", "rival", "third"):
            await accounts.set_business_account(account_id, f"{account_id}-{number}", f"{account_id} {number}", None)

    assert [account.account_id for account in await accounts.signers()] == ["acme", "rival"]
