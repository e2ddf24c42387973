"""Client processes that change and read one block list at the same time see a list that changes at single moments."""

import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import Deployment, at_once
from tests.end_to_end.historian import records
from tests.end_to_end.history import Operation, first_contradiction, versions_in_disorder

CLIENTS: Final = 4
OPERATIONS: Final = 100_000 if os.environ.get("TORTURE") else 3_000


@pytest.mark.torture
@pytest.mark.parametrize("database, servers", [("sqlite", 1), ("sqlite", 2), ("postgres", 3)])
def test_a_history_of_many_clients_is_linearizable_and_its_versions_grow(
    tmp_path: Path, database: str, servers: int
) -> None:
    deployment = Deployment(tmp_path, DATABASES[database](tmp_path))

    history = _recorded(deployment, servers, OPERATIONS if servers == 1 else OPERATIONS // 3)

    contradiction = first_contradiction(history)

    assert contradiction is None
    assert versions_in_disorder(history) == []


def _recorded(deployment: Deployment, servers: int, operations: int) -> list[Operation]:
    seed = random.randrange(2**32)
    print(f"seed {seed}, {operations} operations through {servers} servers")  # noqa: T201 - to repeat a failure
    with at_once([deployment.server() for _ in range(servers)]) as running:
        urls = [server.url for server in running]
        with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as processes:
            clients = [
                processes.submit(
                    records, urls[index % servers], deployment.headers, seed + index, operations // CLIENTS
                )
                for index in range(CLIENTS)
            ]
            return [operation for client in clients for operation in client.result()]
