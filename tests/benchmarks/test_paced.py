"""The load at a fixed rate: when requests are sent, and from when their latencies count."""

import time
from http import HTTPStatus

import pytest
from benchmarks.load.paced import is_complete, latencies
from tests.listening import QuietHandler, listening

WORK = 0.02  # seconds for each request


class Slow(QuietHandler):
    status = HTTPStatus.OK

    def do_POST(self) -> None:
        self.read_body()
        time.sleep(WORK)
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


class Refusing(Slow):
    status = HTTPStatus.SERVICE_UNAVAILABLE


def test_requests_are_sent_at_their_times_although_others_are_in_flight() -> None:
    with listening(Slow) as port:
        began = time.perf_counter()
        times = latencies(f"http://127.0.0.1:{port}/", rate=100, seconds=0.5, connections=50)
        elapsed = time.perf_counter() - began

    assert len(times) == 50
    assert min(times) >= WORK
    assert elapsed >= 0.49


def test_a_late_response_counts_for_the_requests_that_wait_behind_it() -> None:
    with listening(Slow) as port:
        times = latencies(f"http://127.0.0.1:{port}/", rate=100, seconds=0.3, connections=1)

    assert len(times) == 30
    assert times[-1] >= 30 * WORK - 0.3  # the last one is due after 0.29 s, and 29 must be finished before
    assert times == sorted(times)


def test_a_response_that_is_no_200_ends_the_measurement() -> None:
    with listening(Refusing) as port, pytest.raises(RuntimeError, match="503"):
        latencies(f"http://127.0.0.1:{port}/", rate=10, seconds=0.1)


@pytest.mark.parametrize(
    "response, complete",
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_a_response_is_complete_with_its_head_and_all_of_its_body(response: bytes, complete: bool) -> None:  # noqa: FBT001
    assert is_complete(response) == complete
