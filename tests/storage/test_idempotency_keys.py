"""Changes with an idempotency key: each is made once, and repeats get the first outcome, on every store."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, listed, only_row, unblock, version
from tests.storage.people import linked, people, person, user_of
from tests.storage.test_directory import NUMBER

from wablock.block_list.changes import Edit, Recall, Sweep, Undo
from wablock.block_list.event_store import Span
from wablock.block_list.events import EventKind, event_of
from wablock.block_list.idempotency import KeyedChange, key_of
from wablock.block_list.ports import Effect, IfListed, Outcome, Refusal
from wablock.block_list.shared_lists import Attachment, ListKind, SharedList
from wablock.block_list.undoing import users_of
from wablock.contract.errors import UnknownObject
from wablock.failures import IdempotencyKeyReused
from wablock.storage import Store

C = TypeVar("C", bound=KeyedChange)

OTHER_LIST = "106540352242923"
KEY = "4c1e1f6e-6a39-4b64-a3a5-09f24bb5b0f3"
LATER = NOON + 60 * SECOND


def keyed(change: C, text: str = KEY) -> C:
    return msgspec.structs.replace(change, key=key_of(change, text, (), ()))


def repeated(outcome: Outcome) -> Outcome:
    """The outcome of a request as its repeat must get it."""
    return msgspec.structs.replace(outcome, before=(), is_repeat=True)


def edit(reason: str, at: int = NOON, expected: frozenset[str] | None = None) -> Edit:
    return Edit(LIST, ACCOUNT, at, "desk", person(1), reason, expected=expected)


async def kinds(store: Store) -> list[EventKind]:
    """The kinds of the list's events, oldest first."""
    events = await store.events(LIST, Span(100, is_newest_first=False))
    return [event_of(it.text).kind for it in events if it.text is not None]


async def undo_of_last_event(store: Store) -> Undo:
    (stored,) = await store.events(LIST, Span(1))
    assert stored.text is not None
    return Undo(LIST, ACCOUNT, LATER, "desk", stored.at, *users_of(event_of(stored.text), stored.at))


async def test_a_repeated_block_gets_the_first_outcome_and_changes_nothing(store: Store) -> None:
    await store.apply(block(person(2)))
    first = await store.apply(keyed(block(person(1), person(2))))
    before = await version(store), await listed(store), await kinds(store)

    second = await store.apply(keyed(block(person(1), person(2), at=LATER)))

    assert first.effects == [Effect.ADDED, Effect.UNCHANGED]
    assert second == repeated(first)
    assert (await version(store), await listed(store), await kinds(store)) == before


async def test_a_repeat_gets_the_first_outcome_after_others_have_changed_the_list(store: Store) -> None:
    first = await store.apply(keyed(block(person(1))))
    await store.apply(unblock(person(1), at=NOON + SECOND))

    second = await store.apply(keyed(block(person(1), at=LATER)))

    assert second == repeated(first)
    assert await listed(store) == []


async def test_a_repeated_unblock_does_not_end_a_later_block(store: Store) -> None:
    await store.apply(block(person(1)))
    first = await store.apply(keyed(unblock(person(1))))
    await store.apply(block(person(1), at=NOON + SECOND))

    second = await store.apply(keyed(unblock(person(1), at=LATER)))

    assert first.effects == [Effect.REMOVED]
    assert second == repeated(first)
    assert await listed(store) == [person(1).input]


async def test_a_repeated_edit_gets_the_row_as_the_first_left_it(store: Store) -> None:
    await store.apply(block(person(1)))
    first = await store.apply(keyed(edit("spam")))
    await store.apply(edit("abuse", NOON + SECOND))

    second = await store.apply(keyed(edit("spam", LATER)))

    assert first.row is not None
    assert second == repeated(first)
    assert (await only_row(store)).reason == "abuse"


