"""How a change writes its rows: a few by a statement for each, which Citus commits in one phase, many by one."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from tests.postgres import bare_database, connected, execute, procedure_of_clusters
from tests.storage.changes import LIST, block, unblock, wrote
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person
from tests.triggers import make_trigger

from wablock.block_list.changes import Block, NoteInbound
from wablock.storage.postgres import PostgresStore
from wablock.storage.postgres.lists import Batch

_COUNTS = """
CREATE TABLE statements (written_table TEXT NOT NULL);
CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO statements VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON blocked_user FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
CREATE TRIGGER note AFTER INSERT ON last_inbound FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
"""


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    url = bare_database(tmp_path)
    make_trigger(url, _COUNTS)
    return url


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    """A store that takes the database for a cluster."""
    execute(dsn, "CREATE FUNCTION wablock_worker_of(TEXT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'")
    execute(dsn, procedure_of_clusters())
    opened = PostgresStore(dsn, CountingMeter())
    await opened.apply(unblock(person(99)))  # the list has its row
    yield opened
    await opened.close()


def _statements(dsn: str, table: str) -> int:
    async def counted(connection: asyncpg.Connection) -> int:
        number: int = await connection.fetchval("SELECT count(*) FROM statements WHERE written_table = $1", table)
        return number

    return connected(dsn, counted)


@pytest.mark.parametrize("users, statements", [(1, 1), (8, 8), (9, 1), (1_000, 1)])
@pytest.mark.parametrize("locked", [False, True], ids=["together", "locked"])
@pytest.mark.parametrize("make, table", [(block, "blocked_user"), (wrote, "last_inbound")], ids=["block", "inbound"])
async def test_few_rows_have_a_statement_each_and_many_share_one(
    dsn: str,
    store: PostgresStore,
    make: Callable[..., Block | NoteInbound],
    table: str,
    users: int,
    statements: int,
    *,
    locked: bool,
) -> None:
    change = make(*people(users))

    if locked:
        lane = await store._lanes.of(LIST)
        await lane.writing.run(Batch(LIST, [change], node=7, numbers=count(1), is_in_cluster=True))
    else:
        await store.apply(change)

    assert _statements(dsn, table) == statements
