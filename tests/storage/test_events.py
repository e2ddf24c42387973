"""Events: written with their changes, read in both directions, deleted from the oldest on, with chains that verify."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, unblock
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.changes import Block, Carry, Cause, Link, Unblock, Undo
from wablock.block_list.event_chain import ChainCheck, ChainEnd, ChainFault, NewEvent, event
from wablock.block_list.event_store import Span
from wablock.block_list.events import EventKind, StoredEvent, event_of
from wablock.block_list.ports import BusinessNumber, Effect
from wablock.block_list.shared_lists import Attached, Attachment, ListKind, Removal, SharedList
from wablock.block_list.undoing import users_of
from wablock.storage import Store

_OTHER = "106540352242923"
_STRANGER = "102290129340399"
_FRAUD = SharedList("list_fraud", ACCOUNT, ListKind.BLOCK, "Fraud", NOON)


async def _events(store: Store, list_id: str = LIST) -> Sequence[StoredEvent]:
    """The list's events, oldest first."""
    return await store.events(list_id, Span(10_000, is_newest_first=False))


async def _kinds(store: Store, list_id: str = LIST) -> list[str]:
    return [event_of(it.text or "").kind for it in await _events(store, list_id)]


async def _faults(store: Store, list_id: str = LIST) -> list[ChainFault]:
    chain = await store.chain(list_id)
    assert chain is not None
    check = ChainCheck(list_id, chain.oldest)
    faults = [check.fault_of(it) for it in await _events(store, list_id)]
    return [fault for fault in (*faults, check.fault_at_end(chain.newest)) if fault is not None]


async def _blocked_one_by_one(store: Store, count: int, list_id: str = LIST, batch_id: str | None = None) -> None:
    for number in range(count):
        change = Block(list_id, ACCOUNT, NOON + number, "maria", [person(number)], batch_id=batch_id)
        await store.apply(change)


def _new(kind: EventKind, at: int = NOON) -> NewEvent:
    return NewEvent(event(kind, "maria", name="Fraud"), at)


async def test_an_event_has_who_did_what_to_which_users(store: Store) -> None:
    cause = Cause("A1", "ben", "a mistake")
    await store.apply(Block(LIST, ACCOUNT, NOON, "maria", people(2), source="cli", batch_id="B1"))
    await store.apply(Unblock(LIST, ACCOUNT, NOON + 1, [person(1)], "helpdesk", cause=cause))

    blocked, unblocked = await _events(store)
    first, second = event_of(blocked.text or ""), event_of(unblocked.text or "")
    assert (first.kind, first.by, first.source, blocked.batch_id) == ("block", "maria", "cli", "B1")
    assert [user.user for user in first.users] == ["16505550000", "16505550001"]
    assert (second.by, second.request_id, second.on_behalf_of, second.reason) == ("helpdesk", "A1", "ben", "a mistake")
    assert [(it.user, it.before[0].blocked_by) for it in second.users] == [("16505550001", "maria")]


async def test_events_of_one_list_have_times_that_grow_strictly(store: Store) -> None:
    await asyncio.gather(*(store.apply(block(person(number))) for number in range(20)))

    times = [it.at for it in await _events(store)]
    assert len(times) == 20
    assert times == sorted(set(times))
    assert times[0] >= NOON


async def test_changes_that_change_nothing_have_no_event(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(block(person(1), at=NOON + 1))
    await store.apply(unblock(person(2), at=NOON + 2))

    assert await _kinds(store) == ["block"]


async def test_a_link_that_moves_a_row_is_an_event(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))
    await store.apply(Link(ACCOUNT, NOON + 1, [linked(1, "US.1")]))
    await store.apply(Link(ACCOUNT, NOON + 2, [linked(1, "US.1")]))

    assert await _kinds(store) == ["block", "link"]


