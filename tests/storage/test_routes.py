"""Accounts' secrets, downstreams and upstreams."""

import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND

from wablock.access import ALL_SCOPES, AccessToken
from wablock.block_list.ports import BusinessNumber
from wablock.gate.account_store import SealedAccount
from wablock.gate.ports import SealedDownstream, SealedUpstream
from wablock.storage import Store

_OTHER = "102290129340399"
NUMBER = BusinessNumber(LIST, ACCOUNT)
ANOTHER_NUMBER = BusinessNumber("106540352242923", ACCOUNT)
DOWNSTREAM = SealedDownstream(
    "5f0c",
    LIST,
    ACCOUNT,
    "https://shop.example/in",
    b"\x00secret",
    b"\xffheaders",
    2_500,
    False,
    True,
    NOON,
    True,
    b"\x00maker",
)

pytestmark = pytest.mark.databases
UPSTREAM = SealedUpstream(LIST, ACCOUNT, "https://graph.example", b"\x00token", 30_000, True, NOON, b"\x00maker")


async def test_an_account_is_found_as_it_was_set(store: Store) -> None:
    account = SealedAccount(ACCOUNT, b"\x00sealed", b"\xffhash")

    await store.set_account(account, NOON)

    assert await store.find_account(ACCOUNT) == account


async def test_an_unknown_account_is_not_found(store: Store) -> None:
    assert await store.find_account(ACCOUNT) is None


async def test_a_text_with_nul_is_not_found(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.find_account("1\0") is None
    assert not await store.remove_downstream(LIST, "5f0c\0")


async def test_an_account_created_with_a_number_has_no_secrets(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT)


async def test_omitted_fields_of_an_account_stay(store: Store) -> None:
    await store.set_account(SealedAccount(ACCOUNT, b"first", b"hash"), NOON)

    await store.set_account(SealedAccount(ACCOUNT, b"second"), NOON)
    await store.set_account(SealedAccount(ACCOUNT), NOON)

    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, b"second", b"hash")


async def test_a_verify_token_finds_its_first_account(store: Store) -> None:
    for account_id in ("3", "1", "2"):
        await store.set_account(SealedAccount(account_id, None, b"hash" if account_id != "1" else b"other"), NOON)

    assert await store.find_verifier(b"hash") == SealedAccount("2", None, b"hash")
    assert await store.find_verifier(b"unknown") is None


async def test_signers_are_the_first_of_those_with_a_secret(store: Store) -> None:
    counts = [len(await store.signers(2))]

    for account_id, secret in (("4", None), ("3", b"3"), ("2", b"2"), ("1", b"1")):
        await store.set_account(SealedAccount(account_id, secret), NOON)
        counts.append(len(await store.signers(2)))

    assert counts == [0, 0, 1, 2, 2]
    assert [account.account_id for account in await store.signers(2)] == ["1", "2"]
    assert [account.account_id for account in await store.signers(100)] == ["1", "2", "3"]


