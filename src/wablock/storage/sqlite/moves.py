"""The state of a SQLite database's move to another database. See `docs/decisions/0016`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw
import msgspec

from wablock.block_list.ports import Microseconds
from wablock.failures import Overloaded
from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite.connection import connect, migrate, prepare

MOVING: Final = "moving"
MOVED: Final = "moved"

_CURRENT = "SELECT move_id, state, target FROM move WHERE state <> 'given up'"
_IS_KNOWN = "SELECT EXISTS (SELECT 1 FROM move WHERE move_id = ?)"
_GIVE_UP = "UPDATE move SET state = 'given up' WHERE state <> 'given up'"
_BEGIN = "INSERT INTO move (move_id, state, target, begun_at) VALUES (?, 'moving', ?, ?)"
_FINISH = "UPDATE move SET state = 'moved' WHERE move_id = ? AND state <> 'given up'"
# The triggers stop every writer, also a server of an older wablock, which does not read the table.
_TABLES: Final = (
    "account",
    "business_account",
    "phone_number",
    "access_token",
    "block_list",
    "blocked_user",
    "identity_alias",
    "last_inbound",
    "downstream",
    "upstream",
    "shared_list",
    "attachment",
    "event",
    "answered_request",
    "subscription",
    "subscription_cursor",
)
_CLOSE = "".join(
    f"""
CREATE TRIGGER IF NOT EXISTS moved_{table}_{event} BEFORE {event} ON {table}
BEGIN SELECT raise(ABORT, 'this database was moved, or is being moved'); END;
"""
    for table in _TABLES
    for event in ("INSERT", "UPDATE", "DELETE")
)
_OPEN = "".join(
    f"DROP TRIGGER IF EXISTS moved_{table}_{event};" for table in _TABLES for event in ("INSERT", "UPDATE", "DELETE")
)
_BUSY_TIMEOUT_MS: Final = 30_000  # a server may be writing a large batch


class Move(msgspec.Struct, frozen=True):
    """A move that was not cancelled. `target` has no password."""

    move_id: str
    state: str
    target: str


class TakesNoWrites(Overloaded):
    """Nothing was changed, because the database is being moved or was moved. Reads still work."""

    def __init__(self, move: Move) -> None:
        self.move = move
        if move.state == MOVING:
            super().__init__(
                "The database is being moved and accepts no changes now. Nothing was changed. Try again.", 10
            )
        else:
            super().__init__("The database was moved. Nothing was changed; use the server of the new database.", 60)

    def __str__(self) -> str:
        return str(self.details)


def current(connection: apsw.Connection) -> Move | None:
    """The move that is running or finished, and stops writes to this database. None: it accepts writes."""
    row = connection.execute(_CURRENT).fetchone()
    return None if row is None else Move(*row)


def refuse_moved(connection: apsw.Connection, path: Path) -> None:
    """Raises `CannotOpen` if the database was moved: it lacks the changes that the other database has."""
    move = current(connection)
    if move is not None and move.state == MOVED:
        connection.close()
        raise CannotOpen(
            f"{path} was moved to {move.target}: use that database, "
            f"or use this one again, without later changes, after: {way_back(path)}"
        )


def way_back(path: Path) -> str:
    """The command that lets the database at `path` accept writes again."""
    return f"wablock migrate --give-up --from sqlite:///{quote(str(path.absolute()))}"


def of_file(path: Path) -> Move | None:
    """The `current` move of a file, which may be of an older wablock without moves."""
    prepare(path)
    try:
        with contextlib.closing(connect(path)) as connection:
            return current(connection)
    except apsw.Error as error:
        raise CannotOpen(f"Cannot read the database {path}: {error}") from error


def is_known(connection: apsw.Connection, move_id: str) -> bool:
    """Whether this database has a record of the move, in any state."""
    return bool(connection.execute(_IS_KNOWN, (move_id,)).get)


def begin(path: Path, move_id: str, target: str, at: Microseconds, instead_of: Move | None = None) -> None:
    """Start a move, and refuse all writes to this database; durable on return. The move `instead_of` is cancelled.

    Raises `CannotOpen` if `instead_of` is no longer the current move.
    """
    with _changing(path) as connection:
        if current(connection) != instead_of:
            raise CannotOpen(f"Another wablock migrate is moving {path}")
        reopen(connection, path)  # after a move by an older wablock, the rows still have that version's keys
        connection.execute(_BEGIN, (move_id, target, at))
        connection.execute(_CLOSE)


def finish(path: Path, move_id: str) -> None:
    """Mark the move as finished: servers must use the other database. Raises `CannotOpen` if the move was cancelled."""
    with _changing(path) as connection:
        connection.execute(_FINISH, (move_id,))
        if not connection.changes():
            raise CannotOpen(f"The move of {path} was cancelled in the meantime")


def give_up(path: Path) -> None:
    """Let the database accept writes again."""
    with _changing(path) as connection:
        reopen(connection, path)


def reopen(connection: apsw.Connection, path: Path) -> None:
    """Cancel the move, in the caller's transaction; and migrate the schema, which stays the same during a move."""
    connection.execute(_GIVE_UP)
    connection.execute(_OPEN)
    migrate(connection, path)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[apsw.Connection]:
    try:
        with contextlib.closing(connect(path, busy_timeout_ms=_BUSY_TIMEOUT_MS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
    except apsw.Error as error:
        raise CannotOpen(f"Cannot write to the database {path}: {error}") from error
