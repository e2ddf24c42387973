"""Subscriptions to list events: what each has not reached yet, and which server delivers it."""

import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block
from tests.storage.people import people

from wablock.access import ALL_SCOPES, AccessToken
from wablock.block_list.event_chain import NewEvent, event
from wablock.block_list.events import EventKind
from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.block_list.shared_lists import ListKind, SharedList
from wablock.storage import Store
from wablock.subscriptions.ports import MOST_SET_BY_TOKENS, Backlog, SealedSubscription

_OTHER = "102290129340399"
_SECOND_LIST = "106540352242923"
NUMBER = BusinessNumber(LIST, ACCOUNT)
SUBSCRIPTION = SealedSubscription(
    "5f0c", ACCOUNT, "https://shop.example/in", b"\x00secret", (LIST, _SECOND_LIST), True, NOON, "console", b"\x00maker"
)
TO_ALL = msgspec.structs.replace(SUBSCRIPTION, list_ids=None, set_by=None)
SHARED = SharedList("list_5f2c9a10b7e34d86", ACCOUNT, ListKind.BLOCK, "fraud", NOON)
MAKER = AccessToken(b"\x00maker", ACCOUNT, "console", ALL_SCOPES, None, NOON)

pytestmark = pytest.mark.databases


async def _blocked(store: Store, start: int, list_id: str = LIST) -> Microseconds:
    """Block a user, and return the time of the event."""
    await store.apply(block(*people(1, start=start), list_id=list_id))
    chain = await store.chain(list_id)
    assert chain is not None
    return chain.newest.at


async def _reached(store: Store) -> dict[str, Microseconds]:
    """The newest event of each list, as a new subscription has it."""
    return {it.list_id: it.newest.at for it in await store.chains(ACCOUNT)}


async def test_a_subscription_is_found_as_it_was_added(store: Store) -> None:
    assert await store.add_subscription(SUBSCRIPTION)

    (found,) = await store.subscriptions(ACCOUNT)
    assert msgspec.structs.replace(found, list_ids=tuple(found.list_ids or ())) == SUBSCRIPTION


async def test_a_subscription_to_all_lists_names_none(store: Store) -> None:
    await store.add_subscription(TO_ALL)

    assert list(await store.subscriptions()) == [TO_ALL]


async def test_an_account_has_only_its_own_subscriptions(store: Store) -> None:
    theirs = msgspec.structs.replace(TO_ALL, subscription_id="a1", account_id=_OTHER, created_at=NOON + SECOND)

    await store.add_subscription(theirs)
    await store.add_subscription(TO_ALL)

    assert list(await store.subscriptions(ACCOUNT)) == [TO_ALL]
    assert list(await store.subscriptions(_OTHER)) == [theirs]
    assert list(await store.subscriptions()) == [TO_ALL, theirs]


async def test_a_subscription_of_a_revoked_token_is_not_added(store: Store) -> None:
    await store.add_token(MAKER)
    await store.revoke_token(MAKER.digest, NOON)

    assert not await store.add_subscription(SUBSCRIPTION)
    assert list(await store.subscriptions()) == []


