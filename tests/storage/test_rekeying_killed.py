"""A process that is killed during re-keying: the next one completes it, and every block is in force all the time."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.postgres import bare_database, connected
from tests.storage.changes import ACCOUNT, LIST, NOON
from tests.storage.meters import CountingMeter
from tests.storage.people import user_of
from tests.storage.test_rekeying import settle
from tests.storage.version_before import Blocked, Rows, fill_postgres, fill_sqlite, sqlite_rows
from tests.waiting import comes_true

from wablock.contract.spellings import one_spelling
from wablock.storage import SqliteStore, Store
from wablock.storage.postgres import PostgresStore

_OPEN = """
import sys
from pathlib import Path
from wablock.storage.sqlite.connection import prepare
print("begun", flush=True)
prepare(Path(sys.argv[1]))
"""
_SWEEP = """
import asyncio, sys
from tests.storage.meters import CountingMeter
from wablock.block_list.changes import Sweep
from wablock.storage.postgres import PostgresStore

async def sweeps() -> None:
    store = PostgresStore(sys.argv[1], CountingMeter(), quiet_for=0)
    print("begun", flush=True)
    while True:
        await store.apply(Sweep(1, 0))

asyncio.run(sweeps())
"""


def _spellings(users: int) -> list[tuple[str, str]]:
    return [(f"22507{number:06}", f"2250707{number:06}") for number in range(users)]


def _rows(users: int) -> Rows:
    """Every user in the old spelling, and every second one in the new spelling too."""
    blocked = [Blocked(LIST, 2 * place + 1, old) for place, (old, _) in enumerate(_spellings(users))]
    blocked += [Blocked(LIST, 2 * place + 2, new) for place, (_, new) in enumerate(_spellings(users)) if place % 2]
    return Rows({LIST: ACCOUNT}, blocked, [], [(LIST, old, NOON) for old, _ in _spellings(users)])


async def _missed(store: Store, users: int) -> list[str]:
    spellings = [digits for pair in _spellings(users) for digits in pair]
    result = await store.blocked(ACCOUNT, LIST, [user_of(f"+{digits}") for digits in spellings], NOON)
    return [digits for digits, block in zip(spellings, result, strict=True) if block is None]


def _started(code: str, argument: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", code, argument], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def _open_and_kill(path: Path, after: float) -> None:
    process = _started(_OPEN, str(path))
    time.sleep(after)  # a kill at any moment is the point
    _kill(process)


def _kill(process: "subprocess.Popen[str]") -> None:
    with process:
        process.send_signal(signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_process_that_is_killed_while_it_migrates_a_sqlite_file_does_not_change_it(tmp_path: Path) -> None:
    path, users = tmp_path / "wablock.db", 20_000
    fill_sqlite(path, _rows(users))
    moment = random.Random(7)

    for _ in range(5):
        _open_and_kill(path, moment.uniform(0, 0.15))
        ((version,),) = sqlite_rows(path, "PRAGMA user_version")
        ((old,),) = sqlite_rows(path, "SELECT count(*) FROM blocked_user WHERE length(identity) = 11")
        assert (version, old) in [(3, users), (4, 0)]

    store = SqliteStore(path, CountingMeter())
    assert await _missed(store, users) == []
    await store.close()
    assert sqlite_rows(path, "SELECT size, (SELECT count(*) FROM blocked_user) FROM block_list") == [(users, users)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_another_node_continues_when_one_is_killed_while_it_re_keys(tmp_path: Path) -> None:
    dsn, users = bare_database(tmp_path), 8_000
    await asyncio.to_thread(fill_postgres, dsn, _rows(users))
    store = PostgresStore(dsn, CountingMeter(), quiet_for=0)

    def former_rows() -> int:
        count = "SELECT count(*) FROM blocked_user WHERE length(identity) = 11"
        return int(connected(dsn, lambda connection: connection.fetchval(count)))

    def sweep_and_kill() -> None:
        process = _started(_SWEEP, dsn)
        comes_true(lambda: former_rows() < users)
        _kill(process)

    await asyncio.to_thread(sweep_and_kill)

    assert 0 < await asyncio.to_thread(former_rows) < users
    assert await _missed(store, users) == []

    await settle(store)
    assert await asyncio.to_thread(former_rows) == 0
    assert await _missed(store, users) == []
    rows = connected(dsn, lambda connection: connection.fetch("SELECT identity FROM blocked_user"))
    assert sorted(it for (it,) in rows) == sorted(one_spelling(new) for _, new in _spellings(users))
    assert connected(dsn, lambda connection: connection.fetchval("SELECT size FROM block_list")) == users
    await store.close()
