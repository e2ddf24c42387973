"""Connections to a SQLite file whose commits survive power loss; and the migration of its schema."""

import contextlib
import os
import time
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import rekeying

BUSY_TIMEOUT_MS: Final = 5_000
_CACHE_KB: Final = 16 * 1_024  # users' numbers lie all over the index: SQLite's own 2 MB hold too little of it
_LARGEST_EMPTY_LOG: Final = 64 * 1_024**2  # bytes: a log that grew while it was read is cut when it is used again
_HAS_MOVES: Final = 3  # the migration that adds the table
_IS_MOVING: Final = "SELECT EXISTS (SELECT 1 FROM move WHERE state <> 'given up')"
# The application id in the file's header.
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
    connection.pragma("cache_size", -_CACHE_KB)
    connection.pragma("journal_size_limit", _LARGEST_EMPTY_LOG)
    rekeying.add_functions(connection)
    return connection


_MIGRATING_BUSY_MS: Final = 600_000  # another process may be migrating a large file


def prepare(path: Path, vfs: str | None = None, *, for_development: bool = False) -> None:
    """Create the file if it is missing, apply the missing migrations, and sync it to disk.

    It is synced before the first response: otherwise a power cut could leave a file that does not open.
    `for_development`: refuse a file that another command created.
    """
    try:
        check_is_file(path)
        folders = make_folders(path)
        _make_file(path)
        _look_before_writing(path, vfs, for_development=for_development)
        connection = connect(path, vfs)
    except (OSError, apsw.Error) as error:
        raise CannotOpen(f"Cannot open the database {path}: {error}") from error
    try:
        with contextlib.closing(connection):
            if schema_version(connection, path) < migrations()[-1][0]:
                connection.set_busy_timeout(_MIGRATING_BUSY_MS)
                connection.pragma("cache_size", -64 * 1_024)  # 64 MB: a migration may touch every row
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, path, WABLOCK_DEV if for_development else WABLOCK)
            connection.execute("COMMIT")  # after an error, closing the connection rolls back
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            with contextlib.suppress(apsw.BusyError):  # another process does the checkpoint, and the commit was synced
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        for folder in folders:
            sync_folder(folder)
    except (OSError, apsw.Error) as error:
        raise CannotOpen(f"Cannot prepare the database {path}: {error}") from error


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """Every migration: its number and its SQL, in order."""
    folder = files("wablock.storage").joinpath("migrations/sqlite")
    scripts = sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((int(name.split("_")[0]), sql) for name, sql in scripts)


def check_is_file(path: Path) -> None:
    """Raises `CannotOpen` if there is something else, such as a device or a folder: SQLite would write to it."""
    if path.exists() and not path.is_file():
        raise CannotOpen(f"{path} is a {'folder' if path.is_dir() else 'device or a pipe'}; name a file")


def make_folders(path: Path) -> list[Path]:
    """Make the missing folders of `path`, which only their owner can read. Return the folders to sync."""
    folders = [path.parent]
    while not folders[-1].exists():  # a new folder's entry is in its parent
        folders.append(folders[-1].parent)
    for folder in reversed(folders[:-1]):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folders


def _make_file(path: Path) -> None:
    """Create an empty file that only its owner can read, if it is missing. SQLite would let other users read it.

    The file contains phone numbers. SQLite gives the log beside it the same mode.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _look_before_writing(path: Path, vfs: str | None, *, for_development: bool) -> None:
    """Refuse another program's file without changing it: `connect` would turn it into a WAL database."""
    connection = apsw.Connection(str(path), vfs=vfs)
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.execute("BEGIN")  # version and tables must be of one moment
        is_new = schema_version(connection, path) == 0
        if for_development and not is_new and connection.pragma("application_id") != WABLOCK_DEV:
            raise CannotOpen(
                f"{path} was not made by this wablock dev and may be a production database: name a new file with --data"
            )
    finally:
        connection.close()


def migrate(connection: apsw.Connection, path: Path, application: int = WABLOCK) -> None:
    """Apply the missing migrations, in the caller's transaction. A new file gets the application id `application`.

    A database that was moved, or is being moved, keeps its schema: it accepts no writes, and the wablock that began the
    move may continue it. It is migrated when the move is cancelled.
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
    """The schema's version; 0 for a new file. Raises `CannotOpen` for a file of another program or a newer wablock."""
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
    """Switch to WAL. Retried: if two processes open a new file at once, one fails in spite of the busy timeout."""
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
    if os.name == "nt":  # Windows cannot open a folder, and journals its entries
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
