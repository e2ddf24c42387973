"""Nodes of the previous version and of this one on one PostgreSQL: a block at one is in force at the other."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import bare_database, connected, fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked, listed, unblock, wrote
from tests.storage.meters import CountingMeter
from tests.storage.old_rows import full_database
from tests.storage.people import by_user_id, user_of, user_with
from tests.storage.version_before import Blocked, OldNode, Rows, fill_postgres, key_before

from wablock.block_list.changes import Carry, Link, Sweep
from wablock.contract.spellings import keys_of, one_spelling
from wablock.storage import CannotOpen, Store
from wablock.storage.postgres import PostgresStore, alias_keys, schema
from wablock.storage.postgres.schema import Migrations, migrate, migrations

OLD, NEW = "22507123456", "2250707123456"
USER_ID = "CI.13491208655302741918"
PARENT = "CI.ENT.11815799212886844830"
EMPTY = Rows({LIST: ACCOUNT}, [], [], [])


@pytest.fixture
async def dsn(tmp_path: Path) -> str:
    """The URL of a database that the previous version created."""
    url = bare_database(tmp_path)
    await asyncio.to_thread(fill_postgres, url, EMPTY)
    return url


@pytest.fixture
async def node(dsn: str) -> AsyncIterator[Callable[[], Store]]:
    """A function that starts nodes of this version, which do not wait before they re-key."""
    async with AsyncExitStack() as stack:

        def started() -> Store:
            store = PostgresStore(dsn, CountingMeter(), quiet_for=0)
            stack.push_async_callback(store.close)
            return store

        yield started


@pytest.fixture
async def old(dsn: str) -> AsyncIterator[OldNode]:
    opened = await OldNode.connected(dsn, ACCOUNT, LIST)
    yield opened
    await opened.close()


@pytest.fixture
async def new(old: OldNode, node: Callable[[], Store]) -> Store:
    """A node of this version beside the old one."""
    del old  # it starts first
    return node()


async def sweeps(store: Store, times: int = 8) -> None:
    for _ in range(times):
        await store.apply(Sweep(NOON, 0))


def works_with(dsn: str) -> int:
    return int(connected(dsn, lambda connection: connection.fetchval("SELECT works_with FROM wablock_schema")))


def identities(dsn: str, table: str = "blocked_user") -> list[str]:
    rows = connected(dsn, lambda connection: connection.fetch(f"SELECT identity FROM {table} ORDER BY identity"))
    return [identity for (identity,) in rows]


@pytest.mark.parametrize("spelling", [OLD, NEW])
async def test_a_user_blocked_at_the_new_node_is_blocked_at_the_old_one(
    old: OldNode, new: Store, spelling: str
) -> None:
    await new.apply(block(user_of(f"+{spelling}")))

    assert await old.is_blocked(spelling, NOON)
    assert await is_blocked(new, user_of(f"+{OLD}"))
    assert await is_blocked(new, user_of(f"+{NEW}"))


@pytest.mark.parametrize("first, second", [(OLD, NEW), (NEW, OLD)])
async def test_a_second_spelling_blocked_at_the_new_node_is_blocked_at_the_old_one_like_the_first(
    old: OldNode, new: Store, first: str, second: str
) -> None:
    await old.block(first, NOON)

    await new.apply(block(user_of(f"+{second}")))

    assert await old.is_blocked(first, NOON)
    assert await old.is_blocked(second, NOON)


@pytest.mark.parametrize("spelling", [OLD, NEW])
async def test_a_user_blocked_at_the_old_node_is_blocked_at_the_new_one_by_every_spelling(
    old: OldNode, new: Store, spelling: str
) -> None:
    await old.block(spelling, NOON)

    assert await is_blocked(new, user_of(f"+{OLD}"))
    assert await is_blocked(new, user_of(f"+{NEW}"))


async def test_a_user_unblocked_at_the_new_node_is_unblocked_at_the_old_one_in_every_spelling(
    old: OldNode, new: Store
) -> None:
    await old.block(OLD, NOON)
    await old.block(NEW, NOON)

    await new.apply(unblock(user_of(f"+{NEW}")))

    assert not await old.is_blocked(OLD, NOON)
    assert not await old.is_blocked(NEW, NOON)
    assert await listed(new) == []


@pytest.mark.parametrize("spelling", [OLD, NEW])
async def test_the_old_node_finds_a_link_of_the_new_node(old: OldNode, new: Store, spelling: str) -> None:
    await old.block(spelling, NOON)

    await new.apply(Link(ACCOUNT, NOON, [user_of(f"+{spelling}", USER_ID)]))

    assert await old.is_blocked_by_id(USER_ID, NOON)
    assert await old.is_blocked(spelling, NOON)
    assert await is_blocked(new, by_user_id(USER_ID))


@pytest.mark.parametrize("linked, blocked", [(OLD, OLD), (OLD, NEW), (NEW, OLD), (NEW, NEW)])
async def test_the_new_node_finds_every_spelling_by_a_link_of_the_old_node(
    old: OldNode, new: Store, linked: str, blocked: str
) -> None:
    await old.link(USER_ID, linked)

    await old.block(blocked, NOON)

    assert await is_blocked(new, by_user_id(USER_ID))


@pytest.mark.parametrize("linked", [OLD, NEW])
async def test_a_user_blocked_by_a_linked_id_at_the_new_node_is_blocked_at_the_old_one(
    old: OldNode, new: Store, linked: str
) -> None:
    await old.link(USER_ID, linked)

    await new.apply(block(by_user_id(USER_ID)))

    assert await old.is_blocked_by_id(USER_ID, NOON)
    assert await old.is_blocked(linked, NOON)


async def test_a_user_who_changes_the_spelling_is_blocked_at_the_old_node_by_both(old: OldNode, new: Store) -> None:
    await old.block(OLD, NOON)

    await new.apply(Carry(ACCOUNT, NOON, user_of(f"+{OLD}"), user_of(f"+{NEW}")))

    assert await old.is_blocked(OLD, NOON)
    assert await old.is_blocked(NEW, NOON)


async def test_a_user_who_changes_the_number_is_blocked_at_the_old_node_by_both(old: OldNode, new: Store) -> None:
    await old.block(NEW, NOON)

    await new.apply(Carry(ACCOUNT, NOON, user_of(f"+{OLD}"), user_of("+22947123456")))

    assert await old.is_blocked("22947123456", NOON)


async def test_a_number_that_the_old_node_linked_is_found_by_the_parent_id_of_its_user_id(
    old: OldNode, new: Store
) -> None:
    parent = user_with(None, USER_ID, PARENT)
    await new.apply(Link(ACCOUNT, NOON, [parent]))
    await old.link(USER_ID, "16505550101")

    await old.block("16505550101", NOON)

    assert await is_blocked(new, user_with(None, None, PARENT))
    assert await is_blocked(new, parent)


async def test_a_user_blocked_by_a_parent_id_at_the_new_node_is_blocked_at_the_old_one(
    old: OldNode, new: Store
) -> None:
    await new.apply(Link(ACCOUNT, NOON, [user_with(None, "CI.1", PARENT), user_with(None, "CI.2", PARENT)]))

    await new.apply(block(user_with(None, "CI.2")))

    assert await old.is_blocked_by_id("CI.1", NOON)
    assert await old.is_blocked_by_id("CI.2", NOON)
    assert await old.is_blocked_by_id(PARENT, NOON)


async def test_a_message_that_the_new_node_noted_opens_the_old_nodes_window(old: OldNode, new: Store, dsn: str) -> None:
    del old

    await new.apply(wrote(user_of(f"+{OLD}")))

    assert identities(dsn, "last_inbound") == [OLD]


async def test_nothing_is_re_keyed_while_an_old_node_is_connected(old: OldNode, new: Store, dsn: str) -> None:
    await old.block(OLD, NOON)
    await old.link(USER_ID, OLD)
    await old.note_inbound(OLD, NOON)

    await sweeps(new)

    assert works_with(dsn) == 1
    assert identities(dsn) == identities(dsn, "identity_alias") == identities(dsn, "last_inbound") == [OLD]
    assert await old.is_blocked_by_id(USER_ID, NOON)


async def test_an_old_node_that_just_started_stops_the_re_keying(dsn: str, node: Callable[[], Store]) -> None:
    new = node()
    await new.apply(block(user_of(f"+{OLD}")))
    await sweeps(new, 1)  # from now on no old node can start; this one has started just before
    late = await OldNode.connected(dsn, ACCOUNT, LIST)

    await sweeps(new)

    assert identities(dsn) == [OLD]
    assert await late.is_blocked(OLD, NOON)
    await late.close()


async def test_rows_are_re_keyed_after_the_last_old_node_has_stopped(old: OldNode, new: Store, dsn: str) -> None:
    await old.block(OLD, NOON)
    await old.block(NEW, NOON)
    await old.link(USER_ID, OLD)
    await old.note_inbound(OLD, NOON)
    await old.close()

    await sweeps(new)

    assert identities(dsn) == identities(dsn, "identity_alias") == identities(dsn, "last_inbound") == [NEW]
    assert await listed(new) == [f"+{OLD}"]
    assert works_with(dsn) == 2


async def test_rows_are_re_keyed_only_after_a_while_without_an_old_node(old: OldNode, dsn: str) -> None:
    await old.block(OLD, NOON)
    await old.close()
    new = PostgresStore(dsn, CountingMeter())  # with the default wait

    await sweeps(new)

    assert identities(dsn) == [OLD]
    assert works_with(dsn) == 1
    await new.close()


async def test_an_old_node_cannot_start_after_rows_were_re_keyed(old: OldNode, new: Store, dsn: str) -> None:
    await old.close()
    await sweeps(new)
    first: Migrations = {1: schema.migrations()[1]}

    async def start(connection: Any) -> None:
        await migrate(connection, first, {}, 1)

    with pytest.raises(CannotOpen, match="written by a newer wablock"):
        await asyncio.to_thread(connected, dsn, start)


async def test_a_late_row_of_an_old_node_is_found_and_re_keyed_by_the_next_sweep(
    old: OldNode, node: Callable[[], Store], dsn: str
) -> None:
    await old.close()
    new = node()
    await sweeps(new, 2)  # the old nodes have stopped; nothing has been re-keyed yet
    straggler = await OldNode.connected(dsn, ACCOUNT, LIST)
    await straggler.block(OLD, NOON)
    await straggler.close()

    assert await is_blocked(new, user_of(f"+{NEW}"))

    await sweeps(new)
    assert identities(dsn) == [NEW]


async def test_a_row_that_an_old_node_writes_after_the_re_keying_is_found_and_re_keyed_by_the_next_block(
    old: OldNode, new: Store, dsn: str
) -> None:
    await old.close()
    await sweeps(new)
    straggler = await OldNode.connected(dsn, ACCOUNT, LIST)
    await straggler.block(OLD, NOON)
    await straggler.close()

    await new.apply(block(user_of(f"+{NEW}")))

    assert identities(dsn) == [NEW]
    assert await listed(new) == [f"+{OLD}"]


async def test_a_node_that_still_writes_former_keys_is_understood_by_the_others(
    old: OldNode, node: Callable[[], Store]
) -> None:
    late = node()
    await old.close()
    new = node()
    await sweeps(new)

    await late.apply(block(user_of(f"+{OLD}", USER_ID)))

    assert await is_blocked(new, user_of(f"+{NEW}"))
    assert await is_blocked(new, by_user_id(USER_ID))
    await new.apply(unblock(user_of(f"+{NEW}")))
    assert not await is_blocked(late, user_of(f"+{OLD}"))


async def test_sessions_of_other_programs_do_not_delay_the_re_keying(old: OldNode, new: Store, dsn: str) -> None:
    await old.close()
    other = await asyncpg.connect(dsn)
    await other.fetchval("SELECT now()")  # such as a monitor

    await sweeps(new)

    assert works_with(dsn) == 2
    await other.close()


async def test_a_session_in_an_open_transaction_counts_as_a_node(old: OldNode, new: Store, dsn: str) -> None:
    await old.close()
    other = await asyncpg.connect(dsn)
    await other.execute("BEGIN")

    await sweeps(new)

    assert works_with(dsn) == 1
    await other.close()


async def test_the_log_names_the_sessions_that_delay_the_re_keying(
    old: OldNode, new: Store, caplog: pytest.LogCaptureFixture
) -> None:
    del old

    with caplog.at_level(logging.INFO, "wablock.storage"):
        await sweeps(new)

    waiting = [message for message in caplog.messages if "may be nodes of the previous version" in message]
    assert len(waiting) == 1
    assert "postgres" in waiting[0]


async def test_a_new_database_refuses_nodes_of_the_previous_version(tmp_path: Path) -> None:
    dsn = bare_database(tmp_path / "new")
    new = PostgresStore(dsn, CountingMeter())

    await new.apply(block(user_of(f"+{OLD}")))

    assert works_with(dsn) == 2
    assert identities(dsn) == [NEW]
    await new.close()


async def test_the_application_name_of_a_url_follows_ours(dsn: str) -> None:
    store = PostgresStore(f"{dsn}&application_name=shop", CountingMeter())
    assert await store.is_ready()

    sessions = connected(
        dsn, lambda connection: connection.fetch("SELECT DISTINCT application_name FROM pg_stat_activity")
    )

    assert f"wablock schema {max(migrations())} shop" in {name for (name,) in sessions}
    await store.close()


async def test_two_nodes_can_re_key_at_the_same_time(tmp_path: Path) -> None:
    rows, users = full_database(6)
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(fill_postgres, dsn, rows)
    nodes = [PostgresStore(dsn, CountingMeter(), quiet_for=0) for _ in range(2)]

    await asyncio.gather(*(sweeps(node) for node in nodes))

    assert len(await listed(nodes[0])) == len(users)
    assert [it for it in identities(dsn) if one_spelling(it) != it] == []
    for node in nodes:
        await node.close()


async def test_callers_find_every_block_while_rows_are_re_keyed(tmp_path: Path) -> None:
    spellings = [(f"22507{number:06}", f"2250707{number:06}") for number in range(3_000)]
    rows = Rows({LIST: ACCOUNT}, [Blocked(LIST, seq + 1, pair[0]) for seq, pair in enumerate(spellings)], [], [])
    rows.aliases = [(ACCOUNT, f"CI.{number}", pair[0]) for number, pair in enumerate(spellings)]
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(fill_postgres, dsn, rows)
    nodes = [PostgresStore(dsn, CountingMeter(), quiet_for=0) for _ in range(2)]
    done = asyncio.Event()
    missed: list[str] = []
    answered = 0

    async def ask(node: PostgresStore, start: int) -> None:
        nonlocal answered
        number = start
        while not done.is_set():
            number = (number + 97) % len(spellings)
            pair = spellings[number]
            users = [user_of(f"+{pair[0]}"), user_of(f"+{pair[1]}"), by_user_id(f"CI.{number}")]
            answers = await node.blocked(ACCOUNT, LIST, users, NOON)
            missed.extend(user.input for user, answer in zip(users, answers, strict=True) if answer is None)
            answered += 1

    asking = [asyncio.create_task(ask(nodes[nth % 2], nth)) for nth in range(4)]
    await sweeps(nodes[0])
    done.set()
    await asyncio.gather(*asking)

    assert missed == []
    assert answered > 20
    assert await asyncio.to_thread(identities, dsn) == sorted(new for _, new in spellings)
    for node in nodes:
        await node.close()


def _kept_keys() -> list[str]:
    """Keys that a link may have: current and former ones, of numbers with every prefix that the rules have."""
    starts = [f"22{country}{two:02}" for country in "59" for two in range(100)]
    starts += [f"22{country}0{put}{two:02}" for country in "59" for put in "1357" for two in range(100)]
    areas = [f"{code:03}" for code in range(100, 500)]
    starts += [f"54{nine}{code}{fifteen}" for nine in ("", "9") for code in areas for fifteen in ("", "15", "015", "4")]
    numbers = [(start + "2345678901")[:length] for start in starts for length in (11, 12, 13, 14)]
    numbers += [(start + "4345678901")[:length] for start in starts for length in (11, 12, 13, 14)]
    return sorted({key(number) for number in numbers for key in (key_before, one_spelling)})


async def test_the_keys_of_a_link_are_those_of_the_rules(tmp_path: Path) -> None:
    statement = f"SELECT number, {alias_keys.keys_of('number')} FROM unnest($1::text[]) AS number"
    numbers = [*_kept_keys(), "16505550100", "551187654321", "447700900100"]

    result = connected(fresh_database(tmp_path), lambda connection: connection.fetch(statement, numbers))

    differ = [(number, keys) for number, keys in result if {*keys, number} - {None} != {*keys_of(number), number}]
    assert len(result) == len(numbers)
    assert differ == []


@pytest.mark.parametrize("seed", range(6))
async def test_any_mix_of_changes_at_both_nodes_loses_no_acknowledged_change(
    old: OldNode, new: Store, dsn: str, seed: int
) -> None:
    """The old node has a block for each key. The new node has a block for each user, under any of the user's keys."""
    users = [(OLD, NEW), ("22997123456", "2290197123456"), ("54111525123456", "5491125123456", "541125123456")]
    choose = random.Random(seed)
    blocked: set[str] = set()

    for _ in range(40):
        user = choose.choice(users)
        spelling = choose.choice(user)
        match choose.choice(["old blocks", "new blocks", "new blocks", "old unblocks", "new unblocks"]):
            case "old blocks":
                await old.block(spelling, NOON)
                blocked.add(key_before(spelling))
            case "new blocks":
                await new.apply(block(user_of(f"+{spelling}")))
                blocked.add(key_before(spelling))
            case "old unblocks":
                await old.unblock(spelling, NOON)
                blocked.discard(key_before(spelling))
            case _:
                await new.apply(unblock(user_of(f"+{spelling}")))
                blocked -= {key_before(digits) for digits in user}
        for digits in [digits for user in users for digits in user]:
            assert await old.is_blocked(digits, NOON) == (key_before(digits) in blocked)
        for user in users:
            expected = any(key_before(digits) in blocked for digits in user)
            assert [await is_blocked(new, user_of(f"+{digits}")) for digits in user] == [expected] * len(user)
    await old.close()
    await sweeps(new)

    still_blocked = [user for user in users if any(key_before(digits) in blocked for digits in user)]
    assert identities(dsn) == sorted(one_spelling(user[0]) for user in still_blocked)
    assert connected(dsn, lambda connection: connection.fetchval("SELECT size FROM block_list")) == len(still_blocked)
