"""The tests' own PostgreSQL dies and comes back as a machine does."""

from collections.abc import Iterator

import pytest
from tests.cluster import Cluster, running_cluster
from tests.postgres import connected, execute


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster({}) as cluster:
        yield cluster


def test_what_was_committed_is_there_after_a_kill_and_a_start(cluster: Cluster) -> None:
    execute(cluster.url, "CREATE TABLE kept AS SELECT 1 AS one")

    cluster.kill()
    cluster.start()

    assert connected(cluster.url, lambda connection: connection.fetchval("SELECT one FROM kept")) == 1


def test_nobody_is_answered_while_it_is_dead(cluster: Cluster) -> None:
    cluster.kill()

    with pytest.raises(ConnectionRefusedError):
        execute(cluster.url, "SELECT 1")
