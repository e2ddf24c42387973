"""The verification of events on every store: what a store wrote has no fault, also while it writes."""

import asyncio
from typing import Final

import pytest

from wablock.block_list.changes import Block, Unblock
from wablock.block_list.event_store import Span
from wablock.block_list.ports import BusinessNumber, Member
from wablock.event_audit import EventAudit, ListReport, NotedEnd
from wablock.storage import Store

ACCOUNT: Final = "102290129340398"
NUMBERS: Final = ("106540352242922", "106540352242923")
BEGIN: Final = 1_737_679_688_000_000
MANY: Final = 30

pytestmark = pytest.mark.databases


def _block(number: str, n: int) -> Block:
    user_id = f"US.{n}"
    return Block(number, ACCOUNT, BEGIN + n, "helpdesk", [Member(user_id, None, user_id, user_id)], batch_id="größer")


async def _fill(store: Store, start: int = 0) -> None:
    for number in NUMBERS:
        await store.add_number(BusinessNumber(number, ACCOUNT), 0)
    await asyncio.gather(*(store.apply(_block(number, start + n)) for number in NUMBERS for n in range(MANY)))


async def _reports(store: Store, *noted: NotedEnd) -> list[ListReport]:
    return [it async for it in EventAudit(store, noted).lists()]


async def test_what_a_store_wrote_has_no_fault(store: Store) -> None:
    await _fill(store)
    member = _block(NUMBERS[0], 0).members
    await store.apply(Unblock(NUMBERS[0], ACCOUNT, BEGIN + 5_000, member, "helpdesk"))

    reports = await _reports(store)

    assert [(it.list_id, it.events, it.faults) for it in reports] == [
        (NUMBERS[0], MANY + 1, []),
        (NUMBERS[1], MANY, []),
    ]


async def test_what_is_left_after_a_deletion_because_of_age_has_no_fault(store: Store) -> None:
    await _fill(store)
    events = await store.events(NUMBERS[0], Span(MANY, is_newest_first=False))
    noted = [NotedEnd(it.list_id, it.at, it.hash) for it in (events[9], events[20])]

    await store.delete_events(events[10].at, 1_000)

    reports = await _reports(store, *noted)
    assert [it.faults for it in reports] == [[], []]
    assert reports[0].events == MANY - 10


async def test_a_noted_end_that_never_was_is_a_fault(store: Store) -> None:
    await _fill(store)

    [sales, support] = await _reports(store, NotedEnd(NUMBERS[1], BEGIN + 1, b"x" * 32))

    assert (sales.faults, [it.fault for it in support.faults]) == ([], ["rewritten"])


async def test_a_verification_beside_writes_has_no_fault(store: Store) -> None:
    await _fill(store)
    writing = asyncio.create_task(_fill(store, 1_000))

    faults = []
    while not writing.done():
        faults += [fault for report in await _reports(store) for fault in report.faults]
        await asyncio.sleep(0)  # a store in memory never waits
    await writing

    assert faults == []
    assert [it.events for it in await _reports(store)] == [2 * MANY] * 2
