"""Backups of a SQLite database, made and restored while servers use it."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec

from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import moves
from wablock.storage.sqlite.connection import check_is_file, make_folders, prepare, schema_version, sync_folder
from wablock.storage.sqlite.copying import copy

_PAGES_AT_A_TIME: Final = 2_500  # of 4 KiB
_CONTENTS = "SELECT (SELECT count(*) FROM block_list WHERE account_id <> ''), (SELECT count(*) FROM blocked_user)"

Progress = Callable[[int, int], None]
"""Called with the number of pages that are copied, and the number of all pages."""


class Contents(msgspec.Struct, frozen=True):
    """The numbers of rows in a database."""

    lists: int
    users: int


class TargetExists(CannotOpen):
    """The backup's file exists already, and was not replaced."""


def back_up(database: Path, target: Path, progress: Progress, *, replace: bool) -> Contents:
    """Write the content that `database` had at one moment to the file `target`. It is complete and durable on return.

    Raises `CannotOpen`, and then does not change `target`.
    """
    if target.exists() and database.exists() and target.samefile(database):
        raise CannotOpen(f"{target} is the database itself; name another file for the backup")
    check_is_file(target)
    if target.exists() and not replace:
        raise TargetExists(f"{target} exists already")
    with _whole_copy(database, target, progress) as part:
        contents = contents_of(part)
        _put(part, target, replace=replace)
    return contents


def restore(source: Path, database: Path, progress: Progress) -> Contents:
    """Replace the content of `database` by that of the backup `source`, also for running servers. Durable on return.

    The earlier content is lost; see `contents`. Raises `CannotOpen`, and then changes nothing.
    """
    if source.exists() and database.exists() and source.samefile(database):
        raise CannotOpen(f"{source} is the database itself; name a backup of it")
    contents(database)
    for folder in make_folders(database):
        sync_folder(folder)
    with _whole_copy(source, database, progress) as part:
        prepare(part)
        _reopen(part)
        prepare(database)
        copy(part, database)
        return contents_of(part)


def contents(database: Path) -> Contents:
    """The numbers of rows in `database`. Raises `CannotOpen` if it was moved: then nothing may be restored to it."""
    check_is_file(database)
    if not database.exists():
        return Contents(0, 0)
    move = moves.of_file(database)
    if move is not None:
        raise CannotOpen(
            f"{database} {'was' if move.state == moves.MOVED else 'is being'} moved to {move.target}; "
            f"to use it again instead: {moves.way_back(database)}"
        )
    return contents_of(database)


def contents_of(path: Path) -> Contents:
    try:
        with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
            return Contents(*connection.execute(_CONTENTS).get)
    except apsw.Error as error:
        raise CannotOpen(f"Cannot read the database {path}: {error}") from error


@contextlib.contextmanager
def _whole_copy(source: Path, beside: Path, progress: Progress) -> Iterator[Path]:
    """A checked copy, durable, in a temporary file that only its owner can read. It is deleted at the end."""
    part = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}.part")
    try:
        _check_place(source)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _copy_and_check(source, part, progress)
        _sync(part)
        yield part
    except (OSError, apsw.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error  # not the name of the temporary file
        raise CannotOpen(f"Cannot copy {source} to {beside}: {reason}") from error
    finally:
        for file in (part, *(part.with_name(part.name + ending) for ending in ("-wal", "-shm", "-journal"))):
            file.unlink(missing_ok=True)


def _copy_and_check(source: Path, part: Path, progress: Progress) -> None:
    reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    writing = apsw.Connection(str(part))
    with contextlib.closing(reading), contextlib.closing(writing):
        # One read transaction: without it, each write of a server would restart the copy.
        reading.execute("BEGIN")
        if not schema_version(reading, source):
            raise CannotOpen(f"{source} is empty: it is not a wablock database")
        writing.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF")  # the finished file is synced
        with writing.backup("main", reading, "main") as backup:
            while not backup.done:
                backup.step(_PAGES_AT_A_TIME)
                progress(backup.page_count - backup.remaining, backup.page_count)
        writing.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        report = str(writing.execute("PRAGMA integrity_check(1)").get)
        if report != "ok":
            raise CannotOpen(f"{source} is damaged: {' '.join(report.split())}")


def _put(part: Path, target: Path, *, replace: bool) -> None:
    if replace:
        part.replace(target)
    else:
        try:
            os.link(part, target)  # unlike a rename, it never replaces another file
        except FileExistsError:
            raise TargetExists(f"{target} exists already") from None
        except OSError:  # a file system without links
            part.replace(target)
    sync_folder(target.parent)


def _check_place(source: Path) -> None:
    if not source.is_file():
        raise CannotOpen(f"There is no database {source}")


def _reopen(part: Path) -> None:
    """Let the copy accept writes, also if its database was being moved when the backup was made."""
    with contextlib.closing(apsw.Connection(str(part))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        moves.reopen(connection, part)
        connection.execute("COMMIT")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
