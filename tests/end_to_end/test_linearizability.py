"""Client processes that change and read one block list at the same time see a list that changes at single moments."""

import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import Deployment, at_once
from tests.end_to_end.historian import records
from tests.end_to_end.history import FRAUD, VIP, Kind, Operation, first_contradiction, versions_in_disorder
from tests.end_to_end.list_historian import records_of_lists

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


@pytest.mark.torture
@pytest.mark.parametrize("database, servers", [("sqlite", 2), ("postgres", 3)])
def test_a_history_with_lists_that_are_attached_and_detached_is_linearizable(
    tmp_path: Path, database: str, servers: int
) -> None:
    deployment = Deployment(tmp_path, DATABASES[database](tmp_path))

    history = _recorded_lists(deployment, servers, OPERATIONS // 3)

    assert {it.kind for it in history} == {Kind.BLOCK, Kind.UNBLOCK, Kind.REFUSED, Kind.CHECK}
    assert first_contradiction(history) is None


def _recorded_lists(deployment: Deployment, servers: int, operations: int) -> list[Operation]:
    seed = random.randrange(2**32)
    print(f"seed {seed}, {operations} operations through {servers} servers")  # noqa: T201 - to repeat a failure
    scopes = [argument for scope in ("read", "write", "manage") for argument in ("--scope", scope)]
    headers = {"Authorization": f"Bearer {deployment.add_token(*scopes)}"}
    with at_once([deployment.server() for _ in range(servers)]) as running:
        urls = [server.url for server in running]
        list_ids = _shared_lists(urls[0], headers)
        with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as processes:
            clients = [
                processes.submit(
                    records_of_lists, urls[index % servers], headers, list_ids, seed + index, operations // CLIENTS
                )
                for index in range(CLIENTS)
            ]
            return [operation for client in clients for operation in client.result()]


def _shared_lists(url: str, headers: dict[str, str]) -> dict[str, str]:
    list_ids = {}
    for name, kind in ((FRAUD, "block"), (VIP, "allow")):
        answer = httpx2.post(f"{url}/v1/lists", headers=headers, json={"name": name, "kind": kind})
        list_ids[name] = answer.json()["list_id"]
    return list_ids


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
