"""Unforeseen errors get Graph's envelope too, and are logged in full."""

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.running_server import RunningServer, running_server


class Clock:
    """A clock that breaks when a test says so."""

    broken = False

    def __call__(self) -> int:
        if self.broken:
            raise RuntimeError("the clock is broken")
        return 1_737_679_688_383_584


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    clock = Clock()
    with running_server(tmp_path, clock=clock) as running:
        clock.broken = True
        yield running
        clock.broken = False


@pytest.mark.parametrize("path", ["/v25.0/106540352242922/block_users", "/v1/numbers/106540352242922/last_inbound"])
def test_an_unforeseen_failure_is_the_envelope_of_an_internal_error_and_logged(
    server: RunningServer, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    method = "GET" if path.endswith("block_users") else "PUT"
    headers = {"Authorization": f"Bearer {server.token}"}

    with caplog.at_level(logging.ERROR, "wablock"):
        answer = httpx2.request(method, server.url + path, headers=headers, json={"users": []})
        httpx2.get(f"{server.url}/healthz")  # when it is answered, the log of the earlier request is written

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 139103)
    assert "RuntimeError: the clock is broken" in caplog.text
    assert "a request failed unexpectedly" in caplog.text


def test_after_an_unforeseen_failure_the_connection_goes_on(server: RunningServer) -> None:
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}) as client:
        assert client.get(server.block_users).status_code == 500
        assert client.get("/healthz").status_code == 200
