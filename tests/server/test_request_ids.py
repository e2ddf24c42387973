"""A request's id: in its answer, its error, and the log."""

import re

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.running_server import RunningServer

from wablock.server.request_ids import endless_ids, request_ids

GRAPH_ID = re.compile(r"A[A-Za-z0-9_-]{22}")


@given(seed=st.binary(min_size=1, max_size=100))
def test_an_id_has_graphs_form_for_any_random_bytes(seed: bytes) -> None:
    ids = next(endless_ids(lambda size: (seed * size)[:size]))

    assert GRAPH_ID.fullmatch(ids.fbtrace_id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", ids.trace_id)


def test_ids_do_not_repeat() -> None:
    assert len({request_ids() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/tokens", "/nothing", "/v25.0/1/block_users"])
def test_every_answer_has_an_id_and_an_error_has_the_same(server: RunningServer, path: str) -> None:
    answer = httpx2.get(server.url + path)

    assert GRAPH_ID.fullmatch(answer.headers["x-fb-request-id"])
    if answer.status_code >= 400:
        assert answer.json()["error"]["fbtrace_id"] == answer.headers["x-fb-request-id"]
