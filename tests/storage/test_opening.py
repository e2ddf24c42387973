"""Opening a SQLite file: new, ours, another program's, or missing."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import LIST, NOON, block, is_blocked
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.block_list.pages import PageRequest
from wablock.contract.errors import BlocklistInternalError
from wablock.storage import CannotOpen, SqliteStore, open_store
from wablock.storage.sqlite.connection import connect, migrations, prepare

_OURS = 0x7761626C


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wablock.db"


def _made_by_another(path: Path, statements: str) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    return path.read_bytes()


def _refusal(path: Path) -> str:
    with pytest.raises(CannotOpen) as refusal:
        SqliteStore(path, CountingMeter())
    return str(refusal.value)


def test_a_new_file_gets_the_newest_schema_and_our_application_id(path: Path) -> None:
    prepare(path)

    with closing(apsw.Connection(str(path))) as connection:
        assert connection.pragma("user_version") == migrations()[-1][0]
        assert connection.pragma("application_id") == _OURS


def test_a_new_file_needs_no_log_to_be_read(path: Path) -> None:
    prepare(path)

    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_preparing_twice_changes_nothing(path: Path) -> None:
    prepare(path)
    before = path.read_bytes()

    prepare(path)

    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.touch()

    prepare(path)

    assert path.stat().st_size > 0


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "wablock.db"

    prepare(path)

    assert path.exists()


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


_HAS_MODES = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


@_HAS_MODES
@pytest.mark.usefixtures("generous_umask")
async def test_only_the_owner_can_read_a_new_database_and_its_log(path: Path) -> None:
    store = SqliteStore(path, CountingMeter())
    await store.apply(block(person(1)))

    assert {entry.name: oct(_mode(entry)) for entry in path.parent.iterdir()} == {
        "wablock.db": "0o600",
        "wablock.db-wal": "0o600",
        "wablock.db-shm": "0o600",
    }
    await store.close()


@_HAS_MODES
@pytest.mark.usefixtures("generous_umask")
def test_only_the_owner_can_read_new_folders(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b" / "wablock.db")

    assert [_mode(tmp_path / "a"), _mode(tmp_path / "a" / "b")] == [0o700, 0o700]


@_HAS_MODES
def test_existing_folders_and_files_keep_their_modes(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    (folder / "wablock.db").touch()
    (folder / "wablock.db").chmod(0o640)

    prepare(folder / "wablock.db")

    assert [_mode(folder), _mode(folder / "wablock.db")] == [0o750, 0o640]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read any folder")
def test_a_folder_that_cannot_be_synced_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "unreadable"
    folder.mkdir()
    folder.chmod(0o300)

    refusal = _refusal(folder / "wablock.db")

    assert refusal.startswith("Cannot prepare the database")
    assert "\n" not in refusal
    folder.chmod(0o700)


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [number for number, _ in migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_a_commit_is_synced(path: Path) -> None:
    prepare(path)

    with closing(connect(path)) as connection:
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2  # FULL
        assert connection.pragma("fullfsync") == 1


async def test_a_reopened_database_has_its_blocks(path: Path) -> None:
    store = SqliteStore(path, CountingMeter())
    await store.apply(block(person(1)))
    await store.close()

    again = SqliteStore(path, CountingMeter())

    assert await is_blocked(again, person(1))
    await again.close()


def test_a_newer_schema_is_refused_and_not_changed(path: Path) -> None:
    before = _made_by_another(path, f"PRAGMA application_id={_OURS}; PRAGMA user_version=99; CREATE TABLE t (x)")

    refusal = _refusal(path)

    assert refusal == f"{path} was written by a newer wablock (schema 99); upgrade wablock to open it"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    ["CREATE TABLE notes (text)", "PRAGMA application_id=1196444487", "PRAGMA user_version=1; CREATE TABLE t (x)"],
    ids=["tables", "mark", "version"],
)
def test_another_programs_database_is_refused_and_not_changed(path: Path, statements: str) -> None:
    before = _made_by_another(path, statements)

    refusal = _refusal(path)

    assert refusal == f"{path} is a database of another program; name another file"
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_not_a_database_is_refused_and_not_changed(path: Path) -> None:
    path.write_text("numbers that we block\n" * 100)

    refusal = _refusal(path)

    assert refusal == f"Cannot open the database {path}: file is not a database"
    assert path.read_text() == "numbers that we block\n" * 100


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()

    assert _refusal(path) == f"{path} is a folder; name a file"


def test_a_file_where_a_folder_should_be_is_refused_in_one_line(path: Path) -> None:
    path.touch()

    refusal = _refusal(path / "wablock.db")

    assert refusal.startswith("Cannot open the database")
    assert "\n" not in refusal


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_in_one_line(read_only_folder: Path) -> None:
    refusal = _refusal(read_only_folder / "wablock.db")

    assert refusal.startswith("Cannot open the database")
    assert "\n" not in refusal


def test_many_processes_can_open_one_new_file_at_once(path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from wablock.storage.sqlite.connection import prepare\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "prepare(pathlib.Path(sys.argv[1]))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    assert [process.communicate()[0] for process in processes] == [""] * 6
    assert [process.returncode for process in processes] == [0] * 6


async def test_many_stores_can_open_one_new_file_at_once(path: Path) -> None:
    stores = [SqliteStore(path, CountingMeter()) for _ in range(5)]

    await stores[0].apply(block(person(1)))

    assert [await is_blocked(store, person(1)) for store in stores] == [True] * 5
    for store in stores:
        await store.close()


async def test_a_store_is_opened_by_url(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/with%20space.db", CountingMeter())

    assert (tmp_path / "with space.db").exists()
    await store.close()


@pytest.mark.parametrize("url", ["mysql://somewhere/wablock", "sqlite://wablock.db", "wablock.db", ""])
def test_a_url_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(CannotOpen, match="write sqlite:///path"):
        open_store(url, CountingMeter())


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///"])
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(CannotOpen, match="names no file"):
        open_store(url, CountingMeter())


def _damage(path: Path) -> None:
    """Damage the pages of the lists, but not the header and the schema."""
    which = "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('block_list', 'blocked_user') AND rootpage > 0"
    with closing(apsw.Connection(str(path))) as connection:
        roots = [root for (root,) in connection.execute(which)]
    with path.open("rb+") as file:
        for root in roots:
            file.seek((root - 1) * 4096)
            file.write(b"\xff" * 4096)


async def test_reads_of_a_damaged_file_fail_with_the_contracts_error(path: Path) -> None:
    store = SqliteStore(path, CountingMeter())
    await store.apply(block(person(1)))
    await store.close()
    _damage(path)

    damaged = SqliteStore(path, CountingMeter())

    with pytest.raises(BlocklistInternalError):
        await damaged.page(PageRequest(LIST, 25, NOON))
    with pytest.raises(BlocklistInternalError):
        await damaged.apply(block(person(2)))
    await damaged.close()
