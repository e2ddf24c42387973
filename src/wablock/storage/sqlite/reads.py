"""Pages of block lists on SQLite. They are read in a transaction, so that rows and version are of one moment."""

from typing import Any, Final

import apsw

from wablock.block_list.ports import Microseconds, Page, PageRequest, Row

_NEWEST: Final = 2**63 - 1

# +? and not ?: if a bare parameter searches an index, SQLite plans the statement again for each of its values, because
# the statistics may differ. Planning takes longer than the search itself.
_VERSION = "SELECT version FROM block_list WHERE list_id = +?"
_OLDER = """
SELECT seq, wa_id, user_id FROM blocked_user
WHERE list_id = +? AND seq < +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq DESC LIMIT +?
"""
_OLDER_WITH_DETAILS = """
SELECT seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at FROM blocked_user
WHERE list_id = +? AND seq < +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq DESC LIMIT +?
"""
_NEWER = """
SELECT seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at FROM blocked_user
WHERE list_id = +? AND seq > +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq ASC LIMIT +?
"""
_ANY_FROM = """
SELECT EXISTS (SELECT 1 FROM blocked_user
               WHERE list_id = +? AND seq >= +? AND (expires_at IS NULL OR expires_at > +?))
"""
_ANY_TO = """
SELECT EXISTS (SELECT 1 FROM blocked_user
               WHERE list_id = +? AND seq <= +? AND (expires_at IS NULL OR expires_at > +?))
"""
_NEXT_EXPIRY = "SELECT min(expires_at) FROM blocked_user WHERE list_id = +? AND expires_at > +?"
_STAMP = "PRAGMA data_version"  # changes when another connection of any process commits


def page(connection: apsw.Connection, request: PageRequest) -> Page:
    """See `BlockStore.page`."""
    version: int | None = connection.execute(_VERSION, (request.list_id,)).get
    if version is None:
        return Page((), 0, has_previous=False, has_next=False)
    if request.before is not None:
        return _newer_page(connection, request, version, request.before)
    return _older_page(connection, request, version, request.after)


def _older_page(connection: apsw.Connection, request: PageRequest, version: int, after: int | None) -> Page:
    seq = _NEWEST if after is None else after
    rows, more = _rows(connection, _OLDER_WITH_DETAILS if request.details else _OLDER, request, seq)
    newer = after is not None and _exists(connection, _ANY_FROM, request, after)
    return Page(rows, version, newer, more, _next_expiry(connection, request))


def _newer_page(connection: apsw.Connection, request: PageRequest, version: int, before: int) -> Page:
    rows, more = _rows(connection, _NEWER, request, before)
    rows.reverse()
    older = _exists(connection, _ANY_TO, request, before)
    return Page(rows, version, more, older, _next_expiry(connection, request))


def _next_expiry(connection: apsw.Connection, request: PageRequest) -> Microseconds | None:
    expires_at: Microseconds | None = connection.execute(_NEXT_EXPIRY, (request.list_id, request.at)).get
    return expires_at


def _rows(connection: apsw.Connection, statement: str, request: PageRequest, seq: int) -> tuple[list[Row], bool]:
    """At most `limit` rows, and whether there are more."""
    bindings = (request.list_id, seq, request.at, request.limit + 1)
    rows: list[tuple[Any, ...]] = connection.execute(statement, bindings).fetchall()
    return [Row(*columns) for columns in rows[: request.limit]], len(rows) > request.limit


def _exists(connection: apsw.Connection, statement: str, request: PageRequest, seq: int) -> bool:
    return bool(connection.execute(statement, (request.list_id, seq, request.at)).get)


def stamp(connection: apsw.Connection) -> int:
    """See `BlockStore.stamp`. For a connection that writes nothing itself."""
    version: int = connection.execute(_STAMP).get
    return version
