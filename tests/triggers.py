"""Triggers in a PostgreSQL database, with which a test stops or spoils writes."""

import pytest
from tests.postgres import connected, execute

from wablock.storage.postgres.schema import prepare


def make_trigger(url: str, sql: str) -> None:
    """Create wablock's tables and the trigger. Citus has no triggers, so there the test is skipped."""
    if connected(url, lambda connection: connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'citus'")):
        pytest.skip("Citus has no triggers on distributed tables")
    prepare(url)
    execute(url, sql)
