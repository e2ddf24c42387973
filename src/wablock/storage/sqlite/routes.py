"""Downstreams and upstreams, on SQLite. See `DownstreamStore` and `UpstreamStore`."""

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from wablock.gate.ports import MOST_SET_BY_TOKENS, SealedDownstream, SealedUpstream
from wablock.storage.sqlite.writes import BatchWriter

_DOWNSTREAM: Final = (
    "downstream_id, phone_number_id, account_id, url, secret, headers, timeout_ms, required, may_be_inside, "
    "created_at, account_events, set_by"
)
_DOWNSTREAMS = f"SELECT {_DOWNSTREAM} FROM downstream WHERE phone_number_id = ? ORDER BY created_at, downstream_id"
_ACCOUNT_DOWNSTREAMS = f"SELECT {_DOWNSTREAM} FROM downstream WHERE account_id = ? ORDER BY created_at, downstream_id"
# Only for a number of the account: no account may receive another's webhooks.
_ADD_DOWNSTREAM = f"""
INSERT INTO downstream ({_DOWNSTREAM})
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
WHERE EXISTS (SELECT 1 FROM phone_number WHERE phone_number_id = ?2 AND account_id = ?3)
AND NOT EXISTS (SELECT 1 FROM access_token WHERE token_sha256 = ?12 AND revoked_at IS NOT NULL)
AND (?12 IS NULL
  OR (SELECT count(*) FROM downstream WHERE phone_number_id = ?2 AND set_by IS NOT NULL) < {MOST_SET_BY_TOKENS})
"""
_REMOVE_DOWNSTREAM = "DELETE FROM downstream WHERE phone_number_id = ? AND downstream_id = ?"

_UPSTREAM: Final = "phone_number_id, account_id, url, token, timeout_ms, may_be_inside, created_at, set_by"
_FIND_UPSTREAM = f"SELECT {_UPSTREAM} FROM upstream WHERE phone_number_id = ?"
_ACCOUNT_UPSTREAMS = f"SELECT {_UPSTREAM} FROM upstream WHERE account_id = ? ORDER BY phone_number_id"
_SET_UPSTREAM = f"""
INSERT OR REPLACE INTO upstream ({_UPSTREAM})
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
WHERE EXISTS (SELECT 1 FROM phone_number WHERE phone_number_id = ?1 AND account_id = ?2)
AND NOT EXISTS (SELECT 1 FROM access_token WHERE token_sha256 = ?8 AND revoked_at IS NOT NULL)
"""
_REMOVE_UPSTREAM = "DELETE FROM upstream WHERE phone_number_id = ?"


def downstreams(connection: apsw.Connection, phone_number_id: str) -> Sequence[SealedDownstream]:
    return [_downstream(*row) for row in connection.execute(_DOWNSTREAMS, (phone_number_id,))]


def account_downstreams(connection: apsw.Connection, account_id: str) -> Sequence[SealedDownstream]:
    return [_downstream(*row) for row in connection.execute(_ACCOUNT_DOWNSTREAMS, (account_id,))]


def add_downstream(writer: BatchWriter, it: SealedDownstream) -> bool:
    values = (it.downstream_id, it.phone_number_id, it.account_id, it.url, it.secret, it.headers)
    rest = (it.timeout_ms, it.required, it.may_be_inside, it.created_at, it.account_events, it.set_by)
    return _changes(writer, _ADD_DOWNSTREAM, (*values, *rest))


def remove_downstream(writer: BatchWriter, phone_number_id: str, downstream_id: str) -> bool:
    return _changes(writer, _REMOVE_DOWNSTREAM, (phone_number_id, downstream_id))


def find_upstream(connection: apsw.Connection, phone_number_id: str) -> SealedUpstream | None:
    row = connection.execute(_FIND_UPSTREAM, (phone_number_id,)).fetchone()
    return None if row is None else _upstream(*row)


def account_upstreams(connection: apsw.Connection, account_id: str) -> Sequence[SealedUpstream]:
    return [_upstream(*row) for row in connection.execute(_ACCOUNT_UPSTREAMS, (account_id,))]


def set_upstream(writer: BatchWriter, it: SealedUpstream) -> bool:
    values = (it.phone_number_id, it.account_id, it.url, it.token, it.timeout_ms, it.may_be_inside, it.created_at)
    return _changes(writer, _SET_UPSTREAM, (*values, it.set_by))


def remove_upstream(writer: BatchWriter, phone_number_id: str) -> bool:
    return _changes(writer, _REMOVE_UPSTREAM, (phone_number_id,))


def _changes(writer: BatchWriter, statement: str, values: tuple[Any, ...]) -> bool:
    with writer.transaction() as connection:
        connection.execute(statement, values)
        return connection.changes() > 0


def _downstream(*columns: Any) -> SealedDownstream:
    downstream = SealedDownstream(*columns)
    return msgspec.structs.replace(
        downstream,
        required=bool(downstream.required),
        may_be_inside=bool(downstream.may_be_inside),
        account_events=bool(downstream.account_events),
    )


def _upstream(*columns: Any) -> SealedUpstream:
    upstream = SealedUpstream(*columns)
    return msgspec.structs.replace(upstream, may_be_inside=bool(upstream.may_be_inside))
