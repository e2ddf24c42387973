"""Triggers in a database on PostgreSQL, by which a test stops or spoils what is written there."""

import pytest
from tests.postgres import connected, execute

from wablock.storage.postgres.schema import prepare


def make_trigger(url: str, sql: str) -> None:
    """On wablock's tables, which are made. Citus has no triggers on its tables: there the test is skipped."""
    if connected(url, lambda connection: connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'citus'")):
        pytest.skip("Citus has no triggers on distributed tables")
    prepare(url)
    execute(url, sql)
