"""The tests' own PostgreSQL server stops and starts again like a machine that dies."""

from collections.abc import Iterator

import pytest
from tests.cluster import Cluster, running_cluster
from tests.postgres import connected, execute


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster({}) as cluster:
        yield cluster


def test_committed_rows_survive_a_kill_and_a_start(cluster: Cluster) -> None:
    execute(cluster.url, "CREATE TABLE kept AS SELECT 1 AS one")

    cluster.kill()
    cluster.start()

    assert connected(cluster.url, lambda connection: connection.fetchval("SELECT one FROM kept")) == 1


def test_a_dead_server_answers_no_client(cluster: Cluster) -> None:
    cluster.kill()

    with pytest.raises(ConnectionRefusedError):
        execute(cluster.url, "SELECT 1")
