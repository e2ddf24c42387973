"""The operations whose CPU is measured, and the measuring: what the kernel has counted for the server's process.

It is counted over a number of requests, not a time: two servers whose lists grow with the requests stay alike.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.progress import track

from benchmarks.checks import check_of, lists_of_users
from benchmarks.gate import signed
from benchmarks.load import driven, write_posts
from benchmarks.processes import cpu_seconds
from benchmarks.variants import PATH, free
from wablock.settings import DEV_PHONE_NUMBER_ID

USERS: Final = 100_000
"""So many are blocked at the start."""

REQUESTS: Final = 20_000
"""Of each operation in a round, unless it says otherwise."""

_FEWER: Final = 40  # a check of 1,000 users costs as much as so many others
_SPREAD: Final = 97  # places between one sender and the next, so that they lie all over the list
_LEAST: Final = 10  # requests a connection: with one each, wrk would end before the first answer
_IDLE: Final = 0.001  # seconds of CPU in each pause: less is an idle server
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
    """How many of its requests are sent for one of another."""


class Cost(msgspec.Struct, frozen=True):
    """What an operation has cost a server: microseconds of CPU for each request, and requests a second meanwhile."""

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
    """An operation on a server: where that listens, and its process."""

    base_url: str
    pid: int
    operation: Operation

    def cost(self, requests: int) -> Cost:
        operation = self.operation
        _wait_until_idle(self.pid)
        before = cpu_seconds(self.pid)
        answered = driven(
            self.base_url + operation.path,
            operation.script,
            *operation.arguments,
            requests=max(int(requests * operation.share), _LEAST * operation.connections),
            connections=operation.connections,
        )
        used = cpu_seconds(self.pid) - before
        return Cost(used / answered.answers * 1e6, answered.answers / answered.seconds)


PAGE: Final = Operation("GET of a page of 25, unchanged", PATH, "get")


def operations(folder: Path) -> list[Operation]:
    """All of them. Their requests are kept in files in `folder`."""
    checks = write_posts(folder / "checks", map(check_of, lists_of_users(USERS)))
    webhooks = write_posts(folder / "webhooks", [signed([free(number * _SPREAD)], number) for number in range(1_000)])
    check = f"/v1/numbers/{DEV_PHONE_NUMBER_ID}/check"
    return [
        PAGE,
        Operation("POST of one user, durable", PATH, "single_post"),
        Operation("check of one user", "", "check", [str(USERS)]),
        # Few connections: what is in flight when the driving ends is not counted as answered.
        Operation("check of 1,000 users, 8 connections", check, "posts", [str(checks)], 8, 1 / _FEWER),
        Operation("webhook of one message, forwarded", "/webhooks/whatsapp", "posts", [str(webhooks)]),
    ]


def measured(measures: Sequence[Measure], rounds: int, requests: int) -> list[Costs]:
    """The costs of each, taken in turn: what disturbs the machine disturbs all of them alike."""
    for measure in measures:
        measure.cost(requests // 10)  # the first requests pay for what is made once
    taken: list[list[Cost]] = [[] for _ in measures]
    for _ in track(range(rounds), "CPU", transient=True):
        for measure, costs in zip(measures, taken, strict=True):
            costs.append(measure.cost(requests))
    return [Costs(costs) for costs in taken]


def _wait_until_idle(pid: int) -> None:
    """What an operation leaves to be done behind it is not to count as the next one's."""
    for _ in range(_PAUSES):
        before = cpu_seconds(pid)
        time.sleep(_PAUSE)
        if cpu_seconds(pid) - before < _IDLE:
            return
    raise RuntimeError(f"Process {pid} still works {_PAUSES * _PAUSE:.0f} s after its last request.")