async def test_tokens_cannot_add_more_subscriptions_than_the_limit(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    for place in range(MOST_SET_BY_TOKENS):
        assert await store.add_subscription(msgspec.structs.replace(SUBSCRIPTION, subscription_id=f"{place:02}"))

    assert not await store.add_subscription(SUBSCRIPTION)
    assert await store.add_subscription(TO_ALL), "the operator may add more"


async def test_a_subscription_that_was_not_added_leaves_no_places(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_token(MAKER)
    await store.revoke_token(MAKER.digest, NOON)
    newest = await _blocked(store, 0)

    assert not await store.add_subscription(SUBSCRIPTION, {LIST: newest})

    assert await store.add_subscription(TO_ALL)
    assert [it.at for it in await store.backlogs(ACCOUNT)] == [0]


async def test_a_removed_subscription_is_gone(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    await store.reach(TO_ALL.subscription_id, LIST, await _blocked(store, 0))

    assert await store.remove_subscription(ACCOUNT, TO_ALL.subscription_id)

    assert list(await store.subscriptions()) == []
    assert list(await store.backlogs(ACCOUNT)) == []
    assert not await store.remove_subscription(ACCOUNT, TO_ALL.subscription_id)


async def test_another_account_cannot_remove_a_subscription(store: Store) -> None:
    await store.add_subscription(TO_ALL)

    assert not await store.remove_subscription(_OTHER, TO_ALL.subscription_id)
    assert not await store.remove_subscription(ACCOUNT, "5f0c\0")
    assert list(await store.subscriptions()) == [TO_ALL]


async def test_events_before_the_subscription_are_no_backlog(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await _blocked(store, 0)

    await store.add_subscription(TO_ALL, await _reached(store))

    assert list(await store.backlogs(ACCOUNT)) == []


async def test_an_event_after_the_subscription_is_a_backlog(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    before = await _blocked(store, 0)
    await store.add_subscription(TO_ALL, await _reached(store))

    newest = await _blocked(store, 1)

    assert list(await store.backlogs(ACCOUNT)) == [Backlog("5f0c", LIST, before, 0, newest)]


async def test_the_first_event_of_a_list_is_a_backlog(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL, await _reached(store))

    newest = await _blocked(store, 0)

    assert list(await store.backlogs(ACCOUNT)) == [Backlog("5f0c", LIST, 0, 0, newest)]


async def test_a_backlog_ends_when_its_last_event_is_reached(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    first, last = await _blocked(store, 0), await _blocked(store, 1)

    await store.reach("5f0c", LIST, first)
    (rest,) = await store.backlogs(ACCOUNT)
    await store.reach("5f0c", LIST, last)

    assert rest == Backlog("5f0c", LIST, first, 0, last)
    assert list(await store.backlogs(ACCOUNT)) == []


async def test_the_place_in_a_list_never_moves_back(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    first, last = await _blocked(store, 0), await _blocked(store, 1)
    await store.reach("5f0c", LIST, last)

    await store.reach("5f0c", LIST, first)

    assert list(await store.backlogs(ACCOUNT)) == []


async def test_a_place_after_the_newest_event_is_not_reached(store: Store) -> None:
    """The list may be of a number that was removed and added again."""
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    newest = await _blocked(store, 0)

    await store.reach("5f0c", LIST, newest + 1)

    assert [it.at for it in await store.backlogs(ACCOUNT)] == [0]


async def test_a_removed_subscription_reaches_nothing(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    newest = await _blocked(store, 0)

    await store.reach("5f0c", LIST, newest)
    await store.add_subscription(TO_ALL)

    assert [it.at for it in await store.backlogs(ACCOUNT)] == [0]


async def test_a_removed_number_takes_its_places_with_it(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    await store.reach("5f0c", LIST, await _blocked(store, 0))
    await store.remove_number(LIST)
    await store.add_number(NUMBER, NOON)

    await _blocked(store, 1)

    assert [it.at for it in await store.backlogs(ACCOUNT)] == [0]


async def test_a_subscription_to_some_lists_has_no_backlog_of_others(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_number(BusinessNumber(_SECOND_LIST, ACCOUNT), NOON)
    await store.add_subscription(msgspec.structs.replace(TO_ALL, list_ids=(_SECOND_LIST,)))

    await _blocked(store, 0)
    await _blocked(store, 0, _SECOND_LIST)

    assert [it.list_id for it in await store.backlogs(ACCOUNT)] == [_SECOND_LIST]


async def test_a_subscription_has_no_backlog_of_another_accounts_list(store: Store) -> None:
    """A number may move to another account while a subscription names its list."""
    await store.add_number(NUMBER, NOON)
    theirs = msgspec.structs.replace(TO_ALL, account_id=_OTHER, list_ids=(LIST,))
    await store.add_subscription(theirs)

    await _blocked(store, 0)

    assert list(await store.backlogs(_OTHER)) == []


async def test_the_removal_of_a_shared_list_is_a_backlog(store: Store) -> None:
    await store.add_list(SHARED, NewEvent(event(EventKind.CREATE, name="fraud"), NOON))
    await store.add_subscription(TO_ALL, await _reached(store))

    await store.remove_list(ACCOUNT, SHARED.list_id, NewEvent(event(EventKind.DELETE, name="fraud"), NOON + SECOND))

    assert [(it.list_id, it.newest_at) for it in await store.backlogs(ACCOUNT)] == [(SHARED.list_id, NOON + SECOND)]


async def test_a_backlog_shows_that_older_events_were_deleted(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_subscription(TO_ALL)
    first, last = await _blocked(store, 0), await _blocked(store, 1)

    await store.delete_events(last, 100)

    assert list(await store.backlogs(ACCOUNT)) == [Backlog("5f0c", LIST, 0, first, last)]


async def test_of_several_holders_one_gets_the_lease(store: Store) -> None:
    await store.add_subscription(TO_ALL)

    leased = [list(await store.lease(holder, {"5f0c": 0})) for holder in ("a", "b")]

    assert leased == [["5f0c"], []]
    (found,) = await store.subscriptions()
    assert (found.holder, found.beat) == ("a", 1)


async def test_a_lease_is_renewed_by_its_last_beat(store: Store) -> None:
    await store.add_subscription(TO_ALL)
    await store.lease("a", {"5f0c": 0})

    leased = await store.lease("a", {"5f0c": 1, "unknown": 0})

    assert list(leased) == ["5f0c"]
    assert [it.beat for it in await store.subscriptions()] == [2]


async def test_a_released_lease_is_free(store: Store) -> None:
    await store.add_subscription(TO_ALL)
    await store.add_subscription(msgspec.structs.replace(TO_ALL, subscription_id="a1"))
    await store.lease("a", {"5f0c": 0})
    await store.lease("b", {"a1": 0})

    await store.release("a")

    assert {it.subscription_id: it.holder for it in await store.subscriptions()} == {"5f0c": None, "a1": "b"}
