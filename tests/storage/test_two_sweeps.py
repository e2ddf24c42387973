"""Concurrent sweeps of two stores, as of nodes that start at the same time."""

import asyncio
from collections.abc import Callable
from typing import Final

from tests.storage.changes import LIST, NOON, SECOND, block, listed, wrote
from tests.storage.people import people, person

from wablock.block_list.changes import Sweep
from wablock.block_list.ports import Refusal
from wablock.storage import Store

LATER: Final = NOON + 60 * SECOND
LISTS: Final = [LIST, "106540352242923", "106540352242924"]


async def test_concurrent_sweeps_delete_expired_blocks_once_and_nothing_else(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    for list_id in LISTS:
        await one.apply(block(*(person(number, expires_at=LATER) for number in range(40)), list_id=list_id))

    await asyncio.gather(
        *(store.apply(Sweep(LATER, 0)) for store in (one, other) for _ in range(3)),
        *(other.apply(block(person(50 + place), at=LATER, list_id=it)) for place, it in enumerate(LISTS)),
    )

    assert [await listed(one, LATER, list_id) for list_id in LISTS] == [
        [f"+165055500{50 + place}"] for place in range(len(LISTS))
    ]
    outcomes = [await one.apply(block(*people(2), at=LATER, max_size=2, list_id=list_id)) for list_id in LISTS]
    assert [outcome.refused for outcome in outcomes] == [{1: Refusal.LIST_FULL}] * len(LISTS)


async def test_a_message_that_arrives_during_two_sweeps_is_kept(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    await one.apply(wrote(*people(40), at=NOON - SECOND))

    await asyncio.gather(
        *(store.apply(Sweep(NOON, NOON)) for store in (one, other)),
        *(other.apply(wrote(member, at=NOON)) for member in people(20)),
    )

    outcome = await one.apply(block(*people(40), written_since=0))
    assert sorted(outcome.refused) == list(range(20, 40))
