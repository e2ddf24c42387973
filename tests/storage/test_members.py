"""What a row says of its user besides the block: who changed it last, by which way it came, and in which batch."""

import asyncio
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec
import pytest
from tests.postgres import bare_database, connected, fresh_cluster, fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, only_row, page, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, linked, people, person, user_of
from tests.storage.version_before import Blocked, Rows, fill_postgres, fill_sqlite

from wablock.block_list.changes import Block, Carry, Edit, Link
from wablock.block_list.pages import Row
from wablock.block_list.ports import Effect, IfListed, Member, Refusal
from wablock.block_list.row_tags import tag_of
from wablock.block_list.rules import Source
from wablock.contract.errors import UnknownObject
from wablock.storage import SqliteStore, Store
from wablock.storage.postgres import PostgresStore, lists
from wablock.storage.postgres.sessions import Connection

OLD_ROWS = Rows({LIST: ACCOUNT}, [Blocked(LIST, NOON, "16505550001", reason="spam")], [], [])


def of_batch(*numbers: int, at: int = NOON) -> Any:
    change = block(*map(person, numbers), at=at)
    return msgspec.structs.replace(change, source=Source.CLI, batch_id="monday")


def keeping(change: Block) -> Block:
    return msgspec.structs.replace(change, if_listed=IfListed.KEEP)


def replacing(change: Block) -> Block:
    return msgspec.structs.replace(change, if_listed=IfListed.REPLACE)


def edit(member: Member, *, at: int = NOON, **changes: Any) -> Edit:
    return Edit(LIST, ACCOUNT, at, "an editor", member, **changes)


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

    await store.apply(unblock(person(1)))
    await store.apply(block(person(1)))

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


async def test_a_block_that_keeps_adds_the_others_only(store: Store) -> None:
    await store.apply(block(person(1, "spam", "note", NOON + SECOND)))
    before = await page(store)
    users = [person(1, "abuse"), person(2, "abuse")]

    outcome = await store.apply(keeping(block(*users)))

    after = await page(store)
    assert outcome.effects == [Effect.UNCHANGED, Effect.ADDED]
    assert (after.rows[1:], after.rows[0].reason) == (before.rows, "abuse")


async def test_of_two_blocks_that_keep_the_first_counts(store: Store) -> None:
    blocks = [keeping(block(person(1, reason))) for reason in ("first", "second")]

    outcomes = await asyncio.gather(*map(store.apply, blocks))

    assert [list(outcome.effects) for outcome in outcomes] == [[Effect.ADDED], [Effect.UNCHANGED]]
    assert (await only_row(store)).reason == "first"


async def test_a_block_that_replaces_has_all_details_of_the_request_and_makes_the_version_grow(store: Store) -> None:
    await store.apply(block(person(1, "spam", "note", NOON + SECOND)))
    before = await page(store)

    await store.apply(replacing(block(person(1, "abuse"))))

    after = await page(store)
    edited = {"reason": "abuse", "note": None, "expires_at": None, "updated_at": NOON, "updated_by": "another user"}
    assert after.rows == [msgspec.structs.replace(before.rows[0], **edited)]
    assert after.version > before.version


async def test_an_edit_changes_what_it_names_and_returns_the_row(store: Store) -> None:
    await store.apply(block(person(1, "spam", "note"), person(2)))
    before = await page(store)

    outcome = await store.apply(edit(person(1), reason="abuse"))

    after = await page(store)
    edited = {"reason": "abuse", "updated_at": NOON, "updated_by": "an editor"}
    assert after.rows == [msgspec.structs.replace(before.rows[0], **edited), before.rows[1]]
    assert outcome.row == await store.row(ACCOUNT, LIST, person(1), NOON)
    assert after.version > before.version


async def test_an_edited_end_is_in_force(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(edit(person(1), expires_at=NOON + SECOND))

    assert await store.row(ACCOUNT, LIST, person(1), NOON) is not None
    assert await store.row(ACCOUNT, LIST, person(1), NOON + SECOND) is None
    assert (await store.apply(edit(person(1), at=NOON + SECOND, reason="late"))).effects == [Effect.NOT_THERE]


async def test_a_user_is_edited_by_a_linked_id_and_by_another_spelling(store: Store) -> None:
    await store.apply(block(user_of("+5511987654321", "BR.1")))

    await store.apply(edit(by_user_id("BR.1"), reason="by id"))
    await store.apply(edit(user_of("+551187654321"), note="by spelling"))

    row = await store.row(ACCOUNT, LIST, by_user_id("BR.1"), NOON)
    assert row is not None
    assert (row.reason, row.note) == ("by id", "by spelling")


async def test_of_two_edits_with_the_same_tag_one_is_refused(store: Store) -> None:
    await store.apply(block(person(1)))
    expected = frozenset({tag_of(await only_row(store))})
    edits = [edit(person(1), reason=reason, expected=expected) for reason in ("first", "second")]

    outcomes = await asyncio.gather(*map(store.apply, edits))

    assert [list(outcome.effects) for outcome in outcomes] == [[Effect.UPDATED], [Effect.REFUSED]]
    assert outcomes[1].refused == {0: Refusal.CHANGED}
    assert (await only_row(store)).reason == "first"


async def test_an_edit_of_another_accounts_list_is_refused(store: Store) -> None:
    await store.apply(block(person(1)))
    change = msgspec.structs.replace(edit(person(1), reason="abuse"), account_id="another account")

    with pytest.raises(UnknownObject):
        await store.apply(change)

    assert (await only_row(store)).reason is None


async def test_a_users_row_is_not_found_on_another_list(store: Store) -> None:
    await store.apply(block(person(1)))

    assert await store.row(ACCOUNT, "106540352242923", person(1), NOON) is None
    assert await store.row(ACCOUNT, LIST, person(2), NOON) is None


async def test_a_row_that_is_linked_between_two_reads_is_found(tmp_path: Path) -> None:
    """On PostgreSQL links and rows are read one after the other."""
    dsn = fresh_database(tmp_path)
    store = PostgresStore(dsn, CountingMeter())
    await store.apply(block(by_user_id("US.1")))
    connection = await asyncpg.connect(dsn)

    class LinkedMeanwhile:
        reads = 0

        async def fetch(self, statement: str, *args: object) -> Any:
            records = await connection.fetch(statement, *args)
            self.reads += 1
            if self.reads == 1:
                await store.apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))
            return records

    row = await lists.row(cast("Connection", LinkedMeanwhile()), ACCOUNT, LIST, by_user_id("US.1"), NOON)

    assert row is not None
    assert row.wa_id == "16505550001"
    await connection.close()
    await store.close()


async def test_a_user_is_found_and_edited_while_a_link_is_unsettled(tmp_path: Path) -> None:
    """As in a cluster whose worker did not respond when the link was learned."""
    dsn = fresh_cluster(tmp_path)
    store = PostgresStore(dsn, CountingMeter())
    await store.apply(block(by_user_id("US.1")))
    link = "INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled) VALUES ($1, 'US.1', $2, $2, false)"
    await asyncio.to_thread(connected, dsn, lambda connection: connection.execute(link, ACCOUNT, "16505550001"))

    row = await store.row(ACCOUNT, LIST, person(1), NOON)
    outcome = await store.apply(edit(person(1), reason="spam"))

    assert row is not None
    assert row.user_id == "US.1"
    assert outcome.effects == [Effect.UPDATED]
    assert (await only_row(store)).reason == "spam"
    await store.close()


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
