"""The re-keying of rows that the previous version stored under former keys, after its last node has stopped.

Nodes of this version find a user under every key; those of the previous version look under one key only. So first nodes
of the previous version are kept from starting. When none has been connected for a while, this version writes only
current keys, and rows are re-keyed list by list. See `docs/decisions/0018`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from wablock.block_list.list_changes import ListChange, Rekey
from wablock.block_list.ports import Microseconds, Outcome
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import one_spelling
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.sessions import NAMED, Connection

_log = logging.getLogger("wablock.storage")

QUIET_FOR: Final = 900.0  # seconds; a node that lost its connections reconnects much earlier, with its next sweep
REKEYED: Final = 2
"""The schema that a node needs if all rows have current keys."""

_STATE = "SELECT older_are_gone FROM wablock_rekeying WHERE only_row"
_WORKS_WITH = "SELECT works_with FROM wablock_schema WHERE only_row"
# A session may be a node if its role may read the lists, and if its last statement names one of our tables, begins or
# ends a transaction, is hidden from us, or is missing.
_OLDER = """
SELECT DISTINCT usename, application_name FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
  AND starts_with(coalesce(application_name, ''), $1) IS FALSE
  AND starts_with(coalesce(application_name, ''), 'citus_internal') IS FALSE
  AND has_table_privilege(usesysid, 'blocked_user', 'SELECT')
  AND query ~* $2
