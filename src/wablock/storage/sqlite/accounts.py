"""Accounts and business accounts with their secrets, on SQLite. See `AccountStore`."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from wablock.block_list.ports import Microseconds
from wablock.gate.account_store import MOST_BUSINESS_ACCOUNTS, SealedAccount, SealedBusinessAccount
from wablock.storage.sqlite.writes import BatchWriter

_FIND_ACCOUNT = "SELECT app_secret, verify_token_sha256 FROM account WHERE account_id = ?"
_FIND_VERIFIER = """
SELECT account_id FROM account WHERE verify_token_sha256 = ?1
UNION SELECT account_id FROM business_account WHERE verify_token_sha256 = ?1
ORDER BY account_id LIMIT 1
"""
_SIGNERS = """
SELECT account_id FROM account WHERE app_secret IS NOT NULL
UNION SELECT account_id FROM business_account WHERE app_secret IS NOT NULL
ORDER BY account_id LIMIT ?
"""
_SET_ACCOUNT = """
INSERT INTO account (account_id, app_secret, verify_token_sha256, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (account_id) DO UPDATE SET
  app_secret = coalesce(excluded.app_secret, app_secret),
  verify_token_sha256 = coalesce(excluded.verify_token_sha256, verify_token_sha256)
"""

_BUSINESS: Final = "waba_id, account_id, app_secret, verify_token_sha256"
_FIND_BUSINESS = f"SELECT {_BUSINESS} FROM business_account WHERE waba_id = ?"
_BUSINESSES_OF = f"SELECT {_BUSINESS} FROM business_account WHERE account_id = ? ORDER BY waba_id"
_BUSINESSES = f"SELECT {_BUSINESS} FROM business_account ORDER BY account_id, waba_id"
_HAS_NUMBERS = "SELECT EXISTS (SELECT 1 FROM phone_number WHERE account_id = ?)"
_COUNT_BUSINESSES = "SELECT count(*) FROM business_account WHERE account_id = ?"
_SET_BUSINESS = f"""
INSERT INTO business_account ({_BUSINESS}, created_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (waba_id) DO UPDATE SET
  app_secret = coalesce(excluded.app_secret, app_secret),
  verify_token_sha256 = coalesce(excluded.verify_token_sha256, verify_token_sha256)
"""
_REMOVE_BUSINESS = "DELETE FROM business_account WHERE waba_id = ?"


def find_account(connection: apsw.Connection, account_id: str) -> SealedAccount | None:
    row: Any = connection.execute(_FIND_ACCOUNT, (account_id,)).fetchone()
    if row is None:
        return None
    app_secret, verify_token_sha256 = row
    businesses = _businesses(connection, _BUSINESSES_OF, account_id)
    return SealedAccount(account_id, app_secret, verify_token_sha256, businesses)


def find_verifier(connection: apsw.Connection, verify_token_sha256: bytes) -> SealedAccount | None:
    row = connection.execute(_FIND_VERIFIER, (verify_token_sha256,)).fetchone()
    return None if row is None else find_account(connection, row[0])


def signers(connection: apsw.Connection, most: int) -> Sequence[SealedAccount]:
    ids: list[Any] = connection.execute(_SIGNERS, (most,)).fetchall()
    return [account for (account_id,) in ids if (account := find_account(connection, account_id)) is not None]


def set_account(writer: BatchWriter, account: SealedAccount, at: Microseconds) -> None:
    with writer.transaction() as connection:
        connection.execute(_SET_ACCOUNT, (account.account_id, account.app_secret, account.verify_token_sha256, at))


def find_business_account(connection: apsw.Connection, waba_id: str) -> SealedBusinessAccount | None:
    return next(iter(_businesses(connection, _FIND_BUSINESS, waba_id)), None)


def business_accounts(connection: apsw.Connection) -> Sequence[SealedBusinessAccount]:
    return _businesses(connection, _BUSINESSES)


def set_business_account(writer: BatchWriter, it: SealedBusinessAccount, at: Microseconds) -> bool:
    with writer.transaction() as connection:
        if not _may_set(connection, it):
            return False
        connection.execute(_SET_ACCOUNT, (it.account_id, None, None, at))
        connection.execute(_SET_BUSINESS, (it.waba_id, it.account_id, it.app_secret, it.verify_token_sha256, at))
        return True


def remove_business_account(writer: BatchWriter, waba_id: str) -> bool:
    with writer.transaction() as connection:
        connection.execute(_REMOVE_BUSINESS, (waba_id,))
        return connection.changes() > 0


def _may_set(connection: apsw.Connection, it: SealedBusinessAccount) -> bool:
    existing = find_business_account(connection, it.waba_id)
    if existing is not None:
        return existing.account_id == it.account_id
    if it.waba_id != it.account_id and connection.execute(_HAS_NUMBERS, (it.waba_id,)).get:
        return False  # its webhooks name this id, and would be for either account
    return int(connection.execute(_COUNT_BUSINESSES, (it.account_id,)).get) < MOST_BUSINESS_ACCOUNTS


def _businesses(connection: apsw.Connection, statement: str, *values: Any) -> tuple[SealedBusinessAccount, ...]:
    return tuple(SealedBusinessAccount(*row) for row in connection.execute(statement, values))
