"""Databases with the first schema of version 0.1 and rows under its keys; and a node of that version.

Its statements are copied here, because the code no longer has them.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg
import msgspec
from tests.postgres import connected

from wablock.contract.spellings import one_spelling
from wablock.storage.postgres import schema
from wablock.storage.sqlite import connection as sqlite

SQLITE_SCHEMA: Final = 3
POSTGRES_SCHEMA: Final = 1
_OURS: Final = 0x7761626C


def key_before(digits: str) -> str:
    """The key of a number in that version: it has a rule for Brazil, Mexico and Argentina only."""
    is_new = (digits[:3] in ("225", "229") and len(digits) == 11) or (digits[:2] == "54" and len(digits) == 14)
    return digits if is_new else one_spelling(digits)


class Blocked(msgspec.Struct, frozen=True):
    """A row of `blocked_user`, text as `digits`."""

    list_id: str
    seq: int
    digits: str
    user_id: str | None = None
    expires_at: int | None = None
    reason: str | None = None
    note: str | None = None
    blocked_by: str = "another user"

    @property
    def columns(self) -> tuple[Any, ...]:
        text = "+" + self.digits
        return (
            self.list_id,
            self.seq,
            key_before(self.digits),
            self.digits,
            self.user_id,
            text,
            self.seq,
            self.blocked_by,
            self.reason,
            self.note,
            self.expires_at,
        )


class Rows(msgspec.Struct):
    """The rows of a database. `lists`: the account of each list. An alias is an account, a user_id and a number."""

    lists: dict[str, str]
    blocked: list[Blocked]
    aliases: list[tuple[str, str, str]]
    inbound: list[tuple[str, str, int]]

    @property
    def heads(self) -> list[tuple[str, str, int, int, int | None]]:
        """A list's id, account, version, size and next expiry."""
        return [self._head(list_id) for list_id in self.lists]

    @property
    def alias_columns(self) -> list[tuple[str, str, str, str]]:
        return [(account_id, user_id, key_before(digits), digits) for account_id, user_id, digits in self.aliases]

    @property
    def inbound_columns(self) -> list[tuple[str, str, int]]:
        times: dict[tuple[str, str], int] = {}
        for list_id, digits, at in self.inbound:
            place = list_id, key_before(digits)
            times[place] = max(at, times.get(place, at))
        return [(*place, at) for place, at in times.items()]

    def _head(self, list_id: str) -> tuple[str, str, int, int, int | None]:
        rows = [row for row in self.blocked if row.list_id == list_id]
        ends = [row.expires_at for row in rows if row.expires_at is not None]
        return (
            list_id,
            self.lists[list_id],
            max((row.seq for row in rows), default=0),
            len(rows),
            min(ends, default=None),
        )


def fill_sqlite(path: Path, rows: Rows) -> None:
    with closing(sqlite.connect(path)) as connection:
        connection.execute("BEGIN")
        for number, sql in sqlite.migrations()[:SQLITE_SCHEMA]:
            connection.execute(f"{sql}; PRAGMA user_version={number}; PRAGMA application_id={_OURS}")
        accounts = [(account_id,) for account_id in sorted(set(rows.lists.values()))]
        connection.executemany("INSERT INTO account (account_id, created_at) VALUES (?, 1)", accounts)
        connection.executemany("INSERT INTO block_list VALUES (?, ?, ?, ?)", [head[:4] for head in rows.heads])
        connection.executemany(
            "INSERT INTO blocked_user VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row.columns for row in rows.blocked]
        )
        connection.executemany("INSERT INTO identity_alias VALUES (?, ?, ?, ?)", rows.alias_columns)
        connection.executemany("INSERT INTO last_inbound VALUES (?, ?, ?)", rows.inbound_columns)
        connection.execute("COMMIT")


def moving_sqlite(path: Path) -> None:
    """Make the file as the previous version leaves it when a move is interrupted."""
    with closing(sqlite.connect(path)) as connection:
        connection.execute("INSERT INTO move VALUES ('0123', 'moving', 'postgresql://db.example/wablock', 1)")
        for table in ("block_list", "blocked_user", "identity_alias", "last_inbound"):
            for event in ("INSERT", "UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER moved_{table}_{event} BEFORE {event} ON {table} "
                    "BEGIN SELECT raise(ABORT, 'this database was moved, or is being moved'); END"
                )


