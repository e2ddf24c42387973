"""Pages of block lists on SQLite. They are read in a transaction, so that rows and version are of one moment."""

from itertools import starmap
from typing import Any, Final

import apsw

from wablock.block_list.pages import Page, PageRequest, Row

_NEWEST: Final = 2**63 - 1

# +? and not ?: if a bare parameter searches an index, SQLite plans the statement again for each of its values, because
# the statistics may differ. Planning takes longer than the search itself.
_HEAD = """
SELECT version, (SELECT min(expires_at) FROM blocked_user
                 WHERE blocked_user.list_id = block_list.list_id AND expires_at > +?2)
FROM block_list WHERE list_id = +?1
"""
_HEAD_AND_NEWER = """
SELECT version, (SELECT min(expires_at) FROM blocked_user
                 WHERE blocked_user.list_id = block_list.list_id AND expires_at > +?2),
  EXISTS (SELECT 1 FROM blocked_user
          WHERE blocked_user.list_id = block_list.list_id AND seq >= +?3 AND (expires_at IS NULL OR expires_at > +?2))
FROM block_list WHERE list_id = +?1
"""
_HEAD_AND_OLDER = """
SELECT version, (SELECT min(expires_at) FROM blocked_user
                 WHERE blocked_user.list_id = block_list.list_id AND expires_at > +?2),
  EXISTS (SELECT 1 FROM blocked_user
          WHERE blocked_user.list_id = block_list.list_id AND seq <= +?3 AND (expires_at IS NULL OR expires_at > +?2))
FROM block_list WHERE list_id = +?1
"""
_OLDER = """
SELECT seq, wa_id, user_id FROM blocked_user
WHERE list_id = +? AND seq < +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq DESC LIMIT +?
"""
_OLDER_WITH_DETAILS = """
SELECT seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
  updated_at, updated_by, source, batch_id
FROM blocked_user
WHERE list_id = +? AND seq < +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq DESC LIMIT +?
"""
_NEWER = """
SELECT seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
  updated_at, updated_by, source, batch_id
FROM blocked_user
WHERE list_id = +? AND seq > +? AND (expires_at IS NULL OR expires_at > +?)
ORDER BY seq ASC LIMIT +?
"""
_STAMP = "PRAGMA data_version"  # changes when another connection of any process commits


def page(connection: apsw.Connection, request: PageRequest) -> Page:
    """See `BlockStore.page`."""
    list_id, at = request.list_id, request.at
    if request.before is not None:
        head = connection.execute(_HEAD_AND_OLDER, (list_id, at, request.before)).fetchone()
    elif request.after is not None:
        head = connection.execute(_HEAD_AND_NEWER, (list_id, at, request.after)).fetchone()
    else:
        head = connection.execute(_HEAD, (list_id, at)).fetchone()
    if head is None:
        return Page((), 0, has_previous=False, has_next=False)
    version, next_expiry, *is_beyond = head
    has_beyond = bool(is_beyond and is_beyond[0])
    if request.before is not None:
        rows, has_more = _rows(connection, _NEWER, request, request.before)
        rows.reverse()
        return Page(rows, version, has_more, has_beyond, next_expiry)
    older = _OLDER_WITH_DETAILS if request.details else _OLDER
    rows, has_more = _rows(connection, older, request, _NEWEST if request.after is None else request.after)
    return Page(rows, version, has_beyond, has_more, next_expiry)


def _rows(connection: apsw.Connection, statement: str, request: PageRequest, seq: int) -> tuple[list[Row], bool]:
    """At most `limit` rows, and whether there are more."""
    bindings = (request.list_id, seq, request.at, request.limit + 1)
    rows: list[tuple[Any, ...]] = connection.execute(statement, bindings).fetchall()
    return list(starmap(Row, rows[: request.limit])), len(rows) > request.limit


def stamp(connection: apsw.Connection) -> int:
    """See `BlockStore.stamp`. For a connection that writes nothing itself."""
    version: int = connection.execute(_STAMP).get
    return version
