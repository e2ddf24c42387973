"""The operations whose CPU time is measured, and the measurement, by the kernel's count for the server's process.

Each measurement covers a fixed number of requests, not a fixed time, so that the lists of two servers grow equally.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.figures import shown
from benchmarks.gate import WEBHOOKS_PATH, webhooks_of_one_message
from benchmarks.load import driven
from benchmarks.processes import cpu_seconds
from benchmarks.variants import PATH

REQUESTS: Final = 20_000
"""The number of requests of each operation in a round, times the operation's `share`."""

_LEAST: Final = 10  # requests for each connection: with only one, wrk would end before the first response
_IDLE: Final = 0.001  # seconds of CPU in each pause; a server that uses less is idle
_PAUSE: Final = 0.05
_PAUSES: Final = 200


class Operation(msgspec.Struct, frozen=True):
    """Requests of one kind."""

    name: str
    path: str
    script: str
    arguments: Sequence[str] = ()
    connections: int = 64
    share: float = 1
    """The number of its requests relative to other operations."""


class Cost(msgspec.Struct, frozen=True):
    """An operation's cost on a server: microseconds of CPU for each request, and requests a second."""

    cpu: float
    rate: float


class Costs(msgspec.Struct, frozen=True):
    """The costs of one operation on one server, one for each round."""

    rounds: Sequence[Cost]

    @property
    def minimum(self) -> float:
        return min(cost.cpu for cost in self.rounds)

    @property
    def median(self) -> float:
        return statistics.median(cost.cpu for cost in self.rounds)

    @property
    def rate(self) -> float:
        return statistics.median(cost.rate for cost in self.rounds)


class Measure(msgspec.Struct, frozen=True):
    """An operation on a server, with the server's address and process."""

    base_url: str
    pid: int
    operation: Operation

    def cost(self, requests: int) -> Cost:
        operation = self.operation
        _wait_until_idle(self.pid)
        before = cpu_seconds(self.pid)
        result = driven(
            self.base_url + operation.path,
            operation.script,
            *operation.arguments,
            requests=max(int(requests * operation.share), _LEAST * operation.connections),
            connections=operation.connections,
        )
        used = cpu_seconds(self.pid) - before
        return Cost(used / result.answers * 1e6, result.answers / result.seconds)


PAGE: Final = Operation("GET of 25, unchanged", PATH, "get")
POST: Final = Operation("POST of one user", PATH, "single_post")


def check(users: int) -> Operation:
    """The check of one user on a list of `users`."""
    return Operation("check of one user", "", "check", [str(users)])


def webhook(folder: Path, users: int) -> Operation:
    """The webhook of one message. Its requests are in a file in `folder`."""
    posts = webhooks_of_one_message(folder / "webhooks", users)
    return Operation("webhook of one message", WEBHOOKS_PATH, "posts", [str(posts)])


def measured(measures: Sequence[Measure], rounds: int, requests: int = REQUESTS) -> list[Costs]:
    """The costs of each measure. They are measured alternately, so that a busy machine affects all of them alike."""
    for measure in measures:
        measure.cost(requests // 10)  # the first requests include one-time costs
    results: list[list[Cost]] = [[] for _ in measures]
    for _ in shown(rounds, "single requests"):
        for measure, costs in zip(measures, results, strict=True):
            costs.append(measure.cost(requests))
    return [Costs(costs) for costs in results]


def _wait_until_idle(pid: int) -> None:
    """Wait for background work of the last operation, so that it is not counted for the next one."""
    for _ in range(_PAUSES):
        before = cpu_seconds(pid)
        time.sleep(_PAUSE)
        if cpu_seconds(pid) - before < _IDLE:
            return
    raise RuntimeError(f"Process {pid} still works {_PAUSES * _PAUSE:.0f} s after its last request.")
