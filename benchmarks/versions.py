"""The CPU time of requests in two source trees, measured alternately in one run, to see the effect of a change.

    python -m benchmarks.versions --before PATH [--after PATH]

PATH is another checkout, as from `git worktree add PATH HEAD~1`. It runs in its own .venv if it has one, otherwise with
this interpreter.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.checks import CHECK_PATH, check_of, lists_of_users
from benchmarks.gate import downstream
from benchmarks.load import write_posts
from benchmarks.operations import PAGE, POST, REQUESTS, Costs, Measure, Operation, check, measured, webhook
from benchmarks.served import HERE, Tree, served

_USERS: Final = 100_000
"""The number of users blocked at the start."""

_FEWER: Final = 40  # a check of 1,000 users costs as much as 40 other requests

app = App(name="versions", help="CPU time of a request in two versions of wablock, measured alternately on one core.")


@app.default
def run(
    *,
    before: Annotated[Path, Parameter(help="A checkout to compare with.")],
    after: Annotated[Path, Parameter(help="The other checkout. Default: this one.")] = HERE.path,
    rounds: Annotated[int, Parameter(help="Interleaved rounds.")] = 5,
    requests: Annotated[int, Parameter(help="Requests of each operation in a round.")] = REQUESTS,
) -> None:
    """Measure, and print a table."""
    trees = [Tree(path.resolve()) for path in (before, after)]
    for tree in trees:
        if not tree.is_complete:
            sys.exit(f"{tree.path} is not a checkout of wablock: it has no src/wablock.")
    _print(_measure(trees, rounds, requests))


def _measure(trees: list[Tree], rounds: int, requests: int) -> dict[str, list[Costs]]:
    """For each operation, its costs in each tree."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(downstream())
        servers = [stack.enter_context(served(tree, receiver, _USERS)) for tree in trees]
        measures = [
            Measure(server.base_url, server.pid, operation) for operation in _operations(folder) for server in servers
        ]
        costs: dict[str, list[Costs]] = {}
        for measure, each in zip(measures, measured(measures, rounds, requests), strict=True):
            costs.setdefault(measure.operation.name, []).append(each)
        return costs


def _operations(folder: Path) -> list[Operation]:
    """All operations. Their requests are in files in `folder`."""
    checks = write_posts(folder / "checks", map(check_of, lists_of_users(_USERS)))
    # Few connections, because requests that are in flight at the end do not count as answered.
    check_of_many = Operation("check of 1,000 users, 8 connections", CHECK_PATH, "posts", [str(checks)], 8, 1 / _FEWER)
    return [PAGE, POST, check(_USERS), check_of_many, webhook(folder, _USERS)]


def _print(costs: dict[str, list[Costs]]) -> None:
    table = Table("CPU µs of a request")
    for heading in ("median before", "after", "ratio", "minimum before", "after", "ratio"):
        table.add_column(heading, justify="right")
    for name, (before, after) in costs.items():
        cells = []
        for old, new in ((before.median, after.median), (before.minimum, after.minimum)):
            cells += [f"{old:,.1f}", f"{new:,.1f}", f"{new / old:.2f}"]
        table.add_row(name, *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    app()
