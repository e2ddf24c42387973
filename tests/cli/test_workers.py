"""`wablock serve --workers`: real processes that answer, fail, are replaced and end."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.cli.command import Server, run_here
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.graph import blocked, body
from tests.http_request import all_received, connected, refuses_connections
from tests.server.test_webhooks import ANNA, message, signed, webhook
from tests.waiting import comes_true

WORKERS: Final = 3

_HEALTHY = re.compile(r'^wablock_requests_total\{code="",operation="/healthz",status="200"\} (\d+)', re.MULTILINE)


def workers_of(pid: int) -> list[int]:
    """The running worker processes of this parent."""
    process = subprocess.run(["ps", "-axwwo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=3) for line in process.stdout.splitlines()]
    return [int(row[0]) for row in rows if row[1] == str(pid) and not row[2].startswith("Z") and "spawn_main" in row[3]]


def is_running(pid: int) -> bool:
    process = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return process.stdout.strip()[:1] not in ("", "Z")


def healthy(url: str) -> int:
    """The number of counted healthy answers, read over a new connection."""
    match = _HEALTHY.search(httpx2.get(f"{url}/metrics", timeout=30).text)
    return int(match[1]) if match else 0


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Pause these processes during the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(tmp_path_factory.mktemp("workers"))


@pytest.fixture(scope="module")
def server(deployment: Deployment) -> Iterator[Server]:
    """A server with several workers; each test restores its state."""
    with deployment.server("--workers", str(WORKERS)) as running:
        yield running


def test_the_line_has_the_number_of_workers_when_all_of_them_serve(server: Server) -> None:
    assert f", open rules, {WORKERS} workers\n" in server.announced
    assert len(workers_of(server.pid)) == WORKERS


def test_a_note_states_that_workers_do_not_speed_up_writes_on_sqlite(server: Server) -> None:
    assert "more workers do not make writes to SQLite faster" in server.log


def test_each_worker_answers(server: Server, deployment: Deployment) -> None:
    workers = workers_of(server.pid)

    for worker in workers:
        with stopped([other for other in workers if other != worker]):
            answer = httpx2.get(server.url + BLOCK_USERS, headers=deployment.headers, timeout=30)
        assert answer.status_code == 200


def test_a_change_at_one_worker_is_known_to_the_others(server: Server, deployment: Deployment) -> None:
    first, *others = workers_of(server.pid)
    with stopped(others):
        response = httpx2.post(
            server.url + BLOCK_USERS, json=body(["16505550109"]), headers=deployment.headers, timeout=30
        )

    with stopped([first]), httpx2.Client(base_url=server.url, headers=deployment.headers, timeout=30) as client:
        assert response.status_code == 200
        assert "16505550109" in blocked(client)


def test_every_scrape_counts_all_workers(server: Server) -> None:
    workers = workers_of(server.pid)
    before = healthy(server.url)
    for worker in workers:
        with stopped([other for other in workers if other != worker]):
            assert httpx2.get(f"{server.url}/healthz", timeout=30).status_code == 200

    assert {healthy(server.url) - before for _ in range(10)} == {len(workers)}


def test_the_last_counts_of_a_silent_worker_are_shown(server: Server) -> None:
    httpx2.get(f"{server.url}/healthz")
    before = healthy(server.url)

    with stopped(workers_of(server.pid)[1:]):
        assert healthy(server.url) == before


def test_a_worker_that_is_killed_is_replaced_and_no_count_is_lost(server: Server) -> None:
    workers = workers_of(server.pid)
    with stopped(workers[1:]):
        httpx2.get(f"{server.url}/healthz", timeout=30)
    before = healthy(server.url)

    os.kill(workers[0], signal.SIGKILL)

    assert comes_true(lambda: len(set(workers_of(server.pid)) - set(workers)) == 1)
    (new,) = set(workers_of(server.pid)) - set(workers)
    with stopped(workers[1:]):
        assert httpx2.get(f"{server.url}/healthz", timeout=60).status_code == 200
    assert healthy(server.url) == before + 1
    assert is_running(new)
    assert f'"pid": {workers[0]}, "status": -9' in server.log


def test_a_request_in_flight_is_finished_while_new_connections_are_refused(deployment: Deployment) -> None:
    content = b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}'
    head = (
        f"POST {BLOCK_USERS} HTTP/1.1\r\nHost: wablock.test\r\nAuthorization: Bearer {deployment.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode()
    with deployment.server("--workers", "2") as server, connected(server) as in_flight:
        workers = workers_of(server.pid)
        in_flight.sendall(head + content[:20])
        assert comes_true(lambda: "wablock_connections 2.0" in httpx2.get(f"{server.url}/metrics").text)

        server.signal(signal.SIGTERM)
        assert comes_true(lambda: refuses_connections(server))
        in_flight.sendall(content[20:])

        assert b'"wa_id":"16505550101"' in all_received(in_flight)
        assert server.ended() == 0
        assert len(workers) == 2
        assert not any(map(is_running, workers))
        assert "Traceback" not in server.log


def test_drops_of_any_worker_are_shown_by_all_of_them(tmp_path: Path) -> None:
    gate = GateDeployment(tmp_path, "http://127.0.0.1:9/no-receiver")
    with gate.server("--workers", "2") as server:
        assert httpx2.post(server.url + BLOCK_USERS, json=body([ANNA]), headers=gate.headers).status_code == 200
        workers = workers_of(server.pid)
        for worker, message_id in zip(workers, ("wamid.1", "wamid.2"), strict=True):
            content = webhook(message(ANNA, message_id))
            with stopped([other for other in workers if other != worker]):
                headers = {"x-hub-signature-256": signed(content)}
                url = f"{server.url}/webhooks/whatsapp"
                assert httpx2.post(url, content=content, headers=headers, timeout=60).status_code == 200

        url = f"{server.url}/v1/numbers/{PHONE_NUMBER_ID}/drops"
        pages = [httpx2.get(url, headers=gate.headers, timeout=60).json() for _ in range(10)]
        rest = httpx2.get(f"{url}?after={pages[0]['data'][0]['seq']}", headers=gate.headers, timeout=60).json()

    assert {len(page["data"]) for page in pages} == {2}
    assert rest["data"] == pages[0]["data"][1:]


def test_ctrl_c_in_a_terminal_reaches_all_processes_and_logs_no_errors(deployment: Deployment) -> None:
    with deployment.server("--workers", "2") as server:
        for pid in [server.pid, *workers_of(server.pid)]:
            os.kill(pid, signal.SIGINT)

        assert server.ended() == 0
        assert "Traceback" not in server.log
        assert "a worker" not in server.log


def test_no_worker_outlives_a_parent_that_was_killed(deployment: Deployment) -> None:
    with deployment.server("--workers", "2") as server:
        workers = workers_of(server.pid)

        server.signal(signal.SIGKILL)

        assert len(workers) == 2
        assert comes_true(lambda: not any(map(is_running, workers)))


def test_a_database_that_cannot_be_opened_is_one_line_and_no_worker(tmp_path: Path) -> None:
    refused = run_here("serve", "--port", "0", "--workers", "2", "--database", f"sqlite:///{tmp_path}")

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.endswith(" is a folder; name a file\n")
    assert refused.stderr.count("\n") == 1
