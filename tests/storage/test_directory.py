"""Numbers and tokens."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, listed, page, stored, unblock, version, wrote
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, linked, person

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.changes import Change
from wablock.block_list.ports import BusinessNumber, Effect, Outcome, Refusal, Rules
from wablock.contract.errors import UnknownObject
from wablock.storage import SqliteStore, Store

pytestmark = pytest.mark.databases

NUMBER = BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META)
TOKEN = AccessToken(digest("one"), ACCOUNT, "shop", frozenset({Scope.READ, Scope.WRITE}), frozenset({LIST}), NOON)
_THE_NEXT_OWNERS = BusinessNumber(LIST, "102290129340399")
_CHANGES = [block(person(1)), unblock(person(2)), wrote(person(1))]


async def test_a_number_is_found_as_it_was_added(store: Store) -> None:
    assert await store.add_number(NUMBER, NOON)

    assert await store.find_number(LIST) == stored(NUMBER)


async def test_a_number_with_only_an_account_is_found(store: Store) -> None:
    bare = BusinessNumber(LIST, ACCOUNT)
    await store.add_number(bare, NOON)

    assert await store.find_number(LIST) == stored(bare)


async def test_concurrent_requests_get_their_own_answers(store: Store) -> None:
    ids = [str(number) for number in range(1, 6)]
    for phone_number_id in ids[:4]:
        await store.add_number(BusinessNumber(phone_number_id, ACCOUNT), NOON)
    await store.add_token(TOKEN)

    numbers = await asyncio.gather(*(store.find_number(phone_number_id) for phone_number_id in [*ids, *ids]))
    tokens = await asyncio.gather(*(store.find_token(digest(text)) for text in ("two", "one", "one")))

    assert [number and number.phone_number_id for number in numbers] == [*ids[:4], None] * 2
    assert tokens == [None, TOKEN, TOKEN]


async def test_an_unknown_number_is_not_found(store: Store) -> None:
    assert await store.find_number(LIST) is None


async def test_adding_a_number_twice_keeps_the_first(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    added = await store.add_number(BusinessNumber(LIST, "102290129340399"), NOON)

    assert not added
    assert await store.find_number(LIST) == stored(NUMBER)


async def test_missing_fields_of_a_number_are_completed(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, ACCOUNT, rules=Rules.META), NOON)

    complete = await store.complete_number(BusinessNumber(LIST, ACCOUNT, "16505550100", "US"))

    assert complete == stored(BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META))
    assert await store.find_number(LIST) == complete


@pytest.mark.parametrize("before", [("16505550100", None), (None, "CA"), ("16505550100", "CA")])
async def test_existing_fields_of_a_number_are_kept(store: Store, before: tuple[str | None, str | None]) -> None:
    wa_id, country = before
    await store.add_number(BusinessNumber(LIST, ACCOUNT, wa_id, country), NOON)

    complete = await store.complete_number(BusinessNumber(LIST, ACCOUNT, "15550783881", "US"))

    assert complete == stored(BusinessNumber(LIST, ACCOUNT, wa_id or "15550783881", country or "US"))
    assert await store.find_number(LIST) == complete


async def test_completing_a_number_twice_keeps_the_first(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, ACCOUNT), NOON)

    numbers = [BusinessNumber(LIST, ACCOUNT, wa_id, "US") for wa_id in ("16505550100", "15550783881")]
    completed = [await store.complete_number(number) for number in numbers]

    assert completed == [stored(numbers[0]), stored(numbers[0])]


async def test_a_number_can_be_completed_without_a_country(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, ACCOUNT), NOON)

    await store.complete_number(BusinessNumber(LIST, ACCOUNT, "88213000000"))

    assert await store.find_number(LIST) == stored(BusinessNumber(LIST, ACCOUNT, "88213000000"))


async def test_another_accounts_number_and_an_unknown_one_are_not_completed(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, ACCOUNT), NOON)

    completed = [
        await store.complete_number(BusinessNumber(LIST, "102290129340399", "16505550100", "US")),
        await store.complete_number(BusinessNumber("7", ACCOUNT, "16505550100", "US")),
    ]

    assert completed == [None, None]
    assert await store.numbers() == [stored(BusinessNumber(LIST, ACCOUNT))]


async def test_numbers_are_ordered_by_id(store: Store) -> None:
    others = [BusinessNumber(phone_number_id, ACCOUNT) for phone_number_id in ("3", "1", "2")]

    for number in others:
        await store.add_number(number, NOON)

    assert [number.phone_number_id for number in await store.numbers()] == ["1", "2", "3"]


async def test_a_removed_number_is_gone(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.remove_number(LIST)

    assert await store.find_number(LIST) is None


async def test_removing_an_unknown_number_removes_no_list(store: Store) -> None:
    await store.apply(block(person(1)))

    assert not await store.remove_number(LIST)

    assert len((await page(store)).rows) == 1


async def test_removing_a_number_deletes_its_list_and_its_messages(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.apply(wrote(person(2)))
    await store.apply(block(person(1)))

    await store.remove_number(LIST)

    assert list((await page(store)).rows) == []
    await store.add_number(NUMBER, NOON)
    assert (await store.apply(block(person(2), written_since=0))).refused == {0: Refusal.NOT_WRITTEN_LATELY}


async def test_a_removed_number_leaves_other_lists_alone(store: Store) -> None:
    other = "106540352242923"
    await store.add_number(NUMBER, NOON)
    await store.apply(block(person(1), list_id=other))

    await store.remove_number(LIST)

    assert len((await page(store, list_id=other)).rows) == 1


async def test_a_removed_number_can_be_added_again_and_can_block(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.apply(block(person(1)))
    await store.remove_number(LIST)

    assert await store.add_number(NUMBER, NOON)

    assert not (await store.apply(block(person(1), max_size=1))).refused


@pytest.mark.parametrize("change", _CHANGES, ids=["block", "unblock", "message"])
async def test_a_removed_number_refuses_changes(store: Store, change: Change) -> None:
    await store.add_number(NUMBER, NOON)
    await store.remove_number(LIST)

    with pytest.raises(UnknownObject, match=f"'{LIST}' does not exist"):
        await store.apply(change)

    assert list((await page(store)).rows) == []


@pytest.mark.parametrize("change", _CHANGES, ids=["block", "unblock", "message"])
async def test_a_change_of_the_former_owner_does_not_reach_the_next_owner(store: Store, change: Change) -> None:
    await store.add_number(NUMBER, NOON)
    await store.remove_number(LIST)
    await store.add_number(_THE_NEXT_OWNERS, NOON)
    await store.apply(block(person(2), account_id=_THE_NEXT_OWNERS.account_id))

    with pytest.raises(UnknownObject):
        await store.apply(change)

    assert await listed(store) == ["+16505550002"]


async def test_a_message_to_the_former_owner_opens_no_window_for_the_next_one(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.remove_number(LIST)
    await asyncio.gather(store.apply(wrote(person(1))), return_exceptions=True)

    await store.add_number(_THE_NEXT_OWNERS, NOON)

    outcome = await store.apply(block(person(1), written_since=0, account_id=_THE_NEXT_OWNERS.account_id))
    assert outcome.refused == {0: Refusal.NOT_WRITTEN_LATELY}


async def test_a_change_for_a_removed_number_fails_alone_and_leaves_no_link(store: Store) -> None:
    other = "106540352242923"
    await store.add_number(NUMBER, NOON)
    await store.remove_number(LIST)

    first, refused, last = await asyncio.gather(
        store.apply(block(person(1), list_id=other)),
        store.apply(block(linked(2, "US.2"))),
        store.apply(block(by_user_id("US.2"), list_id=other)),
        return_exceptions=True,
    )

    added = Outcome({}, [Effect.ADDED], [()])
    assert (first, type(refused), last) == (added, UnknownObject, added)
    assert sorted(await listed(store, list_id=other)) == ["+16505550001", "US.2"]
    assert [row.wa_id for row in (await page(store, list_id=other)).rows] == [None, "16505550001"]


async def test_a_removed_number_without_a_list_refuses_changes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wablock.db", CountingMeter())
    await store.add_number(NUMBER, NOON)
    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:  # as an earlier wablock left it
        connection.execute("DELETE FROM block_list")
    await store.remove_number(LIST)

    with pytest.raises(UnknownObject):
        await store.apply(block(person(1)))
    await store.close()


async def test_a_removal_makes_the_version_grow(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.apply(block(person(1)))

    await store.remove_number(LIST)

    assert await version(store) > NOON


async def test_adding_a_number_keeps_earlier_blocks_of_its_list(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.add_number(NUMBER, NOON)

    assert await listed(store) == ["+16505550001"]


async def test_a_token_is_found_as_it_was_added(store: Store) -> None:
    assert await store.add_token(TOKEN)

    assert await store.find_token(TOKEN.digest) == TOKEN


async def test_a_token_for_every_number_is_found_as_it_was_added(store: Store) -> None:
    wide = msgspec.structs.replace(TOKEN, scopes=ALL_SCOPES, phone_number_ids=None, expires_at=NOON + SECOND)
    await store.add_token(wide)

    assert await store.find_token(TOKEN.digest) == wide


async def test_a_token_for_no_number_is_not_one_for_every_number(store: Store) -> None:
    narrow = msgspec.structs.replace(TOKEN, phone_number_ids=frozenset())
    await store.add_token(narrow)

    assert await store.find_token(TOKEN.digest) == narrow


async def test_an_unknown_token_is_not_found(store: Store) -> None:
    assert await store.find_token(digest("two")) is None


async def test_adding_a_token_twice_keeps_the_first(store: Store) -> None:
    await store.add_token(TOKEN)

    added = await store.add_token(msgspec.structs.replace(TOKEN, label="other", scopes=ALL_SCOPES))

    assert not added
    assert await store.find_token(TOKEN.digest) == TOKEN


async def test_tokens_are_ordered_oldest_first(store: Store) -> None:
    for age, name in ((1, "new"), (3, "old"), (2, "middle")):
        token = msgspec.structs.replace(TOKEN, digest=digest(name), label=name, created_at=NOON - age)
        await store.add_token(token)

    assert [token.label for token in await store.tokens()] == ["old", "middle", "new"]


async def test_tokens_of_an_account_are_its_own(store: Store) -> None:
    await store.add_token(TOKEN)
    await store.add_token(msgspec.structs.replace(TOKEN, digest=digest("two"), account_id="102290129340399"))

    assert await store.tokens(ACCOUNT) == [TOKEN]


async def test_a_revoked_token_stays_with_its_time(store: Store) -> None:
    await store.add_token(TOKEN)

    assert await store.revoke_token(TOKEN.digest, NOON + SECOND)

    assert await store.find_token(TOKEN.digest) == msgspec.structs.replace(TOKEN, revoked_at=NOON + SECOND)


async def test_revoking_twice_keeps_the_first_time(store: Store) -> None:
    await store.add_token(TOKEN)
    await store.revoke_token(TOKEN.digest, NOON + SECOND)

    assert not await store.revoke_token(TOKEN.digest, NOON + 2 * SECOND)

    assert [token.revoked_at for token in await store.tokens()] == [NOON + SECOND]


async def test_revoking_an_unknown_token_is_false(store: Store) -> None:
    assert not await store.revoke_token(TOKEN.digest, NOON)


async def test_a_tokens_maker_is_kept(store: Store) -> None:
    made = msgspec.structs.replace(TOKEN, digest=digest("made"), made_by=TOKEN.digest)
    await store.add_token(TOKEN)

    assert await store.add_token(made)

    assert await store.find_token(made.digest) == made
    assert made in await store.tokens(ACCOUNT)


async def test_a_token_of_a_maker_that_was_revoked_is_not_added(store: Store) -> None:
    made = msgspec.structs.replace(TOKEN, digest=digest("made"), made_by=TOKEN.digest)
    await store.add_token(TOKEN)
    await store.revoke_token(TOKEN.digest, NOON)

    assert not await store.add_token(made)

    assert await store.find_token(made.digest) is None