async def test_a_downstream_is_found_as_it_was_added(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.add_downstream(DOWNSTREAM)

    assert list(await store.downstreams(LIST)) == [DOWNSTREAM]


async def test_a_downstream_without_secrets_is_found(store: Store) -> None:
    bare = msgspec.structs.replace(DOWNSTREAM, secret=None, headers=None, required=True, may_be_inside=False)
    await store.add_number(NUMBER, NOON)

    await store.add_downstream(bare)

    assert list(await store.downstreams(LIST)) == [bare]


async def test_downstreams_are_ordered_oldest_first(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    ages = {"b": 2, "c": 0, "a": 1}

    for name, age in ages.items():
        await store.add_downstream(msgspec.structs.replace(DOWNSTREAM, downstream_id=name, created_at=NOON + age))

    assert [it.downstream_id for it in await store.downstreams(LIST)] == ["c", "a", "b"]
    assert [it.downstream_id for it in await store.account_downstreams(ACCOUNT)] == ["c", "a", "b"]


async def test_an_account_has_the_downstreams_of_all_its_numbers_and_of_no_others(store: Store) -> None:
    theirs = msgspec.structs.replace(DOWNSTREAM, phone_number_id="9", account_id=_OTHER)
    second = msgspec.structs.replace(
        DOWNSTREAM, phone_number_id=ANOTHER_NUMBER.phone_number_id, created_at=NOON + SECOND
    )
    for number in (NUMBER, ANOTHER_NUMBER, BusinessNumber("9", _OTHER)):
        await store.add_number(number, NOON)

    for downstream in (second, theirs, DOWNSTREAM):
        await store.add_downstream(downstream)

    assert list(await store.account_downstreams(ACCOUNT)) == [DOWNSTREAM, second]


@pytest.mark.parametrize("number", [None, BusinessNumber(LIST, _OTHER)])
async def test_a_number_that_is_not_the_accounts_gets_no_route(store: Store, number: BusinessNumber | None) -> None:
    if number is not None:
        await store.add_number(number, NOON)

    added = await store.add_downstream(DOWNSTREAM), await store.set_upstream(UPSTREAM)

    assert added == (False, False)
    assert (list(await store.downstreams(LIST)), await store.find_upstream(LIST)) == ([], None)


async def test_a_removed_downstream_is_gone_and_only_that(store: Store) -> None:
    other = msgspec.structs.replace(DOWNSTREAM, downstream_id="kept")
    await store.add_number(NUMBER, NOON)
    await store.add_downstream(DOWNSTREAM)
    await store.add_downstream(other)

    removed = [await store.remove_downstream(LIST, DOWNSTREAM.downstream_id) for _ in range(2)]

    assert removed == [True, False]
    assert list(await store.downstreams(LIST)) == [other]


async def test_a_downstream_of_another_number_is_not_removed(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_downstream(DOWNSTREAM)

    assert not await store.remove_downstream(ANOTHER_NUMBER.phone_number_id, DOWNSTREAM.downstream_id)

    assert list(await store.downstreams(LIST)) == [DOWNSTREAM]


async def test_an_upstream_is_found_as_it_was_set_last(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.set_upstream(msgspec.structs.replace(UPSTREAM, url="https://before.example", may_be_inside=False))

    assert await store.set_upstream(UPSTREAM)

    assert await store.find_upstream(LIST) == UPSTREAM


async def test_a_removed_upstream_is_gone(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.set_upstream(UPSTREAM)

    removed = [await store.remove_upstream(LIST) for _ in range(2)]

    assert removed == [True, False]
    assert await store.find_upstream(LIST) is None


async def test_removing_a_number_deletes_its_routes(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_downstream(DOWNSTREAM)
    await store.set_upstream(UPSTREAM)

    await store.remove_number(LIST)

    await store.add_number(BusinessNumber(LIST, _OTHER), NOON)
    result = await store.downstreams(LIST), await store.account_downstreams(ACCOUNT), await store.find_upstream(LIST)
    assert [not it for it in result] == [True] * 3


async def test_a_token_that_was_revoked_sets_no_receiver_and_no_upstream(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    maker = AccessToken(b"\x00maker", ACCOUNT, "maker", ALL_SCOPES, None, NOON)
    await store.add_token(maker)
    await store.revoke_token(maker.digest, NOON)

    assert not await store.add_downstream(DOWNSTREAM)
    assert not await store.set_upstream(UPSTREAM)
    assert (list(await store.downstreams(LIST)), await store.find_upstream(LIST)) == ([], None)


async def test_an_accounts_upstreams_are_ordered_by_number(store: Store) -> None:
    for number, account in (("3", ACCOUNT), ("1", ACCOUNT), ("2", _OTHER)):
        await store.add_number(BusinessNumber(number, account), NOON)
        await store.set_upstream(msgspec.structs.replace(UPSTREAM, phone_number_id=number, account_id=account))

    assert [it.phone_number_id for it in await store.account_upstreams(ACCOUNT)] == ["1", "3"]


async def test_tokens_set_twenty_receivers_of_a_number_at_most(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    receivers = [msgspec.structs.replace(DOWNSTREAM, downstream_id=f"{number:04x}") for number in range(21)]

    added = [await store.add_downstream(it) for it in receivers]
    by_operator = await store.add_downstream(msgspec.structs.replace(receivers[20], set_by=None))

    assert (added, by_operator) == ([True] * 20 + [False], True)
