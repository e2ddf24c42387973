"""Random changes of a store on a `PowerCutDisk`, and a random sample of moments at which the power is cut."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import apsw
from tests.faults.ledger import SHARED, Group, Known, Ledger
from tests.faults.power_cut import Image, PowerCutDisk
from tests.storage.changes import ACCOUNT, NOON
from tests.storage.meters import CountingMeter

from wablock.block_list.changes import Block, Unblock, Undo
from wablock.block_list.event_chain import NewEvent, event
from wablock.block_list.event_store import Span
from wablock.block_list.events import EventKind, event_of
from wablock.block_list.shared_lists import Attached, Attachment
from wablock.block_list.undoing import users_of
from wablock.storage import SqliteStore
from wablock.storage.sqlite.connection import connect

_LISTS = ("106540352242922", "106540352242923", "106540352242924")
_CHECKPOINTS = (apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_RESTART, apsw.SQLITE_CHECKPOINT_TRUNCATE)


class Cut(NamedTuple):
    """A moment: the recorded state of the disk, and what callers knew."""

    image: Image
    known: Sequence[Known]


class Chosen:
    """A random sample of the moments that a disk announces. All have the same probability.

    Except writes to the log, which are nine of ten: only every fourth is considered.
    """

    def __init__(self, disk: PowerCutDisk, ledger: Ledger, size: int, chance: random.Random) -> None:
        self.cuts: list[Cut] = []
        self._disk = disk
        self._ledger = ledger
        self._size = size
        self._chance = chance
        self._announced = 0
        disk.before_each = self._consider

    def _consider(self, moment: str) -> None:
        if moment.startswith("xWrite") and moment.endswith("-wal") and self._chance.random() < 0.75:
            return
        self._announced += 1
        place = self._chance.randrange(self._announced)
        if len(self.cuts) < self._size:
            self.cuts.append(self._cut(moment))
        elif place < self._size:
            self.cuts[place] = self._cut(moment)

    def _cut(self, moment: str) -> Cut:
        return Cut(self._disk.image(moment), tuple(self._ledger.known))


async def live(disk: PowerCutDisk, path: Path, ledger: Ledger, rounds: int, chance: random.Random) -> None:
    """Open a store, change its lists with concurrent callers and checkpoints for some rounds, and close it."""
    store = SqliteStore(path, CountingMeter(), vfs=disk.name)
    await ledger.settle(store)
    for number in range(rounds):
        callers = [_send(store, ledger, index, NOON + number, chance) for index in _some_groups(ledger, chance)]
        callers.append(_attach_or_detach(store, NOON + number))
        if chance.random() < 0.3:
            callers.append(_delete_old_events(store, NOON + number - chance.randrange(6)))
        if chance.random() < 0.2:
            mode = chance.choice(_CHECKPOINTS)
            await asyncio.gather(asyncio.to_thread(_checkpoint, path, disk.name, mode), *callers)
        else:
            await asyncio.gather(*callers)
    await store.close()


def _some_groups(ledger: Ledger, chance: random.Random) -> list[int]:
    old = chance.sample(range(len(ledger.groups)), min(len(ledger.groups), chance.randrange(4)))
    sizes = [chance.choice([1, 1, 2, 5, 60]) for _ in range(chance.randrange(1, 6))]
    return [*old, *(ledger.new_group(chance.choice(_LISTS), size) for size in sizes)]


async def _send(store: SqliteStore, ledger: Ledger, index: int, at: int, chance: random.Random) -> None:
    change, afterwards = next_change(ledger, index, at)
    undo = await _undo_of_block(store, ledger.groups[index], at) if afterwards is Known.UNBLOCKED else None
    ledger.known[index] = Known.NOT_YET
    await store.apply(change if undo is None or chance.random() < 0.5 else undo)
    ledger.known[index] = afterwards


async def _undo_of_block(store: SqliteStore, group: Group, at: int) -> Undo | None:
    """The undoing of the group's last block; None if its event was deleted."""
    user = group.members[0].wa_id
    for stored in await store.events(group.list_id, Span(1_000)):
        last = event_of(stored.text or "")
        if any(it.user == user for it in last.users):
            if last.kind is not EventKind.BLOCK:
                return None
            return Undo(group.list_id, ACCOUNT, at, "ben", stored.at, *users_of(last, stored.at))
    return None


async def _attach_or_detach(store: SqliteStore, at: int) -> None:
    """Change where a shared list is attached, with the event of it."""
    await store.add_list(SHARED, NewEvent(event(EventKind.CREATE), at))
    attached = await store.attach(Attachment(ACCOUNT, SHARED.list_id, None, at), NewEvent(event(EventKind.ATTACH), at))
    if attached is Attached.BEFORE:
        await store.detach(ACCOUNT, SHARED.list_id, None, NewEvent(event(EventKind.DETACH), at))


async def _delete_old_events(store: SqliteStore, before: int) -> None:
    while await store.delete_events(before, 7) == 7:
        pass


def next_change(ledger: Ledger, index: int, at: int) -> tuple[Block | Unblock, Known]:
    """The next change of a group: block or unblock. And what its caller knows after the response."""
    group = ledger.groups[index]
    if ledger.known[index] is Known.BLOCKED:
        return group.unblock(at), Known.UNBLOCKED
    return group.block(at), Known.BLOCKED


def _checkpoint(path: Path, vfs: str, mode: int) -> None:
    """Run a checkpoint as another process does, such as a backup."""
    connection = connect(path, vfs)
    with contextlib.suppress(apsw.BusyError):
        connection.wal_checkpoint(mode=mode)
    connection.close()
