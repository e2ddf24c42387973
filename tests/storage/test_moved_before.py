"""A SQLite database of the previous version that was upgraded during a move: it refuses writes."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, user_of
from tests.storage.version_before import Blocked, Rows, fill_sqlite, moving_sqlite, sqlite_rows

from wablock.block_list.pages import PageRequest
from wablock.failures import Overloaded
from wablock.storage import CannotOpen, SqliteStore
from wablock.storage.sqlite import backups, moves
from wablock.storage.sqlite.connection import WABLOCK, connect, migrations

OLD, NEW = "22507123456", "2250707123456"
USER_ID = "CI.13491208655302741918"
NEWEST = migrations()[-1][0]
_OLDER_ROWS = f"""
INSERT INTO account (account_id, created_at) VALUES ('{ACCOUNT}', 1);
INSERT INTO phone_number (phone_number_id, account_id, created_at) VALUES ('{LIST}', '{ACCOUNT}', 1);
INSERT INTO block_list (list_id, account_id, version, size) VALUES ('{LIST}', '{ACCOUNT}', 5, 1);
INSERT INTO blocked_user (list_id, seq, identity, wa_id, input, blocked_at, blocked_by, reason)
  VALUES ('{LIST}', 5, '16505550101', '16505550101', '+16505550101', 1, 'desk', 'spam');
INSERT INTO access_token (token_sha256, account_id, label, scopes, created_at)
  VALUES (CAST('hash' AS BLOB), '{ACCOUNT}', 'desk', 'read', 1);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wablock.db"
    fill_sqlite(path, Rows({LIST: ACCOUNT}, [Blocked(LIST, 1, OLD, USER_ID)], [(ACCOUNT, USER_ID, OLD)], []))
    moving_sqlite(path)
    return path


def _schema(path: Path) -> int:
    ((version,),) = sqlite_rows(path, "PRAGMA user_version")
    return int(version)


def _identities(path: Path) -> list[str]:
    return [identity for (identity,) in sqlite_rows(path, "SELECT identity FROM blocked_user")]


@pytest.mark.parametrize("schema", range(3, NEWEST))
async def test_a_moved_file_of_any_older_schema_can_be_read(tmp_path: Path, schema: int) -> None:
    path = tmp_path / "older.db"
    with closing(connect(path)) as connection:
        for version, sql in migrations()[:schema]:
            connection.execute(f"{sql}; PRAGMA user_version={version}; PRAGMA application_id={WABLOCK}")
        connection.execute(_OLDER_ROWS)
    moving_sqlite(path)
    store = SqliteStore(path, CountingMeter())

    (row,) = (await store.page(PageRequest(LIST, 10, NOON))).rows
    token = await store.find_token(b"hash")
    number = await store.find_number(LIST)

    assert (row.input, row.reason, row.updated_at, row.source) == ("+16505550101", "spam", None, None)
    assert await store.row(ACCOUNT, LIST, user_of("+16505550102"), NOON) is None
    assert await is_blocked(store, user_of("+16505550101"))
    assert token is not None
    assert (token.label, token.made_by) == ("desk", None)
    assert number is not None
    assert (number.account_id, number.name, number.waba_id) == (ACCOUNT, None, None)
    assert await store.find_account(ACCOUNT) is not None
    assert await store.downstreams(LIST) == []
    assert await store.subscriptions() == []
    assert await store.backlogs(ACCOUNT) == []
    assert _schema(path) == schema
    await store.close()


async def test_it_can_be_read_without_a_migration(path: Path) -> None:
    store = SqliteStore(path, CountingMeter())

    assert await is_blocked(store, user_of(f"+{OLD}"))
    assert await is_blocked(store, user_of(f"+{NEW}"))
    assert await is_blocked(store, by_user_id(USER_ID))
    with pytest.raises(Overloaded, match="is being moved"):
        await store.apply(block(user_of(f"+{NEW}")))
    await store.close()
    assert (_schema(path), _identities(path)) == (3, [OLD])


async def test_it_is_migrated_when_the_move_is_cancelled_also_under_a_server(path: Path) -> None:
    store = SqliteStore(path, CountingMeter())

    moves.give_up(path)

    assert (_schema(path), _identities(path)) == (NEWEST, [NEW])
    await store.apply(block(user_of(f"+{NEW}")))
    assert await is_blocked(store, by_user_id(USER_ID))
    assert _identities(path) == [NEW]
    await store.close()


def test_it_has_current_keys_when_this_version_begins_another_move_of_it(path: Path) -> None:
    moves.begin(path, "4567", "postgresql://other", NOON, moves.of_file(path))

    assert (_schema(path), _identities(path)) == (NEWEST, [NEW])
    with pytest.raises(apsw.ConstraintError, match="is being moved"):
        sqlite_rows(path, "DELETE FROM blocked_user")


def test_the_error_of_a_moved_database_names_the_new_one(path: Path) -> None:
    moves.finish(path, "0123")

    with pytest.raises(CannotOpen, match="was moved to postgresql://db"):
        SqliteStore(path, CountingMeter())


async def test_a_backup_of_it_is_restored_with_current_keys(path: Path, tmp_path: Path) -> None:
    restored = tmp_path / "restored.db"

    backups.restore(path, restored, lambda *_: None)

    assert (_schema(restored), _identities(restored)) == (NEWEST, [NEW])
    store = SqliteStore(restored, CountingMeter())
    assert await is_blocked(store, user_of(f"+{NEW}"), NOON)
    await store.close()