async def test_a_block_that_a_new_number_inherits_is_an_event(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(Carry(ACCOUNT, NOON + 1, person(1), person(2)))

    assert await _kinds(store) == ["block", "carry"]
    assert (await _faults(store)) == []


async def test_events_are_read_in_both_directions_between_two_times(store: Store) -> None:
    await _blocked_one_by_one(store, 5)
    times = [it.at for it in await _events(store)]

    newest = await store.events(LIST, Span(2, before=times[4]))
    oldest = await store.events(LIST, Span(2, after=times[0], is_newest_first=False))

    assert [it.at for it in newest] == [times[3], times[2]]
    assert [it.at for it in oldest] == [times[1], times[2]]


async def test_the_events_of_one_batch_are_read_alone(store: Store) -> None:
    await _blocked_one_by_one(store, 2)
    await store.apply(Block(LIST, ACCOUNT, NOON, "maria", people(3, start=10), batch_id="B1"))
    await store.apply(Block(LIST, ACCOUNT, NOON, "maria", people(3, start=20), batch_id="B1"))

    newest = await store.events(LIST, Span(10, batch_id="B1"))
    oldest = await store.events(LIST, Span(1, is_newest_first=False, batch_id="B1"))

    assert [len(event_of(it.text or "").users) for it in newest] == [3, 3]
    assert oldest == [newest[1]]


async def test_an_accounts_chains_are_those_of_its_lists_that_have_events(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(block(person(1), list_id=_OTHER, account_id=_STRANGER))
    await store.add_list(_FRAUD, _new(EventKind.CREATE))

    assert [it.list_id for it in await store.chains(ACCOUNT)] == [LIST, _FRAUD.list_id]
    assert [it.list_id for it in await store.chains(_STRANGER)] == [_OTHER]
    assert [it.list_id for it in await store.chains()] == [LIST, _OTHER, _FRAUD.list_id]
    assert await store.chain("106540352242999") is None


async def test_lists_with_stored_events_are_named_once_each(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(block(person(2)))
    await store.apply(block(person(1), list_id=_OTHER, account_id=_STRANGER))
    await store.delete_events(NOON + 10, 10)

    assert await store.lists_with_events() == []

    await store.apply(block(person(3), at=NOON + SECOND))
    assert await store.lists_with_events() == [LIST]


async def test_what_becomes_of_a_shared_list_is_in_its_events_also_after_it_was_deleted(store: Store) -> None:
    place = Attachment(ACCOUNT, _FRAUD.list_id, None, NOON)
    assert await store.add_list(_FRAUD, _new(EventKind.CREATE))
    assert await store.attach(place, _new(EventKind.ATTACH)) is Attached.ATTACHED
    assert await store.attach(place, _new(EventKind.ATTACH)) is Attached.BEFORE
    await store.apply(block(person(1), list_id=_FRAUD.list_id))
    assert await store.detach(ACCOUNT, _FRAUD.list_id, None, _new(EventKind.DETACH))
    assert not await store.detach(ACCOUNT, _FRAUD.list_id, None, _new(EventKind.DETACH))
    assert await store.remove_list(ACCOUNT, _FRAUD.list_id, _new(EventKind.DELETE)) is Removal.REMOVED

    assert await _kinds(store, _FRAUD.list_id) == ["create", "attach", "block", "detach", "delete"]
    (chain,) = await store.chains(ACCOUNT)
    assert (chain.account_id, chain.is_deleted) == (ACCOUNT, True)
    assert await _faults(store, _FRAUD.list_id) == []


async def test_a_batch_is_undone_on_the_next_store_of_the_database(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    await one.apply(block(*people(3)))
    (blocked,) = await _events(other)
    users = users_of(event_of(blocked.text or ""), blocked.at)

    outcome = await other.apply(Undo(LIST, ACCOUNT, NOON + 1, "ben", blocked.at, *users))

    assert outcome.effects == [Effect.REMOVED] * 3
    assert await _kinds(one) == ["block", "undo"]


async def test_only_the_oldest_events_are_deleted_and_the_chain_still_verifies(store: Store) -> None:
    await _blocked_one_by_one(store, 6)
    times = [it.at for it in await _events(store)]

    assert await store.delete_events(times[4], 3) == 3
    assert [it.at for it in await _events(store)] == times[3:]
    assert await _faults(store) == []

    assert await store.delete_events(times[4], 3) == 1
    assert await store.delete_events(times[4], 3) == 0
    assert [it.at for it in await _events(store)] == times[4:]
    assert await _faults(store) == []


async def test_a_chain_without_any_event_left_goes_on_after_the_deleted_ones(store: Store) -> None:
    await _blocked_one_by_one(store, 2)
    assert await store.delete_events(NOON + SECOND, 10) == 2

    await store.apply(block(person(9), at=NOON + SECOND))

    assert await _kinds(store) == ["block"]
    assert await _faults(store) == []


async def test_events_of_several_lists_are_deleted_up_to_the_limit(store: Store) -> None:
    await _blocked_one_by_one(store, 3)
    await _blocked_one_by_one(store, 3, list_id=_OTHER)

    assert await store.delete_events(NOON + SECOND, 4) == 4

    assert len(await _events(store)) + len(await _events(store, _OTHER)) == 2
    assert [*await _faults(store), *await _faults(store, _OTHER)] == []


async def test_a_deleted_event_is_missed_if_the_list_does_not_say_that_it_was_deleted(store: Store) -> None:
    await _blocked_one_by_one(store, 3)
    check = ChainCheck(LIST, ChainEnd())

    faults = [check.fault_of(it) for it in (await _events(store))[1:]]

    assert faults[0] is not None


async def test_writers_on_two_stores_make_one_chain(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]
    shared = _FRAUD.list_id
    assert await stores[0].add_list(_FRAUD, _new(EventKind.CREATE))

    await asyncio.gather(
        *(stores[number % 2].apply(block(person(number), list_id=shared)) for number in range(60)),
        *(
            stores[number % 2].attach(
                Attachment(ACCOUNT, shared, f"10654035224290{number}", NOON), _new(EventKind.ATTACH)
            )
            for number in range(8)
        ),
    )

    assert sorted(await _kinds(stores[0], shared)) == [*["attach"] * 8, *["block"] * 60, "create"]
    assert await _faults(stores[1], shared) == []


async def test_events_deleted_while_others_are_written_leave_one_chain(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    await _blocked_one_by_one(one, 30)

    deleted = asyncio.gather(*(other.delete_events(NOON + SECOND, 4) for _ in range(5)))
    await asyncio.gather(
        deleted, *(one.apply(block(person(number), at=NOON + 2 * SECOND)) for number in range(100, 130))
    )

    assert await _faults(one) == []


@pytest.mark.databases
async def test_a_number_that_is_removed_takes_its_events_with_it(store: Store) -> None:
    number = BusinessNumber(LIST, ACCOUNT)
    assert await store.add_number(number, NOON)
    await store.apply(block(person(1)))

    assert await store.remove_number(LIST)
    assert await store.add_number(BusinessNumber(LIST, _STRANGER), NOON)
    await store.apply(block(person(2), account_id=_STRANGER, at=NOON + SECOND))

    assert [it.list_id for it in await store.chains(ACCOUNT)] == []
    assert await _kinds(store) == ["block"]
    assert await _faults(store) == []


async def test_a_text_with_any_characters_is_read_as_it_was_written(store: Store) -> None:
    reason = 'é\\u0000 "quoted" \N{SMILING FACE WITH OPEN MOUTH} \u2028 \\'
    await store.apply(block(person(1, reason=reason)))
    await store.apply(Unblock(LIST, ACCOUNT, NOON, [person(1)], "maría \N{RIGHT-TO-LEFT OVERRIDE}"))

    blocked, unblocked = await _events(store)
    assert event_of(blocked.text or "").details.reason == reason
    assert event_of(unblocked.text or "").users[0].before[0].reason == reason
    assert await _faults(store) == []