async def test_a_repeated_undo_gets_the_first_outcome_with_its_event(store: Store) -> None:
    await store.apply(block(person(1)))
    undo = await undo_of_last_event(store)
    first = await store.apply(keyed(undo))
    await store.apply(block(person(1), at=LATER))

    second = await store.apply(keyed(msgspec.structs.replace(undo, at=LATER + SECOND)))

    assert first.event_at is not None
    assert second == repeated(first)
    assert await listed(store) == [person(1).input]


async def test_a_request_in_which_every_user_is_refused_is_answered_the_same_way_again(store: Store) -> None:
    first = await store.apply(keyed(block(person(1), person(2), max_size=0)))

    second = await store.apply(keyed(block(person(1), person(2), max_size=10, at=LATER)))

    assert first.refused == {0: Refusal.LIST_FULL, 1: Refusal.LIST_FULL}
    assert second == repeated(first)
    assert await listed(store) == []


@pytest.mark.databases
async def test_a_repeat_names_the_allow_list_that_the_first_request_found(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_list(SharedList("list_vip", NUMBER.account_id, ListKind.ALLOW, "VIP", NOON))
    await store.attach(Attachment(NUMBER.account_id, "list_vip", None, NOON))
    own, account = NUMBER.phone_number_id, NUMBER.account_id
    await store.apply(block(person(1), list_id="list_vip", account_id=account))
    wanted = block(person(1), person(2), list_id=own, account_id=account)
    first = await store.apply(keyed(wanted))
    await store.detach(account, "list_vip", None)

    second = await store.apply(keyed(wanted))

    assert first.allowed_by == {0: "VIP"}
    assert second == repeated(first)


@pytest.mark.parametrize(
    "other",
    [
        block(person(2)),
        block(person(1, reason="spam")),
        block(person(1), person(2)),
        msgspec.structs.replace(block(person(1)), if_listed=IfListed.KEEP),
        unblock(person(1)),
        edit("spam"),
    ],
    ids=["another user", "another reason", "more users", "another effect on listed users", "an unblock", "an edit"],
)
async def test_another_request_with_the_same_key_is_refused_and_changes_nothing(
    store: Store, other: KeyedChange
) -> None:
    await store.apply(keyed(block(person(1))))

    with pytest.raises(IdempotencyKeyReused):
        await store.apply(keyed(other))

    assert await kinds(store) == [EventKind.BLOCK]
    assert await listed(store) == [person(1).input]


async def test_a_refused_request_with_a_used_key_links_no_ids(store: Store) -> None:
    await store.apply(keyed(block(person(1))))

    with pytest.raises(IdempotencyKeyReused):
        await store.apply(keyed(block(linked(2, "US.2"))))

    assert await store.unlinked(ACCOUNT, [linked(2, "US.2")]) == [linked(2, "US.2")]


async def test_a_repeated_block_of_linked_ids_gets_the_first_outcome(store: Store) -> None:
    first = await store.apply(keyed(block(linked(1, "US.1"))))

    assert await store.apply(keyed(block(linked(1, "US.1"), at=LATER))) == repeated(first)


async def test_the_same_key_on_another_list_is_another_request(store: Store) -> None:
    await store.apply(keyed(block(person(1))))

    outcome = await store.apply(keyed(block(person(2), list_id=OTHER_LIST)))

    assert (outcome.effects, outcome.is_repeat) == ([Effect.ADDED], False)


async def test_the_same_key_of_another_account_is_another_request(store: Store) -> None:
    await store.apply(keyed(block(person(1))))

    outcome = await store.apply(keyed(block(person(2), list_id=OTHER_LIST, account_id="another account")))

    assert (outcome.effects, outcome.is_repeat) == ([Effect.ADDED], False)


async def test_a_list_of_another_account_is_refused_also_with_a_key(store: Store) -> None:
    await store.apply(keyed(block(person(1))))

    with pytest.raises(UnknownObject):
        await store.apply(keyed(block(person(1), account_id="another account")))


async def test_an_edit_that_failed_as_a_whole_is_made_when_it_is_repeated(store: Store) -> None:
    missing = await store.apply(keyed(edit("spam")))
    await store.apply(block(person(1)))

    outcome = await store.apply(keyed(edit("spam", LATER)))

    assert missing.effects == [Effect.NOT_THERE]
    assert (outcome.effects, outcome.is_repeat) == ([Effect.UPDATED], False)


async def test_an_edit_of_a_changed_row_is_decided_again(store: Store) -> None:
    await store.apply(block(person(1)))
    tags = frozenset({"another tag"})

    first = await store.apply(keyed(edit("spam", expected=tags)))
    second = await store.apply(keyed(edit("spam", LATER, expected=tags)))

    assert (first.refused, second.refused) == ({0: Refusal.CHANGED}, {0: Refusal.CHANGED})
    assert not second.is_repeat


async def test_equal_requests_at_the_same_time_make_one_change(store: Store) -> None:
    outcomes = await asyncio.gather(*(store.apply(keyed(block(person(1), at=NOON + place))) for place in range(10)))

    assert [outcome.effects for outcome in outcomes] == [[Effect.ADDED]] * 10
    assert [outcome.is_repeat for outcome in outcomes].count(False) == 1
    assert await kinds(store) == [EventKind.BLOCK]


async def test_equal_requests_at_two_nodes_make_one_change(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    for number in range(10):
        wanted = keyed(block(person(number), at=NOON + number * SECOND), f"key {number}")

        outcomes = await asyncio.gather(*(store.apply(wanted) for store in (one, other) for _ in range(3)))

        assert [outcome.effects for outcome in outcomes] == [[Effect.ADDED]] * 6
    assert await kinds(one) == [EventKind.BLOCK] * 10


async def test_requests_with_and_without_a_key_at_the_same_time_are_all_made(store: Store) -> None:
    changes = [block(it) if place % 2 else keyed(block(it), it.input) for place, it in enumerate(people(20))]

    await asyncio.gather(*(store.apply(change) for change in changes))

    assert sorted(await listed(store)) == [it.input for it in people(20)]


async def test_an_outcome_of_a_thousand_users_is_stored(store: Store) -> None:
    first = await store.apply(keyed(block(*people(1_000))))

    assert await store.apply(keyed(block(*people(1_000), at=LATER))) == repeated(first)


async def test_a_stored_outcome_can_be_recalled(store: Store) -> None:
    change = keyed(block(person(1)))
    first = await store.apply(change)
    assert change.key is not None

    assert await store.apply(Recall(LIST, ACCOUNT, LATER, change.key)) == repeated(first)


async def test_a_recall_of_an_unknown_key_changes_nothing(store: Store) -> None:
    key = key_of(block(person(1)), KEY, (), ())

    outcome = await store.apply(Recall(LIST, ACCOUNT, NOON, key))

    assert not outcome.is_repeat
    assert (await store.apply(keyed(block(person(1))))).effects == [Effect.ADDED]


async def test_a_sweep_deletes_old_outcomes_only(store: Store) -> None:
    await store.apply(keyed(block(person(1)), "old"))
    await store.apply(keyed(block(person(2), at=LATER), "new"))

    await store.apply(Sweep(LATER, 0, LATER))

    old = await store.apply(keyed(block(person(1), at=LATER), "old"))
    new = await store.apply(keyed(block(person(2), at=LATER), "new"))
    assert (old.is_repeat, new.is_repeat) == (False, True)


@pytest.mark.databases
async def test_a_number_that_was_removed_and_added_again_has_no_old_outcomes(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    wanted = keyed(block(user_of("+16505550101"), list_id=NUMBER.phone_number_id, account_id=NUMBER.account_id))
    await store.apply(wanted)
    await store.remove_number(NUMBER.phone_number_id)
    await store.add_number(NUMBER, LATER)

    outcome = await store.apply(wanted)

    assert (outcome.effects, outcome.is_repeat) == ([Effect.ADDED], False)
