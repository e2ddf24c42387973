"""The CPU time of a request, also as a multiple of nginx with a constant response: `python -m benchmarks.cpu`.

The server is `wablock serve` on one core; `wrk` with 64 connections runs on another. The CPU time is the kernel's
count, so other processes on the machine affect it less than they affect rates.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.gate import downstream
from benchmarks.operations import PAGE, REQUESTS, USERS, Costs, Measure, measured, operations
from benchmarks.peers import bare, nginx
from benchmarks.served import HERE, served

_BODY: Final = 2_000  # bytes: about a page of 25
_NGINX: Final = "nginx, a constant answer"
_BARE: Final = "bare httptools on uvloop, a constant answer"

app = App(name="cpu", help="CPU time of a request, for servers measured alternately on one core.")


class Row(msgspec.Struct):
    """The result for one operation: microseconds of CPU for each request, and requests a second."""

    operation: str
    cpu: float
    least: float
    times_nginx: float
    rate: float


@app.default
def run(
    *,
    rounds: Annotated[int, Parameter(help="Interleaved rounds; the result is their median.")] = 5,
    requests: Annotated[int, Parameter(help="Requests of each operation in a round.")] = REQUESTS,
    json: Annotated[bool, Parameter(negative="", help="Print JSON.")] = False,
) -> None:
    """Measure, and print a table."""
    rows = _rows(_measure(rounds, requests))
    if json:
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
    else:
        _print(rows)


def _measure(rounds: int, requests: int) -> dict[str, Costs]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measures = []
        for name, peer in ((_NGINX, nginx.constant(_BODY)), (_BARE, bare.constant(_BODY))):
            constant = stack.enter_context(peer)
            measures.append(Measure(constant.url, constant.process.pid, msgspec.structs.replace(PAGE, name=name)))
        server = stack.enter_context(served(HERE, stack.enter_context(downstream()), USERS))
        measures += [Measure(server.base_url, server.pid, operation) for operation in operations(folder)]
        names = [measure.operation.name for measure in measures]
        return dict(zip(names, measured(measures, rounds, requests), strict=True))


def _rows(costs: dict[str, Costs]) -> list[Row]:
    constant = costs[_NGINX].median
    return [Row(name, it.median, it.minimum, it.median / constant, it.rate) for name, it in costs.items()]


def _print(rows: list[Row]) -> None:
    table = Table("operation")
    for heading in ("CPU µs, median", "minimum", "times nginx", "requests/s"):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = (row.cpu, row.least, row.times_nginx)
        table.add_row(row.operation, *(f"{figure:,.1f}" for figure in figures), f"{row.rate:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    app()
