"""Pages of block lists, on PostgreSQL: each in one statement, so that rows and version are of one moment."""

from collections.abc import Sequence
from typing import Final

from wablock.block_list.pages import Page, PageRequest, Row
from wablock.storage.postgres.sessions import Connection

_IN_FORCE: Final = "list_id = $1 AND seq > 0 AND (expires_at IS NULL OR expires_at > $2)"  # see blocked_user_seq
_ROWS: Final = "seq, wa_id, user_id"
_DETAILS: Final = ", ".join(Row.__struct_fields__)


def _page_of(columns: str, rows: str, order: str, beyond: str) -> str:
    """A page's statement. `rows`: the condition for its rows; `beyond`: for the rows on the cursor's other side."""
    return f"""
SELECT list.version, EXISTS (SELECT 1 FROM blocked_user WHERE {_IN_FORCE} AND {beyond}),
       (SELECT expires_at FROM blocked_user WHERE list_id = $1 AND expires_at > $2 ORDER BY expires_at LIMIT 1),
       {columns}
FROM block_list AS list
LEFT JOIN LATERAL (
  SELECT {columns} FROM blocked_user WHERE {_IN_FORCE} AND {rows} ORDER BY seq {order} LIMIT $4
) AS shown ON true
WHERE list.list_id = $1
ORDER BY seq {order}
"""


_OLDER: Final = "seq < $3", "DESC", "seq >= $3"
_NEWER: Final = "seq > $3", "ASC", "seq <= $3"
_PAGES: Final = {
    (details, older): _page_of(_DETAILS if details else _ROWS, *(_OLDER if older else _NEWER))
    for details in (False, True)
    for older in (False, True)
}
_NEWEST: Final = 2**63 - 1

_STAMPS = "SELECT list_id, revision FROM block_list WHERE list_id = ANY($1)"


async def page(connection: Connection, request: PageRequest) -> Page:
    """See `BlockStore.page`."""
    older = request.before is None
    marker = request.after if older else request.before
    seq = _NEWEST if marker is None else marker
    statement = _PAGES[request.details, older]
    records = await connection.fetch(statement, request.list_id, request.at, seq, request.limit + 1)
    if not records:
        return Page((), 0, has_previous=False, has_next=False)
    version, beyond, holds_until = records[0][:3]
    rows = [Row(*columns[3:]) for columns in records[: request.limit] if columns[3] is not None]
    more = len(records) > request.limit
    if older:
        return Page(rows, version, beyond, more, holds_until)
    rows.reverse()
    return Page(rows, version, more, beyond, holds_until)


async def stamps(connection: Connection, list_ids: Sequence[str]) -> Sequence[int]:
    """The stamp of each list; see `BlockStore.stamp`."""
    by_list: dict[str, int] = dict(await connection.fetch(_STAMPS, list(set(list_ids))))
    return [by_list.get(list_id, -1) for list_id in list_ids]
