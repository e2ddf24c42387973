"""Rows that a process of the previous version writes after the upgrade: they are found by every key, and re-keyed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import connected, fresh_cluster, fresh_database
from tests.storage.adapters import ADAPTERS, Opener
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked, listed, only_row, unblock, wrote
from tests.storage.people import by_user_id, user_of
from tests.storage.version_before import Blocked, sqlite_rows

from wablock.block_list.changes import Carry, Link
from wablock.storage import Store

pytestmark = pytest.mark.databases

OLD, NEW, OTHER = "54111525123456", "5491125123456", "16505550100"
USER_ID = "AR.13491208655302741918"

Write = Callable[[str, tuple[Any, ...]], Awaitable[None]]

_ROW = """
INSERT INTO blocked_user (
  list_id, seq, identity, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_GROWN = "UPDATE block_list SET size = size + 1, version = version + 1 WHERE list_id = $1"
_INBOUND = "INSERT INTO last_inbound (phone_number_id, identity, at) VALUES ($1, $2, $3)"
_SQLITE_ALIAS = "INSERT INTO identity_alias (account_id, alias, identity, wa_id) VALUES ($1, $2, $3, $4)"
_POSTGRES_ALIAS = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled) VALUES ($1, $2, $3, $4, true)
"""


@pytest.fixture
def write(opener: Opener, tmp_path: Path) -> Write:
    """Run a statement of the previous version, on either database."""

    async def on_sqlite(statement: str, values: tuple[Any, ...]) -> None:
        sqlite_rows(tmp_path / "wablock.db", statement, values)

    async def on_postgres(statement: str, values: tuple[Any, ...]) -> None:
        statement = _POSTGRES_ALIAS if statement == _SQLITE_ALIAS else statement
        url = (fresh_cluster if opener is ADAPTERS["cluster"] else fresh_database)(tmp_path)
        await asyncio.to_thread(connected, url, lambda connection: connection.execute(statement, *values))

    return on_sqlite if opener is ADAPTERS["sqlite"] else on_postgres


@pytest.fixture
async def straggler(store: Store, write: Write) -> Store:
    """A store with a list that has the old spelling, under the key of the previous version."""
    await store.apply(block(user_of(f"+{OTHER}")))
    await store.apply(unblock(user_of(f"+{OTHER}")))
    await write(_ROW, Blocked(LIST, NOON - 9, OLD, reason="spam").columns)
    await write(_GROWN, (LIST,))
    return store


async def test_it_is_found_by_every_spelling_alone_and_among_others(straggler: Store) -> None:
    for digits in (OLD, NEW, "541125123456"):
        assert await is_blocked(straggler, user_of(f"+{digits}"))
    many = [user_of(f"+1650555{number:04}") for number in range(10)]
    result = await straggler.blocked(ACCOUNT, LIST, [*many, user_of(f"+{NEW}"), user_of(f"+{NEW}", USER_ID)], NOON)
    assert [block is not None for block in result] == [False] * 10 + [True, True]


async def test_it_is_found_together_with_a_user_id_without_a_link(straggler: Store) -> None:
    assert await is_blocked(straggler, user_of(f"+{NEW}", USER_ID))


async def test_blocking_again_keeps_one_row(straggler: Store) -> None:
    await straggler.apply(block(user_of(f"+{NEW}")))

    row = await only_row(straggler)
    assert (row.input, row.reason, row.seq) == (f"+{OLD}", "spam", NOON - 9)


async def test_rows_of_both_keys_are_merged_when_the_user_is_blocked_again(straggler: Store, write: Write) -> None:
    later = Blocked(LIST, NOON - 5, "541125123456", expires_at=NOON + 5)
    await write(_ROW, later.columns)
    await write(_GROWN, (LIST,))

    await straggler.apply(block(user_of(f"+{NEW}"), at=NOON))

    row = await only_row(straggler)
    assert (row.input, row.expires_at) == (f"+{OLD}", None)


@pytest.mark.parametrize("digits", [OLD, NEW, "541125123456"])
async def test_any_spelling_unblocks(straggler: Store, digits: str) -> None:
    await straggler.apply(unblock(user_of(f"+{digits}")))

    assert await listed(straggler) == []
    assert not await is_blocked(straggler, user_of(f"+{OLD}"))


@pytest.mark.parametrize("digits", [OLD, NEW])
async def test_it_is_found_by_a_user_id_that_is_linked_later(straggler: Store, digits: str) -> None:
    await straggler.apply(Link(ACCOUNT, NOON, [user_of(f"+{digits}", USER_ID)]))

    assert await is_blocked(straggler, by_user_id(USER_ID))
    assert (await only_row(straggler)).user_id == USER_ID


async def test_it_is_found_by_a_link_of_the_previous_version_also_after_re_keying(
    straggler: Store, write: Write
) -> None:
    await write(_SQLITE_ALIAS, (ACCOUNT, USER_ID, OLD, OLD))
    assert await is_blocked(straggler, by_user_id(USER_ID))

    await straggler.apply(block(user_of(f"+{NEW}")))

    assert await is_blocked(straggler, by_user_id(USER_ID))
    await straggler.apply(unblock(by_user_id(USER_ID)))
    assert await listed(straggler) == []


@pytest.mark.parametrize("meaning", [OLD, "541125123456"])
async def test_a_link_and_a_row_of_different_versions_are_one_user(
    straggler: Store, write: Write, meaning: str
) -> None:
    await write(_SQLITE_ALIAS, (ACCOUNT, USER_ID, meaning, OLD))

    assert await is_blocked(straggler, by_user_id(USER_ID))


async def test_a_late_link_of_the_previous_version_finds_the_current_row(store: Store, write: Write) -> None:
    await store.apply(block(user_of(f"+{NEW}")))

    await write(_SQLITE_ALIAS, (ACCOUNT, USER_ID, OLD, OLD))

    assert await is_blocked(store, by_user_id(USER_ID))


async def test_a_user_who_is_blocked_by_an_id_that_the_previous_version_linked_stays_one_row(
    straggler: Store, write: Write
) -> None:
    await write(_SQLITE_ALIAS, (ACCOUNT, USER_ID, OLD, OLD))

    await straggler.apply(block(by_user_id(USER_ID)))

    assert (await only_row(straggler)).input == f"+{OLD}"


async def test_the_block_is_copied_to_the_new_number(straggler: Store) -> None:
    await straggler.apply(Carry(ACCOUNT, NOON, user_of(f"+{NEW}"), user_of("+16505550123")))

    assert await is_blocked(straggler, user_of("+16505550123"))


async def test_a_block_that_is_copied_to_the_user_is_no_second_row(straggler: Store) -> None:
    await straggler.apply(block(user_of(f"+{OTHER}")))

    await straggler.apply(Carry(ACCOUNT, NOON, user_of(f"+{OTHER}"), user_of(f"+{NEW}")))

    assert sorted(await listed(straggler)) == sorted([f"+{OTHER}", f"+{OLD}"])


async def test_the_user_counts_once_for_the_lists_size_and_is_not_added(straggler: Store) -> None:
    again = await straggler.apply(block(user_of(f"+{NEW}"), max_size=1))
    full = await straggler.apply(block(user_of(f"+{OTHER}"), max_size=1))

    assert (list(again.refused), list(full.refused)) == ([], [0])


async def test_a_message_that_the_previous_version_stored_opens_the_window(store: Store, write: Write) -> None:
    await store.apply(wrote(user_of(f"+{OTHER}")))
    await write(_INBOUND, (LIST, OLD, NOON))

    outcome = await store.apply(block(user_of(f"+{NEW}"), written_since=NOON - 1))

    assert outcome.refused == {}