"""
_OF_A_NODE: Final = (
    "block|identity_alias|last_inbound|phone_number|account|access_token|downstream|upstream|wablock|set_config"
    r"|insufficient privilege|^\s*(begin|start|commit|rollback|set|$)"
)
_REFUSE_OLDER_NODES = "UPDATE wablock_schema SET works_with = $1 WHERE only_row AND works_with < $1"
_OLDER_ARE_GONE = "UPDATE wablock_rekeying SET older_are_gone = true WHERE only_row"
_ALL_DONE = "DELETE FROM wablock_rekeying"

_LISTS = "SELECT DISTINCT list_id FROM account_list ORDER BY list_id"
_OF_LISTS = "SELECT list_id, account_id FROM block_list WHERE list_id = ANY($1)"
# Reads a slice in the order of the key. Returns the rows that may have a former key, and the last row: the next slice
# starts after it. The limit is on the slice: millions of users may have no former key.
_FORMER = """
SELECT identity, list_id FROM (
  SELECT identity, list_id, max(identity) OVER () AS last FROM (
    SELECT identity, list_id FROM blocked_user
    WHERE list_id = ANY($1) AND identity > $2 AND identity < $3 ORDER BY identity LIMIT $5
  ) AS slice
) AS slice
WHERE length(identity) = $4 OR identity = last
"""
_FORMER_INBOUND = """
SELECT identity, phone_number_id FROM (
  SELECT identity, phone_number_id, max(identity) OVER () AS last FROM (
    SELECT identity, phone_number_id FROM last_inbound
    WHERE phone_number_id = ANY($1) AND identity > $2 AND identity < $3 ORDER BY identity LIMIT $5
  ) AS slice
) AS slice
WHERE length(identity) = $4 OR identity = last
"""
_FORMER_ALIASES = """
SELECT identity, account_id, alias FROM (
  SELECT identity, account_id, alias, max(identity) OVER () AS last FROM (
    SELECT identity, account_id, alias FROM identity_alias
    WHERE identity > $1 AND identity < $2 ORDER BY identity LIMIT $4
  ) AS slice
) AS slice
WHERE length(identity) = $3 OR identity = last
"""
_REKEY_ALIAS = "UPDATE identity_alias SET identity = $4 WHERE account_id = $1 AND alias = $2 AND identity = $3"

_RANGES: Final = (("225", "226", 11), ("229", "22:", 11), ("54", "55", 14))
"""The identities whose keys may have changed: greater than the first, less than the second, and of this length."""
_MOST_LISTS: Final = 1_000  # in one statement
_SLICE: Final = 10_000  # read in one statement
_MOST_IN_A_CHANGE: Final = 1_000  # of one list, so that no block waits long
_MOST: Final = 100_000  # in one sweep; the next continues

ApplyToList = Callable[[str, ListChange], Awaitable[Outcome]]


class Rekeying:
    """Re-keys rows as soon as it is possible, one step per sweep. Any number of nodes may do this."""

    def __init__(self, connections: Connections, apply: ApplyToList, keys: KeysInUse, quiet_for: float) -> None:
        self._connections = connections
        self._apply = apply
        self._keys = keys
        self._quiet_for = quiet_for
        self._is_done = False
        self._since: dict[str, float] = {}
        """Facts that have been true without a break, each with the time since when."""
        self._waited_for = ""

    async def step(self, at: Microseconds) -> None:
        """Do one step. If it fails, the next one continues."""
        if self._is_done:
            return
        older_are_gone = await self._value(_STATE)
        if older_are_gone is None:
            self._keys.beside_older, self._is_done = False, True
        elif older_are_gone:
            self._keys.beside_older = False
            # Another node may read this state later, and write former keys until then.
            if not await self._rekey(at):
                self._since.clear()
            elif self._for_a_while("nothing is left"):
                await self._execute(_ALL_DONE)
                _log.info("all rows have current keys")
        else:
            await self._wait_for_older_nodes()

    async def _wait_for_older_nodes(self) -> None:
        older = await self._fetch(_OLDER, NAMED, _OF_A_NODE)
        if older:
            self._since.clear()
            self._log_waiting(older)
        elif await self._value(_WORKS_WITH) < REKEYED:
            if self._for_a_while("none connected"):
                await self._execute(_REFUSE_OLDER_NODES, REKEYED)
                _log.info(
                    "nodes of the previous version cannot start now: none was connected for %s s", self._quiet_for
                )
        # A node may have started just before this, and not be connected yet.
        elif self._for_a_while("none connected, and none can start"):
            await self._execute(_OLDER_ARE_GONE)

    def _log_waiting(self, older: Sequence[Sequence[str | None]]) -> None:
        names = ", ".join(sorted(f"{user} ({name or 'without a name'})" for user, name in older))
        if names != self._waited_for:
            _log.info("sessions that may be nodes of the previous version are connected: %s", names)
            self._waited_for = names

    def _for_a_while(self, fact: str) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault(fact, now) >= self._quiet_for

    async def _rekey(self, at: Microseconds) -> bool:
        """Whether all rows are re-keyed."""
        lists = [list_id for (list_id,) in await self._fetch(_LISTS)]
        most = _MOST
        for start in range(0, len(lists), _MOST_LISTS):
            some = lists[start : start + _MOST_LISTS]
            for after, end, length in _RANGES:
                most -= await self._rekey_lists(some, after, end, length, at, most)
        for after, end, length in _RANGES:
            most -= await self._rekey_aliases(after, end, length, most)
        return most == _MOST

    async def _rekey_lists(
        self, lists: Sequence[str], after: str, end: str, length: int, at: Microseconds, most: int
    ) -> int:
        """Re-key about `most` rows, and return their number."""
        count = 0
        for statement in (_FORMER, _FORMER_INBOUND):
            last = after
            while count < most and (rows := await self._fetch(statement, lists, last, end, length, _SLICE)):
                names = _by_list(rows)
                count += sum(map(len, names.values()))
                await self._rekey_these(names, at)
                # Rows of the last identity may be missing, if many lists have it: the next sweep re-keys them.
                last = max(identity for identity, _ in rows)
        return count

    async def _rekey_these(self, names: dict[str, list[str]], at: Microseconds) -> None:
        if not names:
            return
        for list_id, account_id in await self._fetch(_OF_LISTS, list(names)):
            for start in range(0, len(names[list_id]), _MOST_IN_A_CHANGE):
                these = names[list_id][start : start + _MOST_IN_A_CHANGE]
                try:
                    await self._apply(list_id, Rekey(account_id, at, these))
                except UnknownObject:  # the number was removed, or has another account
                    break

    async def _rekey_aliases(self, after: str, end: str, length: int, most: int) -> int:
        count = 0
        while count < most and (rows := await self._fetch(_FORMER_ALIASES, after, end, length, _SLICE)):
            changed = [
                (account_id, alias, identity, one_spelling(identity))
                for identity, account_id, alias in rows
                if one_spelling(identity) != identity
            ]
            count += len(changed)
            if changed:
                await self._connections.run(lambda connection: connection.executemany(_REKEY_ALIAS, changed))  # noqa: B023 - awaited
            after = max(row[0] for row in rows)
        return count

    async def _fetch(self, statement: str, *args: object) -> Sequence[Any]:
        return await self._connections.run(lambda connection: connection.fetch(statement, *args))

    async def _value(self, statement: str, *args: object) -> Any:
        return await self._connections.run(lambda connection: connection.fetchval(statement, *args))

    async def _execute(self, statement: str, *args: object) -> None:
        async def execute(connection: Connection) -> None:
            await connection.execute(statement, *args)

        await self._connections.run(execute)


async def may_be_beside_older(connection: Connection) -> bool:
    """Whether the database allows nodes of the previous version."""
    return await connection.fetchval(_STATE) is False


def _by_list(rows: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for identity, list_id in rows:
        if one_spelling(identity) != identity:
            names.setdefault(list_id, []).append(identity)
    return names
