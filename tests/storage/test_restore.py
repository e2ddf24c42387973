"""Restoring a backup after a crash: the database has exactly the content of the backup."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.storage.changes import NOON, SECOND, block, listed
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.storage import SqliteStore
from wablock.storage.sqlite.backups import back_up, restore

_BLOCK_AND_CRASH = """
import asyncio, os, sys
from pathlib import Path
from tests.storage.changes import NOON, SECOND, block
from tests.storage.meters import CountingMeter
from tests.storage.people import people
from wablock.storage import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), CountingMeter())
    for member in people(50, start=100):
        await store.apply(block(member, at=NOON + SECOND))
    os._exit(9)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wablock.db"


@pytest.fixture
async def backup(path: Path, tmp_path: Path) -> Path:
    """A backup of a list of two users, made while a server runs, which crashes later."""
    copy = tmp_path / "backup.db"
    store = SqliteStore(path, CountingMeter())
    await store.apply(block(person(1), person(2)))
    back_up(path, copy, lambda *_: None, replace=False)
    await store.apply(block(person(3)))
    await store.close()
    _run_and_crash(path)
    return copy


def _run_and_crash(path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _BLOCK_AND_CRASH, str(path)], check=False)
    assert ended.returncode == 9


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _restore(path: Path, copy: Path) -> None:
    restore(copy, path, lambda *_: None)


async def test_a_restored_backup_has_exactly_the_backed_up_users(path: Path, backup: Path) -> None:
    assert _log(path).stat().st_size > 0  # the crash left the log of the file that is replaced

    _restore(path, backup)

    store = SqliteStore(path, CountingMeter())
    assert await listed(store) == ["+16505550001", "+16505550002"]
    await store.close()


async def test_a_restored_backup_accepts_writes(path: Path, backup: Path) -> None:
    _restore(path, backup)
    store = SqliteStore(path, CountingMeter())

    await store.apply(block(person(4), at=NOON + SECOND))

    assert await listed(store) == ["+16505550004", "+16505550001", "+16505550002"]
    await store.close()
