"""The verification of stored events: every change of a real SQLite file is found, and the event is named."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import pytest
from tests.storage.meters import CountingMeter

from wablock.block_list.changes import Block, Cause
from wablock.block_list.event_chain import commitment_of, hash_of
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.ports import BusinessNumber, Member
from wablock.event_audit import EventAudit, ListReport, NotedEnd
from wablock.storage import SqliteStore

ACCOUNT: Final = "102290129340398"
SALES, SUPPORT = "106540352242922", "106540352242923"
BEGIN: Final = 1_737_679_688_000_000
COLUMNS: Final = ("list_id", "at", "batch_id", "text", "hash", "commitment")
COUNT: Final = 5
DELETED: Final = 2
"""The event of a list whose text was deleted, and whose commitment was kept."""


def _block(list_id: str, at: int) -> Block:
    user_id = f"US.{at}"
    member = Member(user_id, None, user_id, user_id, "größer ✓")
    return Block(list_id, ACCOUNT, at, "helpdesk", [member], batch_id="monday", cause=Cause("a request", "maria"))


class Database:
    """A SQLite file with two numbers, whose lists have five events each."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "wablock.db"
        self.on_store(self._fill)
        self.change("UPDATE event SET text = NULL, commitment = ? WHERE at = ? AND list_id = ?", *self._deleted())

    def on_store(self, work: Callable[[SqliteStore], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            store = SqliteStore(self.path, CountingMeter())
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    def change(self, statement: str, *bindings: Any) -> None:
        """Change the file as someone does who has a shell on the machine."""
        with apsw.Connection(str(self.path)) as connection:
            connection.execute(statement, bindings)

    def row_id(self, event: StoredEvent) -> Any:
        with apsw.Connection(str(self.path)) as connection:
            statement = "SELECT rowid FROM event WHERE list_id = ? AND at = ?"
            return connection.execute(statement, (event.list_id, event.at)).get

    def events(self, list_id: str = SALES) -> list[StoredEvent]:
        async def read(store: SqliteStore) -> Sequence[StoredEvent]:
            return await store.events(list_id, Span(100, is_newest_first=False))

        return list(self.on_store(read))

    def reports(self, *noted: NotedEnd, list_id: str | None = None) -> list[ListReport]:
        async def read(store: SqliteStore) -> list[ListReport]:
            return [it async for it in EventAudit(store, noted).lists(list_id=list_id)]

        reports: list[ListReport] = self.on_store(read)
        return reports

    def faults(self, *noted: NotedEnd) -> list[tuple[str, str]]:
        return [(it.event_id, it.fault) for report in self.reports(*noted) for it in report.faults]

    def end(self) -> NotedEnd:
        newest = self.events()[-1]
        return NotedEnd(SALES, newest.at, newest.hash)

    async def _fill(self, store: SqliteStore) -> None:
        for start, number in enumerate((SALES, SUPPORT)):
            await store.add_number(BusinessNumber(number, ACCOUNT), 0)
            for n in range(COUNT):
                await store.apply(_block(number, BEGIN + 1_001 * n + start))

    def _deleted(self) -> tuple[bytes, int, str]:
        event = self.events()[DELETED]
        assert event.text is not None
        return commitment_of(event.text), event.at, SALES


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def test_events_as_they_were_written_have_no_fault(database: Database) -> None:
    reports = database.reports()

    assert [(it.list_id, it.events, it.first, it.last) for it in reports] == [
        (SALES, COUNT, database.events()[0].at, database.events()[-1].at),
        (SUPPORT, COUNT, database.events(SUPPORT)[0].at, database.events(SUPPORT)[-1].at),
    ]
    assert database.faults() == []


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("index", range(COUNT))
def test_any_changed_byte_of_any_column_is_found_and_the_event_named(
    database: Database, index: int, column: str
) -> None:
    event = database.events()[index]
    row = (event.list_id, event.at, event.batch_id, event.text, event.hash, event.commitment)
    kind = "TEXT" if column in ("list_id", "batch_id", "text") else "INTEGER" if column == "at" else "BLOB"
    row_id = database.row_id(event)
    original = ", ".join(f"{name} = ?" for name in COLUMNS)

    for changed in _changes_of(row[COLUMNS.index(column)]):
        database.change(f"UPDATE event SET {column} = CAST(? AS {kind}) WHERE rowid = ?", changed, row_id)
        _assert_found(database, event, index, column, changed)
        database.change(f"UPDATE event SET {original} WHERE rowid = ?", *row, row_id)

    assert database.faults() == []


def _changes_of(value: Any) -> list[Any]:
    """The value with each of its bytes changed; one that was not there."""
    if value is None:
        return [b"x"]
    if isinstance(value, int):
        return [value ^ (1 << bit) for bit in range(0, 56, 4)]
    stored = value.encode() if isinstance(value, str) else value
    places = range(len(stored))
    flips = [0x01] if len(stored) > 40 else [0x01, 0x80]  # a text has hundreds of bytes; 0x80 makes it no UTF-8
    changes = [stored[:at] + bytes([stored[at] ^ flip]) + stored[at + 1 :] for flip in flips for at in places]
    changes += [stored[:-1], stored + b"x", b"\xff" + stored[1:]]
    return [it for it in changes if it != stored]  # a hash may begin with this byte


def _assert_found(database: Database, event: StoredEvent, index: int, column: str, changed: Any) -> None:
    faults = database.faults()
    named = {event.event_id}
    if column == "at":
        named = {f"{SALES}-{changed}"}
    if column in ("at", "list_id"):  # the event is not in its place, so the next one, or the end, does not fit
        events = database.events()
        named |= {it.event_id for it in events[index : index + 1]} | {events[-1].event_id}
    assert faults, f"{column} of event {index} as {changed!r}"
    assert {event_id for event_id, _ in faults} & named


def test_a_removed_event_is_found_at_the_next_one(database: Database) -> None:
    events = database.events()

    database.change("DELETE FROM event WHERE list_id = ? AND at = ?", SALES, events[1].at)

    assert database.faults() == [(events[2].event_id, "changed")]


def test_two_swapped_events_are_both_named(database: Database) -> None:
    one, other = database.events()[0], database.events()[3]
    swap = "UPDATE event SET batch_id = ?, text = ?, hash = ?, commitment = ? WHERE list_id = ? AND at = ?"

    database.change(swap, other.batch_id, other.text, other.hash, other.commitment, SALES, one.at)
    database.change(swap, one.batch_id, one.text, one.hash, one.commitment, SALES, other.at)

    assert {one.event_id, other.event_id} <= {event_id for event_id, _ in database.faults()}


_LAST: Final = (1 << 63) - 1


@pytest.mark.parametrize("at", [-_LAST - 1, -(1 << 62), 0, 1 << 62, _LAST - 1, _LAST])
def test_an_event_that_was_added_at_any_time_is_named(database: Database, at: int) -> None:
    database.change("INSERT INTO event VALUES (?, ?, NULL, '{}', ?, NULL)", SALES, at, b"x" * 32)

    assert f"{SALES}-{at}" in {event_id for event_id, _ in database.faults()}


@pytest.mark.parametrize("list_id", ["106540352242999", "list_0000000000000000", "ghost"])
def test_an_event_that_was_added_to_a_list_without_events_is_named(database: Database, list_id: str) -> None:
    copied = "INSERT INTO event SELECT ?, at, batch_id, text, hash, commitment FROM event WHERE list_id = ? LIMIT 2"

    database.change(copied, list_id, SALES)

    *others, report = database.reports()
    assert [it.faults for it in others] == [[], []]
    assert (report.list_id, report.chain, report.events) == (list_id, None, 2)
    assert [(it.event_id.rpartition("-")[0], it.fault) for it in report.faults] == [(list_id, "added")] * 2


def test_events_of_a_list_that_nothing_names_are_verified_without_the_other_lists(database: Database) -> None:
    copied = "INSERT INTO event SELECT 'ghost', at, batch_id, text, hash, commitment FROM event WHERE list_id = ?"

    database.change(copied, SALES)

    assert database.reports(list_id=SALES)[0].faults == []
    assert len(database.reports(list_id="ghost")[0].faults) == COUNT


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_an_inserted_event_is_named_wherever_it_is(database: Database, place: str) -> None:
    events = database.events()
    at = {"before": 1, "between": (events[3].at + events[4].at) // 2, "after": events[-1].at + 1_000}[place]
    database.change("INSERT INTO event VALUES (?, ?, NULL, '{}', ?, NULL)", SALES, at, b"x" * 32)

    assert f"{SALES}-{at}" in {event_id for event_id, _ in database.faults()}


def test_the_removed_newest_event_is_found(database: Database) -> None:
    events = database.events()

    database.change("DELETE FROM event WHERE list_id = ? AND at = ?", SALES, events[-1].at)

    assert database.faults() == [(events[-2].event_id, "missing")]


def test_all_removed_events_are_found(database: Database) -> None:
    database.change("DELETE FROM event WHERE list_id = ?", SALES)

    assert database.faults() == [("", "missing")]


@pytest.mark.parametrize("change", ["commitment = x'00'", "text = NULL", "text = NULL, commitment = x'00'"])
def test_a_deleted_text_needs_its_own_commitment(database: Database, change: str) -> None:
    event = database.events()[0]

    database.change(f"UPDATE event SET {change} WHERE list_id = ? AND at = ?", SALES, event.at)

    assert database.faults() == [(event.event_id, "changed")]


@pytest.mark.parametrize("column", ["event_hash", "event_at", "oldest_hash", "oldest_at"])
def test_a_changed_end_of_the_chain_is_found(database: Database, column: str) -> None:
    value = "x'00'" if column.endswith("hash") else f"{BEGIN + 1_500}"

    database.change(f"UPDATE block_list SET {column} = {value} WHERE list_id = ?", SALES)

    assert database.faults()


def test_events_that_were_deleted_because_of_their_age_are_no_fault(database: Database) -> None:
    events = database.events()

    database.on_store(lambda store: store.delete_events(events[2].at, 100))

    [sales, _] = database.reports()
    assert (sales.events, sales.first, sales.faults) == (3, events[2].at, [])


def test_a_list_whose_events_are_all_too_old_has_no_fault(database: Database) -> None:
    database.on_store(lambda store: store.delete_events(BEGIN * 2, 100))

    assert [(it.events, it.first, it.faults) for it in database.reports()] == [(0, None, []), (0, None, [])]


# -- ends that were noted


def test_a_noted_end_is_in_the_chain_also_when_it_is_longer(database: Database) -> None:
    end = database.end()

    database.on_store(lambda store: store.apply(_block(SALES, BEGIN + 10_000)))

    assert database.faults(end, database.end()) == []


def test_a_chain_that_was_rewritten_as_a_whole_is_found_by_a_noted_end(database: Database) -> None:
    end = database.end()

    _rewrite(database)

    assert database.faults() == []
    assert database.faults(end) == [(f"{SALES}-{end.at}", "rewritten")]


def _rewrite(database: Database) -> None:
    """Remove the word from every text, with correct hashes."""
    digest = b""
    for event in database.events():
        text = (event.text or "{}").replace("helpdesk", "someone else")
        digest = hash_of(digest, SALES, event.at, event.batch_id, commitment_of(text))
        change = "UPDATE event SET text = ?, hash = ?, commitment = NULL WHERE list_id = ? AND at = ?"
        database.change(change, text, digest, SALES, event.at)
    database.change("UPDATE block_list SET event_hash = ? WHERE list_id = ?", digest, SALES)


def test_a_list_without_its_noted_end_is_found(database: Database) -> None:
    end = database.end()

    database.change("DELETE FROM event WHERE list_id = ?", SALES)
    database.change("UPDATE block_list SET event_at = 0, event_hash = x'' WHERE list_id = ?", SALES)

    assert database.faults() == []
    assert database.faults(end) == [(f"{SALES}-{end.at}", "rewritten")]


def test_a_noted_end_that_was_deleted_cannot_be_verified(database: Database) -> None:
    """To delete the oldest events, and to say that it was for their age, must not hide what was written again."""
    events = database.events()
    first = events[0]
    noted = NotedEnd(SALES, first.at, first.hash)

    database.on_store(lambda store: store.delete_events(events[2].at, 100))

    assert database.faults() == []
    assert database.faults(noted) == [(first.event_id, "deleted")]


def test_the_last_event_that_was_deleted_because_of_its_age_still_proves_its_hash(database: Database) -> None:
    events = database.events()
    database.on_store(lambda store: store.delete_events(events[2].at, 100))

    assert database.faults(NotedEnd(SALES, events[1].at, events[1].hash)) == []
    assert database.faults(NotedEnd(SALES, events[1].at, b"x" * 32)) == [(events[1].event_id, "rewritten")]


def test_a_noted_end_of_another_list_does_not_matter_for_one_list(database: Database) -> None:
    assert [it.faults for it in database.reports(NotedEnd("1", 1, b"x"), list_id=SALES)] == [[]]


# -- while a server writes


class BusyStore(SqliteStore):
    """After each read of a chain or of events, `change` runs."""

    change: Callable[[SqliteStore], Awaitable[Any]] | None = None

    async def chain(self, list_id: str) -> Chain | None:
        result = await super().chain(list_id)
        await self._change()
        return result

    async def events(self, list_id: str, span: Span) -> Sequence[StoredEvent]:
        result = await super().events(list_id, span)
        await self._change()
        return result

    async def _change(self) -> None:
        if self.change is not None:
            await self.change(self)


def _faults_while(database: Database, change: Callable[[SqliteStore], Awaitable[Any]]) -> list[Any]:
    async def read() -> list[Any]:
        store = BusyStore(database.path, CountingMeter())
        store.change = change
        try:
            return [fault async for report in EventAudit(store).lists() for fault in report.faults]
        finally:
            await store.close()

    return asyncio.run(read())


def test_new_events_during_the_verification_are_no_fault(database: Database) -> None:
    ats = iter(range(BEGIN + 10_000, BEGIN + 20_000))

    async def block(store: SqliteStore) -> None:
        await store.apply(_block(SALES, next(ats)))

    assert _faults_while(database, block) == []
    assert len(database.events()) > COUNT + 3


def test_the_first_event_of_a_list_during_the_verification_is_no_fault(database: Database) -> None:
    new, lists = "106540352242924", list[str]()

    async def block(store: SqliteStore) -> None:
        await store.apply(_block(new, BEGIN + 10_000 + len(lists)))
        lists.append(new)

    assert _faults_while(database, block) == []
    assert len(database.events(new)) > 1


def test_deletions_because_of_age_during_the_verification_are_no_fault(database: Database) -> None:
    left = [it.at for it in database.events()[1:4]]

    async def delete(store: SqliteStore) -> None:
        if left:
            await store.delete_events(left.pop(0), 100)

    assert _faults_while(database, delete) == []
    assert left == []


def test_a_long_chain_is_verified_page_by_page(database: Database) -> None:
    async def fill(store: SqliteStore) -> None:
        await asyncio.gather(*(store.apply(_block(SALES, BEGIN + 10_000 + n)) for n in range(2_100)))

    database.on_store(fill)
    pages: list[int] = []

    async def verify(store: SqliteStore) -> list[ListReport]:
        return [it async for it in EventAudit(store, (), pages.append).lists(list_id=SALES)]

    [report] = database.on_store(verify)
    assert (report.events, report.faults) == (2_105, [])
    assert pages == [1_000, 1_000, 105]
