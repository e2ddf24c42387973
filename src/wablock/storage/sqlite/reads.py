"""Pages and checks of block lists, on SQLite: read on the event loop, beside a writer that never holds them up."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from wablock.block_list.ports import Member, Microseconds, Page, PageRequest, Row

_NEWEST: Final = 2**63 - 1

_COLUMNS: Final = """
  block_list.version,
  blocked_user.seq, blocked_user.wa_id, blocked_user.user_id, blocked_user.input,
  blocked_user.blocked_at, blocked_user.blocked_by, blocked_user.reason, blocked_user.note, blocked_user.expires_at
"""
_IN_FORCE: Final = "(blocked_user.expires_at IS NULL OR blocked_user.expires_at > :at)"
_OLDER = f"""
SELECT {_COLUMNS}, EXISTS (
  SELECT 1 FROM blocked_user WHERE blocked_user.list_id = :list_id AND blocked_user.seq >= :seq AND {_IN_FORCE})
FROM block_list LEFT JOIN blocked_user
  ON blocked_user.list_id = block_list.list_id AND blocked_user.seq < :seq AND {_IN_FORCE}
WHERE block_list.list_id = :list_id
ORDER BY blocked_user.seq DESC LIMIT :limit
"""
_NEWER = f"""
SELECT {_COLUMNS}, EXISTS (
  SELECT 1 FROM blocked_user WHERE blocked_user.list_id = :list_id AND blocked_user.seq <= :seq AND {_IN_FORCE})
FROM block_list LEFT JOIN blocked_user
  ON blocked_user.list_id = block_list.list_id AND blocked_user.seq > :seq AND {_IN_FORCE}
WHERE block_list.list_id = :list_id
ORDER BY blocked_user.seq ASC LIMIT :limit
"""
_BLOCKED = """
SELECT EXISTS (
  SELECT 1 FROM blocked_user INDEXED BY blocked_user_identity
  WHERE list_id = ?1 AND (expires_at IS NULL OR expires_at > ?2) AND identity IN (
    ?3, ?4, (SELECT identity FROM identity_alias WHERE account_id = ?5 AND alias = ?4)))
"""


def page(connection: apsw.Connection, request: PageRequest) -> Page:
    """See `BlockStore.page`. One statement, so that rows and version are of one moment."""
    newer = request.before is not None
    seq = request.before if request.before is not None else request.after
    bindings = {
        "list_id": request.list_id,
        "seq": _NEWEST if seq is None else seq,
        "at": request.at,
        "limit": request.limit + 1,
    }
    found: list[tuple[Any, ...]] = connection.execute(_NEWER if newer else _OLDER, bindings).fetchall()
    if not found:
        return Page((), 0, has_previous=False, has_next=False)
    version, beyond = found[0][0], bool(found[0][-1])
    if found[0][1] is None:  # the list, without any row
        return Page((), version, has_previous=False, has_next=False)
    more = len(found) > request.limit
    rows = [Row(*columns[1:-1]) for columns in found[: request.limit]]
    if newer:
        rows.reverse()
        return Page(rows, version, has_previous=more, has_next=beyond)
    return Page(rows, version, has_previous=beyond, has_next=more)


def blocked(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> list[bool]:
    """See `BlockStore.blocked`."""
    return [bool(connection.execute(_BLOCKED, (list_id, at, user.key, user.user_id, account_id)).get) for user in users]
