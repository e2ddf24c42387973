"""Accounts, business numbers and access tokens, on SQLite. See `Directory`."""

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import AccessToken, Scope
from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.business_numbers import NumberChanges
from wablock.failures import NumberNameTaken
from wablock.names import name_key
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
_NUMBER: Final = "phone_number_id, account_id, wa_id, country, rules, name, waba_id, created_at"
_FIND_NUMBER = f"SELECT {_NUMBER} FROM phone_number WHERE phone_number_id = ?"
_NUMBERS = f"SELECT {_NUMBER} FROM phone_number ORDER BY phone_number_id"
_ACCOUNT_NUMBERS = f"SELECT {_NUMBER} FROM phone_number WHERE account_id = ? ORDER BY phone_number_id"
_ADD_NUMBER = f"""
INSERT INTO phone_number ({_NUMBER}, name_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (phone_number_id) DO NOTHING
"""
_IS_NAME_TAKEN = """
SELECT EXISTS (SELECT 1 FROM phone_number WHERE account_id = ? AND name_key = ? AND phone_number_id <> ?)
"""
_CHANGE_NUMBER = """
UPDATE phone_number SET
  wa_id = CASE WHEN ?3 THEN ?4 ELSE wa_id END,
  country = CASE WHEN ?5 THEN ?6 ELSE country END,
  rules = CASE WHEN ?7 THEN ?8 ELSE rules END,
  name = CASE WHEN ?9 THEN ?10 ELSE name END,
  name_key = CASE WHEN ?9 THEN ?11 ELSE name_key END,
  waba_id = CASE WHEN ?12 THEN ?13 ELSE waba_id END
WHERE phone_number_id = ?1 AND account_id = ?2
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
    ON CONFLICT (list_id) DO UPDATE SET
      account_id = '', version = version + 1, size = 0, event_at = 0, event_hash = x'', oldest_at = 0, oldest_hash = x''
    """,
    "DELETE FROM event WHERE list_id = ?",
    "DELETE FROM answered_request WHERE list_id = ?",
    "DELETE FROM subscription_cursor WHERE list_id = ?",
    "DELETE FROM last_inbound WHERE phone_number_id = ?",
    "DELETE FROM downstream WHERE phone_number_id = ?",
    "DELETE FROM upstream WHERE phone_number_id = ?",
    "DELETE FROM attachment WHERE phone_number_id = ?",
)


def find_token(connection: apsw.Connection, digest: bytes) -> AccessToken | None:
    row = connection.execute(_FIND_TOKEN, (digest,)).fetchone()
    return None if row is None else _token(*row)


def find_number(connection: apsw.Connection, phone_number_id: str) -> BusinessNumber | None:
    row = connection.execute(_FIND_NUMBER, (phone_number_id,)).fetchone()
    return None if row is None else _number(*row)


def tokens(connection: apsw.Connection, account_id: str | None) -> Sequence[AccessToken]:
    return [_token(*row) for row in connection.execute(_TOKENS, (account_id,))]


def numbers(connection: apsw.Connection, account_id: str | None) -> Sequence[BusinessNumber]:
    if account_id is None:
        return [_number(*row) for row in connection.execute(_NUMBERS)]
    return [_number(*row) for row in connection.execute(_ACCOUNT_NUMBERS, (account_id,))]


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
        key = _key_of(number.name)
        is_taken = _is_taken(connection, number, key)
        if not is_taken:
            connection.execute(_ADD_ACCOUNT, (number.account_id, at))
            values = number.wa_id, number.country, number.rules, number.name, number.waba_id
            connection.execute(_ADD_NUMBER, (number.phone_number_id, number.account_id, *values, at, key))
            connection.execute(_TAKE_LIST, (number.phone_number_id, number.account_id))
    if is_taken:
        raise NumberNameTaken(number.name or "")
    return True


def complete_number(writer: BatchWriter, number: BusinessNumber) -> BusinessNumber | None:
    with writer.transaction() as connection:
        connection.execute(_COMPLETE_NUMBER, (number.wa_id, number.country, number.phone_number_id, number.account_id))
        return find_number(connection, number.phone_number_id) if connection.changes() else None


def change_number(writer: BatchWriter, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
    name = None if changes.name is UNSET else changes.name
    key = _key_of(name)
    values = [*_change(changes.wa_id), *_change(changes.country), *_change(changes.rules), *_change(changes.name)]
    values += [key, *_change(changes.waba_id)]
    with writer.transaction() as connection:
        if not _is_taken(connection, number, key):
            connection.execute(_CHANGE_NUMBER, (number.phone_number_id, number.account_id, *values))
            return find_number(connection, number.phone_number_id) if connection.changes() else None
    raise NumberNameTaken(name or "")


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
    phone_number_id: str, account_id: str, wa_id: str | None, country: str | None, rules: str | None, *rest: Any
) -> BusinessNumber:
    return BusinessNumber(phone_number_id, account_id, wa_id, country, None if rules is None else Rules(rules), *rest)


def _key_of(name: str | None) -> str | None:
    return None if name is None else name_key(name)


def _is_taken(connection: apsw.Connection, number: BusinessNumber, key: str | None) -> bool:
    """Whether another number of the account has the name with this key."""
    return bool(connection.execute(_IS_NAME_TAKEN, (number.account_id, key, number.phone_number_id)).get)


def _change(value: str | UnsetType | None) -> tuple[bool, str | None]:
    """Whether a column changes, and its new value."""
    return (False, None) if value is UNSET else (True, value)