def fill_postgres(dsn: str, rows: Rows) -> None:
    """Create the tables in an empty database, and fill them."""

    async def fill(connection: Any) -> None:
        first = {POSTGRES_SCHEMA: schema.migrations()[POSTGRES_SCHEMA]}
        citus = {POSTGRES_SCHEMA: schema.migrations("citus")[POSTGRES_SCHEMA]}
        await schema.migrate(connection, first, citus, POSTGRES_SCHEMA)
        await connection.execute("UPDATE wablock_schema SET works_with = 1")
        owned = [(account_id, list_id) for list_id, account_id in rows.lists.items()]
        await connection.executemany("INSERT INTO account_list (account_id, list_id) VALUES ($1, $2)", owned)
        await connection.executemany(
            "INSERT INTO block_list (list_id, account_id, version, size, next_expiry, revision, writers) "
            "VALUES ($1, $2, $3, $4, $5, 1, '{}')",
            rows.heads,
        )
        await connection.executemany(_ADD, [row.columns for row in rows.blocked])
        await connection.executemany(
            "INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled) VALUES ($1, $2, $3, $4, true)",
            rows.alias_columns,
        )
        await connection.executemany(_NOTE, rows.inbound_columns)

    connected(dsn, fill)


_ADD: Final = """
INSERT INTO blocked_user (
  list_id, seq, identity, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (list_id, identity) DO NOTHING
"""
_NOTE: Final = """
INSERT INTO last_inbound (phone_number_id, identity, at) VALUES ($1, $2, $3)
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at)
"""
_HOLD: Final = "SELECT version, size FROM block_list WHERE list_id = $1 FOR UPDATE"
_HEAD: Final = """
UPDATE block_list SET version = $2, size = $3, revision = revision + 1 WHERE list_id = $1
"""
_UNDER: Final = """
SELECT identity FROM blocked_user WHERE list_id = $1 AND identity = ANY($2) AND (expires_at IS NULL OR expires_at > $3)
"""
_REMOVE: Final = "DELETE FROM blocked_user WHERE list_id = $1 AND identity = ANY($2)"
_MEANS: Final = "SELECT identity FROM identity_alias WHERE account_id = $1 AND alias = $2"
_LINK: Final = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled) VALUES ($1, $2, $3, $4, true)
ON CONFLICT (account_id, alias) DO NOTHING
"""


class OldNode:
    """A node of the previous version on PostgreSQL: one session, without a name."""

    def __init__(self, connection: asyncpg.Connection, account_id: str, list_id: str) -> None:
        self._connection = connection
        self._account_id = account_id
        self._list_id = list_id

    @classmethod
    async def connected(cls, dsn: str, account_id: str, list_id: str) -> "OldNode":
        node = cls(await asyncpg.connect(dsn), account_id, list_id)
        await node.is_blocked("16505550100", at=0)
        return node

    async def block(self, digits: str, at: int) -> None:
        async with self._connection.transaction():
            version, size = await self._connection.fetchrow(_HOLD, self._list_id)
            seq = max(at, version + 1)
            added = await self._connection.execute(_ADD, *Blocked(self._list_id, seq, digits).columns)
            if added.endswith(" 1"):
                await self._connection.execute(_HEAD, self._list_id, seq, size + 1)

    async def unblock(self, digits: str, at: int) -> None:
        async with self._connection.transaction():
            version, size = await self._connection.fetchrow(_HOLD, self._list_id)
            removed = await self._connection.execute(_REMOVE, self._list_id, [key_before(digits)])
            count = int(removed.split()[1])
            if count:
                await self._connection.execute(_HEAD, self._list_id, max(at, version + 1), size - count)

    async def is_blocked(self, digits: str, at: int) -> bool:
        return await self._any_under([key_before(digits)], at)

    async def is_blocked_by_id(self, user_id: str, at: int) -> bool:
        meant = await self._connection.fetchval(_MEANS, self._account_id, user_id)
        return await self._any_under([user_id, *([meant] if meant else [])], at)

    async def link(self, user_id: str, digits: str) -> None:
        await self._connection.execute(_LINK, self._account_id, user_id, key_before(digits), digits)

    async def note_inbound(self, digits: str, at: int) -> None:
        await self._connection.execute(_NOTE, self._list_id, key_before(digits), at)

    async def close(self) -> None:
        await self._connection.close()

    async def _any_under(self, names: Sequence[str], at: int) -> bool:
        return bool(await self._connection.fetch(_UNDER, self._list_id, names, at))


def sqlite_rows(path: Path, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with closing(apsw.Connection(str(path))) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(statement, values).fetchall()
        return rows
