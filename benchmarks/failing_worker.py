"""A Citus worker that is dead, and later silent: what the numbers on the other worker notice, and what its own get.

There is no Citus: a PostgreSQL database fails as one does, see `tests/workers.py`.
"""

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from typing import Final
from urllib.parse import urlsplit

import msgspec
from tests.postgres import execute
from tests.workers import DEAD, SILENT, Workers

from benchmarks import questions
from benchmarks.databases import NUMBERS, postgresql, with_numbers
from benchmarks.figures import Figure
from benchmarks.lists import Lists
from benchmarks.variants import TOKEN, running

_SECONDS: Final = 10.0
_BETWEEN: Final = 3.0
_PAUSE: Final = 0.01  # seconds that a client waits before its next request
_CLIENTS: Final = 16  # that write, and as many that read, of each worker's numbers
_HEADERS: Final = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


class _Response(msgspec.Struct, frozen=True):
    at: float
    seconds: float
    status: int
    worker: int


def measure(rounds: int, _: Lists) -> list[Figure]:
    """One run, whatever `rounds` is."""
    del rounds
    with postgresql() as cluster:
        execute(cluster.url, "CREATE SCHEMA workers")
        workers = Workers(f"{cluster.url}?search_path=workers")
        with_numbers(workers.url)
        with running("wablock", url=workers.url) as server:
            clients = _Clients(server.base_url)
            clients.start()
            phases: dict[str, tuple[float, float]] = {}
            for how in (DEAD, SILENT):
                time.sleep(_BETWEEN)
                began = time.perf_counter()
                with workers.broken(2, how):
                    time.sleep(_SECONDS)
                phases[how] = began, time.perf_counter()
            time.sleep(_BETWEEN)
            clients.stop()
            lost = clients.lost()
    assert not lost, f"{lost} acknowledged blocks are not on their lists"
    assert all(it.status == 200 for it in clients.responses if it.worker == 1)
    return _figures(clients.responses, phases)


def _figures(responses: Sequence[_Response], phases: Mapping[str, tuple[float, float]]) -> list[Figure]:
    answered = sorted(it.at for it in responses if it.worker == 1)
    gap = max(later - earlier for earlier, later in pairwise(answered))
    failing = [it for it in responses if it.worker == 2]
    began, ended = phases[DEAD]
    refused = sorted(it.seconds for it in failing if it.status == 503 and began < it.at < ended)
    back = max(min(it.at for it in failing if it.status == 200 and it.at > end) - end for _, end in phases.values())
    counts = {
        f"responses with {status}": float(sum(it.status == status for it in failing)) for status in (200, 500, 503)
    }
    return [
        Figure(questions.WORKER_GAP, gap, {"responses of the other worker's numbers": len(answered)}),
        Figure(questions.WORKER_REFUSAL, refused[len(refused) * 99 // 100], counts),
        Figure(questions.WORKER_BACK, back, {}),
    ]


class _Clients:
    """Clients that write and read in threads, each with its own connection."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._ended = threading.Event()
        self._acknowledged: dict[str, set[str]] = {number: set() for number in NUMBERS}
        self.responses: list[_Response] = []
        self._threads = [
            threading.Thread(target=self._work, args=(worker, place), kwargs={"writes": writes})
            for worker in (1, 2)
            for writes in (False, True)
            for place in range(_CLIENTS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def lost(self) -> int:
        """The number of acknowledged blocks that are not on their lists."""
        connection = http.client.HTTPConnection(self._address, timeout=60)
        lost = 0
        for number, users in self._acknowledged.items():
            for start in range(0, len(users), 1_000):
                some = sorted(users)[start : start + 1_000]
                body = msgspec.json.encode({"users": some})
                connection.request("POST", f"/v1/numbers/{number}/check", body, _HEADERS)
                checked = msgspec.json.decode(connection.getresponse().read())["users"]
                lost += sum(not it["blocked"] for it in checked)
        return lost

    def _work(self, worker: int, place: int, *, writes: bool) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        numbers = [number for number in NUMBERS if 1 + int(number[-1]) % 2 == worker]
        for turn in count():
            if self._ended.wait(_PAUSE):
                break
            number, user = numbers[(place + turn) % len(numbers)], f"+1650{place:02d}{turn:05d}"
            path = f"/v25.0/{number}/block_users"
            body = msgspec.json.encode({"messaging_product": "whatsapp", "block_users": [{"user": user}]})
            began = time.perf_counter()
            if writes:
                connection.request("POST", path, body, _HEADERS)
            else:
                connection.request("GET", path, headers=_HEADERS)
            response = connection.getresponse()
            response.read()
            at = time.perf_counter()
            if writes and response.status == 200:
                self._acknowledged[number].add(user)
            self.responses.append(_Response(at, at - began, response.status, worker))
