"""Accounts, business numbers and access tokens, on SQLite. See `Directory`."""

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from wablock.access import AccessToken, Scope
from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.storage.sqlite.writes import BatchWriter

_TOKEN_COLUMNS: Final = (
    "token_sha256, account_id, label, scopes, phone_number_ids, created_at, expires_at, revoked_at, made_by"
)
_FIND_TOKEN = f"SELECT {_TOKEN_COLUMNS} FROM access_token WHERE token_sha256 = ?"
_TOKENS = f"SELECT {_TOKEN_COLUMNS} FROM access_token WHERE ?1 IS NULL OR account_id = ?1 ORDER BY created_at"
_ADD_TOKEN = f"""
INSERT INTO access_token ({_TOKEN_COLUMNS}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE NOT EXISTS (SELECT 1 FROM access_token WHERE token_sha256 = ?9 AND revoked_at IS NOT NULL)
ON CONFLICT (token_sha256) DO NOTHING
"""
_REVOKE_TOKEN = "UPDATE access_token SET revoked_at = ? WHERE token_sha256 = ? AND revoked_at IS NULL"
_FIND_NUMBER = "SELECT phone_number_id, account_id, wa_id, country, rules FROM phone_number WHERE phone_number_id = ?"
_NUMBERS = "SELECT phone_number_id, account_id, wa_id, country, rules FROM phone_number ORDER BY phone_number_id"
_ADD_NUMBER = """
INSERT INTO phone_number (phone_number_id, account_id, wa_id, country, rules, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (phone_number_id) DO NOTHING
"""
_COMPLETE_NUMBER = """
UPDATE phone_number SET wa_id = COALESCE(wa_id, ?), country = COALESCE(country, ?)
WHERE phone_number_id = ? AND account_id = ?
"""
_ADD_ACCOUNT = "INSERT INTO account (account_id, created_at) VALUES (?, ?) ON CONFLICT (account_id) DO NOTHING"
_REMOVE_NUMBER = "DELETE FROM phone_number WHERE phone_number_id = ?"
_TAKE_LIST = """
INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, ?, 0, 0)
ON CONFLICT (list_id) DO UPDATE SET account_id = excluded.account_id
"""
# The list of a removed number stays, empty and without an account. So a request that was accepted just before the
# removal fails, and cannot block for the number's next account.
_REMOVE_LIST = (
    "DELETE FROM blocked_user WHERE list_id = ?",
    """
    INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, '', 0, 0)
    ON CONFLICT (list_id) DO UPDATE SET account_id = '', version = version + 1, size = 0
    """,
    "DELETE FROM last_inbound WHERE phone_number_id = ?",
    "DELETE FROM downstream WHERE phone_number_id = ?",
    "DELETE FROM upstream WHERE phone_number_id = ?",
)


def find_token(connection: apsw.Connection, digest: bytes) -> AccessToken | None:
    row = connection.execute(_FIND_TOKEN, (digest,)).fetchone()
    return None if row is None else _token(*row)


def find_number(connection: apsw.Connection, phone_number_id: str) -> BusinessNumber | None:
    row = connection.execute(_FIND_NUMBER, (phone_number_id,)).fetchone()
    return None if row is None else _number(*row)


def tokens(connection: apsw.Connection, account_id: str | None) -> Sequence[AccessToken]:
    return [_token(*row) for row in connection.execute(_TOKENS, (account_id,))]


def numbers(connection: apsw.Connection) -> Sequence[BusinessNumber]:
    return [_number(*row) for row in connection.execute(_NUMBERS)]


def add_token(writer: BatchWriter, token: AccessToken) -> bool:
    chosen = token.phone_number_ids
    with writer.transaction() as connection:
        connection.execute(_ADD_ACCOUNT, (token.account_id, token.created_at))
        connection.execute(
            _ADD_TOKEN,
            (
                token.digest,
                token.account_id,
                token.label,
                " ".join(sorted(token.scopes)),
                None if chosen is None else msgspec.json.encode(sorted(chosen)).decode(),
                token.created_at,
                token.expires_at,
                token.revoked_at,
                token.made_by,
            ),
        )
        return connection.changes() > 0


def revoke_token(writer: BatchWriter, digest: bytes, at: Microseconds) -> bool:
    with writer.transaction() as connection:
        connection.execute(_REVOKE_TOKEN, (at, digest))
        return connection.changes() > 0


def add_number(writer: BatchWriter, number: BusinessNumber, at: Microseconds) -> bool:
    with writer.transaction() as connection:
        if find_number(connection, number.phone_number_id) is not None:
            return False
        connection.execute(_ADD_ACCOUNT, (number.account_id, at))
        connection.execute(
            _ADD_NUMBER,
            (number.phone_number_id, number.account_id, number.wa_id, number.country, number.rules, at),
        )
        connection.execute(_TAKE_LIST, (number.phone_number_id, number.account_id))
        return True


def complete_number(writer: BatchWriter, number: BusinessNumber) -> BusinessNumber | None:
    with writer.transaction() as connection:
        connection.execute(_COMPLETE_NUMBER, (number.wa_id, number.country, number.phone_number_id, number.account_id))
        return find_number(connection, number.phone_number_id) if connection.changes() else None


def remove_number(writer: BatchWriter, phone_number_id: str) -> bool:
    with writer.transaction() as connection:
        connection.execute(_REMOVE_NUMBER, (phone_number_id,))
        removed = connection.changes() > 0
        for statement in _REMOVE_LIST if removed else ():
            connection.execute(statement, (phone_number_id,))
        return removed


def _token(
    digest: bytes, account_id: str, label: str, scopes: str, phone_number_ids: str | None, *times: Any
) -> AccessToken:
    chosen = None if phone_number_ids is None else frozenset(msgspec.json.decode(phone_number_ids, type=list[str]))
    return AccessToken(digest, account_id, label, frozenset(map(Scope, scopes.split())), chosen, *times)


def _number(
    phone_number_id: str, account_id: str, wa_id: str | None, country: str | None, rules: str | None
) -> BusinessNumber:
    return BusinessNumber(phone_number_id, account_id, wa_id, country, None if rules is None else Rules(rules))
