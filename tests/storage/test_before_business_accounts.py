"""Databases of the schema before business accounts and names of numbers, and nodes that use that schema."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
from tests.postgres import bare_database, connected
from tests.storage.changes import ACCOUNT, LIST, NOON, stored
from tests.storage.meters import CountingMeter

from wablock.block_list.ports import BusinessNumber, Rules
from wablock.business_numbers import NumberChanges
from wablock.gate.account_store import SealedAccount, SealedBusinessAccount
from wablock.storage import SqliteStore, open_store
from wablock.storage.postgres import schema
from wablock.storage.sqlite import connection as sqlite

_SQLITE_BEFORE: Final = 7
_POSTGRES_BEFORE: Final = 7
NUMBER = BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META)
_SECOND = "106540352242923"

_ADD_ACCOUNT: Final = "INSERT INTO account (account_id, app_secret, created_at) VALUES ($1, $2, $3)"
# The statements of a node of the version before.
_ADD: Final = """
INSERT INTO phone_number (phone_number_id, account_id, wa_id, country, rules, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (phone_number_id) DO NOTHING RETURNING phone_number_id
"""
_KNOW: Final = "INSERT INTO account_list (account_id, list_id) VALUES ($1, $2)"
_FIND: Final = "SELECT phone_number_id, account_id, wa_id, country, rules FROM phone_number WHERE phone_number_id = $1"
_COMPLETE: Final = "UPDATE phone_number SET wa_id = COALESCE(wa_id, $2) WHERE phone_number_id = $1"
_FIND_ACCOUNT: Final = "SELECT account_id, app_secret FROM account WHERE account_id = $1"


async def test_a_sqlite_file_of_the_schema_before_keeps_its_numbers_and_secrets(tmp_path: Path) -> None:
    path = tmp_path / "wablock.db"
    with closing(sqlite.connect(path)) as connection:
        for number, sql in sqlite.migrations()[:_SQLITE_BEFORE]:
            connection.execute(f"{sql}; PRAGMA user_version={number}; PRAGMA application_id={sqlite.WABLOCK}")
        connection.execute("INSERT INTO account VALUES (?, ?, ?, ?)", (ACCOUNT, NOON, b"sealed", b"hash"))
        values = (LIST, ACCOUNT, "16505550100", "US", "meta", NOON)
        connection.execute("INSERT INTO phone_number VALUES (?, ?, ?, ?, ?, ?)", values)

    store = SqliteStore(path, CountingMeter())

    assert await store.find_number(LIST) == stored(NUMBER)
    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, b"sealed", b"hash")
    named = await store.change_number(NUMBER, NumberChanges(name="Sales"))
    assert named is not None
    assert named.name == "Sales"
    await store.close()


def _made_before(dsn: str) -> None:
    async def make(connection: Any) -> None:
        migrations = {number: sql for number, sql in schema.migrations().items() if number <= _POSTGRES_BEFORE}
        citus = {number: sql for number, sql in schema.migrations("citus").items() if number <= _POSTGRES_BEFORE}
        await schema.migrate(connection, migrations, citus, schema.UPGRADED_WORKS_WITH)
        await connection.execute(_ADD_ACCOUNT, ACCOUNT, b"sealed", NOON)
        await connection.execute(_KNOW, ACCOUNT, LIST)
        await connection.fetch(_ADD, LIST, ACCOUNT, "16505550100", "US", "meta", NOON)

    connected(dsn, make)


async def test_a_postgresql_database_of_the_schema_before_keeps_its_numbers_and_secrets(tmp_path: Path) -> None:
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(_made_before, dsn)

    store = open_store(dsn, CountingMeter())

    assert list(await store.numbers()) == [stored(NUMBER)]
    assert await store.find_account(ACCOUNT) == SealedAccount(ACCOUNT, b"sealed")
    await store.close()


async def test_a_node_of_the_version_before_works_beside_names_and_business_accounts(tmp_path: Path) -> None:
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(_made_before, dsn)
    old = await asyncpg.connect(dsn)
    assert await old.fetchrow(_FIND, LIST) is not None  # it was running before the upgrade
    new = open_store(dsn, CountingMeter())
    await new.change_number(NUMBER, NumberChanges(name="Sales", waba_id="7"))
    await new.set_business_account(SealedBusinessAccount("7", ACCOUNT, b"own"), NOON)

    added = await old.fetchval(_ADD, _SECOND, ACCOUNT, None, None, None, NOON)
    await old.execute(_KNOW, ACCOUNT, _SECOND)
    await old.execute(_COMPLETE, LIST, "16505550199")

    assert tuple(await old.fetchrow(_FIND, LIST)) == (LIST, ACCOUNT, "16505550100", "US", "meta")
    assert tuple(await old.fetchrow(_FIND_ACCOUNT, ACCOUNT)) == (ACCOUNT, b"sealed")
    assert added == _SECOND
    named = BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META, "Sales", "7")
    assert list(await new.numbers()) == [stored(named), stored(BusinessNumber(_SECOND, ACCOUNT))]
    await old.close()
    await new.close()
