"""Opening a SQLite file so that a commit survives power loss, and bringing its schema up to date."""

import contextlib
import os
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import rekeying

BUSY_TIMEOUT_MS: Final = 5_000
_HAS_MOVES: Final = 3  # the migration that made the table
_IS_MOVING: Final = "SELECT EXISTS (SELECT 1 FROM move WHERE state <> 'given up')"
# In the file's header: which program this file belongs to.
WABLOCK: Final = 0x7761626C  # "wabl"
WABLOCK_DEV: Final = 0x77616264  # "wabd": `wablock dev` made it


def connect(path: Path, vfs: str | None = None, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> apsw.Connection:
    """A connection whose commits are durable when they return (WAL, synchronous=FULL)."""
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.set_busy_timeout(busy_timeout_ms)
    _use_wal(connection)
    connection.execute(
        "PRAGMA synchronous=FULL; PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON; PRAGMA foreign_keys=ON"
    )
    rekeying.add_functions(connection)
    return connection


_MIGRATING_BUSY_MS: Final = 600_000  # another process may be migrating a large file


def prepare(path: Path, vfs: str | None = None, *, for_development: bool = False) -> None:
    """Create the file if it is missing, apply the missing migrations, and sync it to disk.

    Synced before anybody is answered: otherwise a power cut just after could leave a file that does not open.
    `for_development`: refuse a file that was not made so.
    """
    try:
        folders = make_folders(path)
        _make_file(path)
        _look_before_writing(path, vfs, for_development=for_development)
        connection = connect(path, vfs)
    except (OSError, apsw.Error) as trouble:
        raise CannotOpen(f"Cannot open the database {path}: {trouble}") from trouble
    try:
        with contextlib.closing(connection):
            if schema_version(connection, path) < migrations()[-1][0]:
                connection.set_busy_timeout(_MIGRATING_BUSY_MS)
                connection.pragma("cache_size", -64 * 1_024)  # 64 MB: a migration may touch every row
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, path, WABLOCK_DEV if for_development else WABLOCK)
            connection.execute("COMMIT")  # if this is not reached, closing the connection rolls back
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            with contextlib.suppress(apsw.BusyError):  # another process does it, and the commit was synced
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        for folder in folders:
            sync_folder(folder)
    except (OSError, apsw.Error) as trouble:
        raise CannotOpen(f"Cannot prepare the database {path}: {trouble}") from trouble


def migrations() -> list[tuple[int, str]]:
    """Every migration: its number and its SQL, in order."""
    folder = files("wablock.storage").joinpath("migrations/sqlite")
    scripts = sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), sql) for name, sql in scripts]


def make_folders(path: Path) -> list[Path]:
    """Make the folders that `path` lacks, for their owner alone; returns those whose entries are to be synced."""
    folders = [path.parent]
    while not folders[-1].exists():  # the entry of a new folder is in the one above
        folders.append(folders[-1].parent)
    for folder in reversed(folders[:-1]):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folders


def _make_file(path: Path) -> None:
    """Create an empty file for its owner alone, if it is missing. SQLite would create one that others can read.

    It contains phone numbers. A second process finds the file. SQLite gives the log beside it the same mode.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _look_before_writing(path: Path, vfs: str | None, *, for_development: bool) -> None:
    """Refuse another program's file before any change: `connect` would already turn it into a WAL database."""
    connection = apsw.Connection(str(path), vfs=vfs)
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.execute("BEGIN")  # so that version and tables are of one moment
        is_new = schema_version(connection, path) == 0
        if for_development and not is_new and connection.pragma("application_id") != WABLOCK_DEV:
            raise CannotOpen(
                f"{path} was not made by this wablock dev and may be a production database: name a new file with --data"
            )
    finally:
        connection.close()


def migrate(connection: apsw.Connection, path: Path, application: int = WABLOCK) -> None:
    """Apply the missing migrations, in a transaction of the caller's. A new file becomes one of `application`.

    A database that is being moved, or was, keeps the schema that it has: it takes no writes, and the wablock that
    began the move may go on with it. It is migrated when the move is given up.
    """
    version = schema_version(connection, path)
    if version == migrations()[-1][0] or (version >= _HAS_MOVES and connection.execute(_IS_MOVING).get):
        return
    application = connection.pragma("application_id") or application
    rekeying.add_functions(connection)
    for number, sql in migrations():
        if number > version:
            connection.execute(sql)
            if number == rekeying.MIGRATION:
                rekeying.merge(connection)
            connection.execute(f"PRAGMA user_version={number}; PRAGMA application_id={application}")


def schema_version(connection: apsw.Connection, path: Path) -> int:
    """0 for a new file. Raises `CannotOpen` if the file is another program's or a newer wablock's."""
    version = int(connection.pragma("user_version"))
    application = int(connection.pragma("application_id"))
    if application not in (WABLOCK, WABLOCK_DEV) and (application or version or _has_tables(connection)):
        raise CannotOpen(f"{path} is a database of another program; name another file")
    if version > migrations()[-1][0]:
        raise CannotOpen(f"{path} was written by a newer wablock (schema {version}); upgrade wablock to open it")
    return version


def _has_tables(connection: apsw.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema").get)


def _use_wal(connection: apsw.Connection) -> None:
    """Two processes that open a new file at once race for this, and SQLite's busy timeout does not cover it."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while True:
        try:
            connection.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there, and its entries are journaled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
