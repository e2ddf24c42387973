"""The upgrade of a database of the previous version: every block is in force for every spelling."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.postgres import bare_database, connected
from tests.storage.changes import LIST, NOON, SECOND
from tests.storage.meters import CountingMeter
from tests.storage.old_rows import LISTS, User, full_database
from tests.storage.people import by_user_id, user_of
from tests.storage.version_before import fill_postgres, fill_sqlite, sqlite_rows

from wablock.block_list.changes import Block, Sweep, Unblock
from wablock.block_list.pages import PageRequest, Row
from wablock.contract.spellings import one_spelling
from wablock.storage import SqliteStore, Store
from wablock.storage.postgres import PostgresStore

Select: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]
Upgraded: TypeAlias = tuple[Store, list[User], Select]


async def settle(store: Store) -> None:
    """Run the sweeps that re-key all rows."""
    for _ in range(8):
        await store.apply(Sweep(NOON, 0))


async def _on_sqlite(folder: Path) -> Upgraded:
    rows, users = full_database()
    fill_sqlite(folder / "wablock.db", rows)
    return (
        SqliteStore(folder / "wablock.db", CountingMeter()),
        users,
        lambda sql: sqlite_rows(folder / "wablock.db", sql),
    )


async def _on_postgres(folder: Path) -> Upgraded:
    rows, users = full_database()
    dsn = bare_database(folder)
    await asyncio.to_thread(fill_postgres, dsn, rows)
    store = PostgresStore(dsn, CountingMeter(), quiet_for=0)
    return store, users, lambda sql: connected(dsn, lambda connection: connection.fetch(sql))


async def _on_postgres_settled(folder: Path) -> Upgraded:
    upgraded = await _on_postgres(folder)
    await settle(upgraded[0])
    return upgraded


_FIRST: dict[str, Callable[[Path], Awaitable[Upgraded]]] = {
    "sqlite": _on_sqlite,
    "postgres before its rows are re-keyed": _on_postgres,
    "postgres": _on_postgres_settled,
}
_DONE = ["sqlite", "postgres"]


@pytest.fixture(params=list(_FIRST))
async def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Upgraded]:
    """A store of this version on the database, its users, and a function that reads the tables."""
    result = await _FIRST[request.param](tmp_path)
    yield result
    await result[0].close()


only_when_done = pytest.mark.parametrize("upgraded", _DONE, indirect=True)


async def _all_rows(store: Store, list_id: str) -> list[Row]:
    rows: list[Row] = []
    after = None
    while True:
        page = await store.page(PageRequest(list_id, 100, NOON, after))
        rows += page.rows
        if not page.has_next:
            return rows
        after = page.rows[-1].seq


async def _blocked(store: Store, list_id: str, spellings: Sequence[str], at: int = NOON) -> list[bool]:
    users = [user_of(f"+{digits}") for digits in spellings]
    result = await store.blocked(LISTS[list_id], list_id, users, at)
    return [block is not None for block in result]


async def test_every_user_is_blocked_by_every_spelling(upgraded: Upgraded) -> None:
    store, users, _ = upgraded
    spellings = [digits for user in users for digits in user.spellings]

    for list_id in LISTS:
        answers = await _blocked(store, list_id, spellings)
        assert [digits for digits, answer in zip(spellings, answers, strict=True) if not answer] == []
        one_by_one = [(await _blocked(store, list_id, [digits]))[0] for digits in spellings[:60]]
        assert all(one_by_one)


async def test_a_check_returns_the_earliest_block(upgraded: Upgraded) -> None:
    store, users, _ = upgraded

    for user in users:
        first = user.blocks[LIST][0]
        result = await store.blocked(LISTS[LIST], LIST, [user_of(f"+{digits}") for digits in user.spellings], NOON)
        assert [(block.blocked_at, block.reason) for block in result if block] == [(first.seq, first.reason)] * len(
            user.spellings
        )


async def test_a_user_is_blocked_by_the_linked_user_id(upgraded: Upgraded) -> None:
    store, users, _ = upgraded
    ids = [user.user_id for user in users if user.user_id is not None]

    for list_id, account_id in LISTS.items():
        result = await store.blocked(account_id, list_id, [by_user_id(user_id) for user_id in ids], NOON)
        assert [user_id for user_id, block in zip(ids, result, strict=True) if block is None] == []


async def test_a_user_is_unblocked_by_any_spelling(upgraded: Upgraded) -> None:
    store, users, _ = upgraded

    for nth, user in enumerate(users):
        spelling = user.spellings[nth % len(user.spellings)]
        await store.apply(Unblock(LIST, LISTS[LIST], NOON, [user_of(f"+{spelling}")]))

    assert await _all_rows(store, LIST) == []
    assert not any(await _blocked(store, LIST, [digits for user in users for digits in user.spellings]))


async def test_a_user_is_unblocked_by_the_linked_user_id(upgraded: Upgraded) -> None:
    store, users, _ = upgraded
    linked = [user for user in users if user.user_id is not None]

    await store.apply(Unblock(LIST, LISTS[LIST], NOON, [by_user_id(user.user_id or "") for user in linked]))

    assert not any(await _blocked(store, LIST, [digits for user in linked for digits in user.spellings[:1]]))


async def test_a_message_in_any_spelling_opened_the_window(upgraded: Upgraded) -> None:
    store, users, _ = upgraded
    chosen = [user for user in users if len(user.spellings) > 1]
    await store.apply(Unblock(LIST, LISTS[LIST], NOON, [user_of(f"+{user.spellings[0]}") for user in chosen]))
    members = [user_of(f"+{user.spellings[-1]}") for user in chosen]

    outcome = await store.apply(
        Block(LIST, LISTS[LIST], NOON, "another user", members, written_since=NOON - SECOND // 2)
    )

    assert outcome.refused == {}


async def test_blocking_again_changes_nothing_but_the_details(upgraded: Upgraded) -> None:
    store, users, _ = upgraded
    before = await _all_rows(store, LIST)
    users_before = [user_of(f"+{user.blocks[LIST][0].digits}") for user in users]

    await store.apply(Block(LIST, LISTS[LIST], NOON, "another", users_before))

    after = await _all_rows(store, LIST)
    assert {row.input for row in after} <= {row.input for row in before}
    assert all(row.expires_at is None for row in after)
    assert "another" not in {row.blocked_by for row in after}


@only_when_done
async def test_every_user_is_on_a_page_once_with_the_earlier_block_and_the_later_expiry(upgraded: Upgraded) -> None:
    store, users, _ = upgraded

    for list_id in LISTS:
        firsts = {user.blocks[list_id][0].seq: user for user in users}
        rows = {row.seq: row for row in await _all_rows(store, list_id)}
        assert rows.keys() == firsts.keys()
        for seq, user in firsts.items():
            row, first = rows[seq], user.blocks[list_id][0]
            values = row.input, row.wa_id, row.blocked_at, row.blocked_by, row.reason, row.note, row.user_id
            assert values == ("+" + first.digits, first.digits, seq, "token 0", "reason 0", "note 0", user.user_id)
            assert row.expires_at == user.end(list_id)


@only_when_done
async def test_a_lists_size_and_version_are_right(upgraded: Upgraded) -> None:
    store, users, select = upgraded
    before, _ = full_database()
    versions = {list_id: version for list_id, _, version, _, _ in before.heads}

    for list_id, version, size in select("SELECT list_id, version, size FROM block_list"):
        assert size == len(users)
        assert version > versions[list_id]  # there are fewer rows than before, so older pages are stale
        assert (await store.page(PageRequest(list_id, 1, NOON))).version == version


@only_when_done
async def test_all_rows_have_current_keys(upgraded: Upgraded) -> None:
    _, _, select = upgraded

    for table in ("blocked_user", "identity_alias", "last_inbound"):
        identities = [identity for (identity,) in select(f"SELECT identity FROM {table}")]
        assert [identity for identity in identities if one_spelling(identity) != identity] == []


@only_when_done
async def test_the_last_message_in_any_spelling_is_kept(upgraded: Upgraded) -> None:
    _, users, select = upgraded

    times = {(number, identity): at for number, identity, at in select("SELECT * FROM last_inbound")}

    assert times == {(list_id, one_spelling(user.spellings[0])): NOON for user in users for list_id in LISTS}


@only_when_done
async def test_a_landline_keeps_its_row(upgraded: Upgraded) -> None:
    _, users, select = upgraded
    alone = {user.spellings[0] for user in users if len(user.spellings) == 1}

    identities = {identity for (identity,) in select(f"SELECT identity FROM blocked_user WHERE list_id = '{LIST}'")}

    assert alone <= identities


@only_when_done
async def test_an_upgraded_user_who_is_blocked_in_another_spelling_stays_one_row(upgraded: Upgraded) -> None:
    store, users, _ = upgraded

    for user in users:
        for digits in user.spellings:
            await store.apply(Block(LIST, LISTS[LIST], NOON, "another", [user_of(f"+{digits}")]))

    assert len(await _all_rows(store, LIST)) == len(users)
