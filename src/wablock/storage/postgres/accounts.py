"""Accounts and business accounts with their secrets, on PostgreSQL. See `AccountStore`."""

from collections.abc import Sequence
from typing import Final

from wablock.block_list.ports import Microseconds
from wablock.gate.account_store import MOST_BUSINESS_ACCOUNTS, SealedAccount, SealedBusinessAccount
from wablock.storage.postgres.sessions import Connection

_NUL: Final = "\0"  # PostgreSQL's text cannot contain it, but requests can

_ACCOUNT: Final = "account_id, app_secret, verify_token_sha256"
_FIND_ACCOUNTS = f"SELECT {_ACCOUNT} FROM account WHERE account_id = ANY($1) ORDER BY account_id"
_FIND_VERIFIER = """
SELECT account_id FROM account WHERE verify_token_sha256 = $1
UNION SELECT account_id FROM business_account WHERE verify_token_sha256 = $1
ORDER BY account_id LIMIT 1
"""
# Each part is limited, because any account may have an app secret.
_SIGNERS = """
SELECT account_id FROM (
  SELECT account_id FROM account WHERE app_secret IS NOT NULL ORDER BY account_id LIMIT $1
) AS own
UNION
SELECT account_id FROM (
  SELECT DISTINCT account_id FROM business_account WHERE app_secret IS NOT NULL ORDER BY account_id LIMIT $1
) AS businesses
ORDER BY account_id LIMIT $1
"""
_SET_ACCOUNT = f"""
INSERT INTO account ({_ACCOUNT}, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id) DO UPDATE SET
  app_secret = coalesce(excluded.app_secret, account.app_secret),
  verify_token_sha256 = coalesce(excluded.verify_token_sha256, account.verify_token_sha256)
"""

_BUSINESS: Final = "waba_id, account_id, app_secret, verify_token_sha256"
_FIND_BUSINESS = f"SELECT {_BUSINESS} FROM business_account WHERE waba_id = $1"
_BUSINESSES_OF = f"SELECT {_BUSINESS} FROM business_account WHERE account_id = ANY($1) ORDER BY account_id, waba_id"
_BUSINESSES = f"SELECT {_BUSINESS} FROM business_account ORDER BY account_id, waba_id"
# The account is locked: two business accounts that are added at once are counted one after the other.
_HOLD_ACCOUNT = "SELECT 1 FROM account WHERE account_id = $1 FOR UPDATE"
_HAS_NUMBERS = "SELECT EXISTS (SELECT 1 FROM phone_number WHERE account_id = $1)"
_COUNT_BUSINESSES = "SELECT count(*) FROM business_account WHERE account_id = $1"
_SET_BUSINESS = f"""
INSERT INTO business_account ({_BUSINESS}, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (waba_id) DO UPDATE SET
  app_secret = coalesce(excluded.app_secret, business_account.app_secret),
  verify_token_sha256 = coalesce(excluded.verify_token_sha256, business_account.verify_token_sha256)
WHERE business_account.account_id = excluded.account_id RETURNING waba_id
"""
_REMOVE_BUSINESS = "DELETE FROM business_account WHERE waba_id = $1 RETURNING waba_id"


async def find_account(connection: Connection, account_id: str) -> SealedAccount | None:
    return next(iter(await _accounts(connection, [account_id])), None)


async def find_verifier(connection: Connection, verify_token_sha256: bytes) -> SealedAccount | None:
    account_id = await connection.fetchval(_FIND_VERIFIER, verify_token_sha256)
    return None if account_id is None else await find_account(connection, account_id)


async def signers(connection: Connection, most: int) -> Sequence[SealedAccount]:
    return await _accounts(connection, [account_id for (account_id,) in await connection.fetch(_SIGNERS, most)])


async def set_account(connection: Connection, it: SealedAccount, at: Microseconds) -> None:
    await connection.execute(_SET_ACCOUNT, it.account_id, it.app_secret, it.verify_token_sha256, at)


async def find_business_account(connection: Connection, waba_id: str) -> SealedBusinessAccount | None:
    if _NUL in waba_id:
        return None
    row = await connection.fetchrow(_FIND_BUSINESS, waba_id)
    return None if row is None else SealedBusinessAccount(*row)


async def business_accounts(connection: Connection) -> Sequence[SealedBusinessAccount]:
    return [SealedBusinessAccount(*row) for row in await connection.fetch(_BUSINESSES)]


async def set_business_account(connection: Connection, it: SealedBusinessAccount, at: Microseconds) -> bool:
    values = it.account_id, it.app_secret, it.verify_token_sha256, at
    async with connection.transaction():
        existing = await find_business_account(connection, it.waba_id)
        if existing is None and it.waba_id != it.account_id and await connection.fetchval(_HAS_NUMBERS, it.waba_id):
            return False  # its webhooks name this id, and would be for either account
        if existing is not None and existing.account_id != it.account_id:
            return False
        await connection.execute(_SET_ACCOUNT, it.account_id, None, None, at)
        await connection.execute(_HOLD_ACCOUNT, it.account_id)
        if existing is None and await _count(connection, it.account_id) >= MOST_BUSINESS_ACCOUNTS:
            return False
        return await connection.fetchval(_SET_BUSINESS, it.waba_id, *values) is not None


async def remove_business_account(connection: Connection, waba_id: str) -> bool:
    return _NUL not in waba_id and await connection.fetchval(_REMOVE_BUSINESS, waba_id) is not None


async def _accounts(connection: Connection, account_ids: Sequence[str]) -> list[SealedAccount]:
    """Those that exist, each with its business accounts, by id."""
    ids = [account_id for account_id in account_ids if _NUL not in account_id]
    accounts = [SealedAccount(*row) for row in await connection.fetch(_FIND_ACCOUNTS, ids)] if ids else []
    if not accounts:
        return []
    businesses: dict[str, list[SealedBusinessAccount]] = {}
    for row in await connection.fetch(_BUSINESSES_OF, ids):
        businesses.setdefault(row[1], []).append(SealedBusinessAccount(*row))
    return [_with(account, businesses.get(account.account_id, ())) for account in accounts]


def _with(account: SealedAccount, businesses: Sequence[SealedBusinessAccount]) -> SealedAccount:
    return SealedAccount(account.account_id, account.app_secret, account.verify_token_sha256, tuple(businesses))


async def _count(connection: Connection, account_id: str) -> int:
    count: int = await connection.fetchval(_COUNT_BUSINESSES, account_id)
    return count
