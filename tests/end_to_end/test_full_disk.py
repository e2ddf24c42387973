"""A full disk: no change is acknowledged that is not stored, and the server continues when there is room again."""

import resource
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import Server
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import blocked, body

BEFORE = "16505550101"
MEANWHILE = "16505550102"
AFTERWARDS = "16505550103"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Server, httpx2.Client]]:
    deployment = Deployment(tmp_path)
    with (
        deployment.server() as running,
        httpx2.Client(base_url=running.url, headers=deployment.headers, timeout=60) as client,
    ):
        assert client.post(BLOCK_USERS, json=body([BEFORE])).status_code == 200
        yield running, client


def _fill_disk(server: Server) -> None:
    # The process may write no more than a file's first byte: for SQLite this equals a full disk.
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))


def _free_disk(server: Server) -> None:
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_on_a_full_disk_a_block_fails_with_a_transient_error(server: tuple[Server, httpx2.Client]) -> None:
    running, client = server
    _fill_disk(running)

    answer = client.post(BLOCK_USERS, json=body([MEANWHILE]))

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == 139103
    assert answer.json()["error"]["is_transient"] is True


def test_on_a_full_disk_the_list_can_be_read_and_has_only_what_was_acknowledged(
    server: tuple[Server, httpx2.Client],
) -> None:
    running, client = server
    _fill_disk(running)
    client.post(BLOCK_USERS, json=body([MEANWHILE]))

    wa_ids = blocked(client)

    assert wa_ids == [BEFORE]


def test_on_a_full_disk_the_server_is_alive_and_not_ready(server: tuple[Server, httpx2.Client]) -> None:
    running, client = server
    _fill_disk(running)

    statuses = client.get("/healthz").status_code, client.get("/readyz").status_code

    assert statuses == (200, 503)


def test_the_server_continues_when_the_disk_has_room_again(server: tuple[Server, httpx2.Client]) -> None:
    running, client = server
    _fill_disk(running)
    assert client.post(BLOCK_USERS, json=body([MEANWHILE])).status_code == 500
    _free_disk(running)

    answer = client.post(BLOCK_USERS, json=body([AFTERWARDS]))

    assert answer.status_code == 200, answer.text
    assert blocked(client) == [AFTERWARDS, BEFORE]
    assert client.get("/readyz").status_code == 200
