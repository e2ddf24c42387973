"""What a row says of its user besides the block: who changed it last, by which way it came, and in which batch."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from tests.postgres import bare_database, connected, fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, only_row, page, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, linked, people, person
from tests.storage.version_before import Blocked, Rows, fill_postgres, fill_sqlite

from wablock.block_list.ports import Carry, Link, Row, Source
from wablock.storage import SqliteStore, Store
from wablock.storage.postgres import PostgresStore

OLD_ROWS = Rows({LIST: ACCOUNT}, [Blocked(LIST, NOON, "16505550001", reason="spam")], [], [])


def of_batch(*numbers: int, at: int = NOON) -> Any:
    change = block(*map(person, numbers), at=at)
    return msgspec.structs.replace(change, source=Source.CLI, batch_id="monday")


def origin(row: Row) -> tuple[str | None, str | None]:
    return row.source, row.batch_id


async def test_a_row_has_the_source_and_the_batch_of_its_block(store: Store) -> None:
    await store.apply(of_batch(1))

    row = await only_row(store)
    assert origin(row) == ("cli", "monday")
    assert (row.updated_at, row.updated_by) == (None, None)


async def test_every_row_of_a_large_request_has_them(store: Store) -> None:
    users = people(300)

    await store.apply(msgspec.structs.replace(block(*users), source=Source.IMPORT, batch_id="b"))

    rows = (await page(store)).rows
    assert [origin(row) for row in rows] == [("import", "b")] * 300


async def test_another_block_with_another_reason_says_who_changed_it_and_keeps_the_origin(store: Store) -> None:
    await store.apply(of_batch(1))

    await store.apply(block(person(1, reason="abuse"), at=NOON + SECOND))

    row = await only_row(store)
    assert (row.reason, row.updated_at, row.updated_by) == ("abuse", NOON + SECOND, "another user")
    assert origin(row) == ("cli", "monday")


async def test_a_user_who_is_unblocked_and_blocked_again_has_the_new_origin(store: Store) -> None:
    await store.apply(of_batch(1))
    await store.apply(block(person(1, reason="abuse")))

    await asyncio.gather(store.apply(unblock(person(1))), store.apply(block(person(1))))

    row = await only_row(store)
    assert origin(row) == (None, None)
    assert (row.updated_at, row.updated_by) == (None, None)


async def test_a_copy_for_a_new_number_keeps_the_origin(store: Store) -> None:
    await store.apply(of_batch(1))

    await store.apply(Carry(ACCOUNT, NOON + SECOND, person(1), person(2)))

    rows = (await page(store)).rows
    assert [origin(row) for row in rows] == [("cli", "monday")] * 2


async def test_merged_rows_keep_the_origin_of_the_earlier_block(store: Store) -> None:
    await store.apply(of_batch(1))
    await store.apply(block(by_user_id("US.1"), at=NOON + SECOND))

    await store.apply(Link(ACCOUNT, NOON + SECOND, [linked(1, "US.1")]))

    assert origin(await only_row(store)) == ("cli", "monday")


async def test_rows_of_an_older_file_have_no_origin(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "wablock.db", OLD_ROWS)
    store = SqliteStore(tmp_path / "wablock.db", CountingMeter())

    row = await only_row(store)

    assert (row.reason, origin(row), row.updated_at) == ("spam", (None, None), None)
    await store.close()


async def test_rows_of_an_older_database_have_no_origin(tmp_path: Path) -> None:
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(fill_postgres, dsn, OLD_ROWS)
    store = PostgresStore(dsn, CountingMeter())

    row = await only_row(store)

    assert (row.reason, origin(row), row.updated_at) == ("spam", (None, None), None)
    await store.close()


async def test_a_row_that_a_node_of_the_version_before_writes_is_shown_and_one_that_it_changes_keeps_its_origin(
    tmp_path: Path,
) -> None:
    dsn = fresh_database(tmp_path)
    store = PostgresStore(dsn, CountingMeter())
    await store.apply(of_batch(1))
    before = await only_row(store)
    rows = [
        _as_before(before, "16505550001", before.seq, "changed"),
        _as_before(before, "16505550002", before.seq + 1, "new"),
    ]

    await asyncio.to_thread(_written_by_older, dsn, rows)

    shown = (await page(store)).rows
    assert [(row.reason, *origin(row)) for row in shown] == [("new", None, None), ("changed", "cli", "monday")]
    await store.close()


def _as_before(row: Row, identity: str, seq: int, reason: str) -> dict[str, Any]:
    """A row as the version before sends it to its procedure."""
    names = ("wa_id", "user_id", "input", "blocked_at", "blocked_by", "note", "expires_at")
    return {"identity": identity, "seq": seq, "reason": reason} | {name: getattr(row, name) for name in names}


def _written_by_older(dsn: str, rows: list[dict[str, Any]]) -> None:
    async def write(connection: Any) -> None:
        revision = await connection.fetchval("SELECT revision FROM block_list WHERE list_id = $1", LIST)
        head = {"version": rows[-1]["seq"], "size": 2, "next_expiry": None}
        change = msgspec.json.encode([{"rows": rows, "head": head, "writers": []}]).decode()
        written = await connection.fetchval("CALL wablock_write_lists_1($1, $2, $3, NULL)", [LIST], [revision], change)
        assert written == [LIST]

    connected(dsn, write)
