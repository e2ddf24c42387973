"""The command that measures: `python -m benchmarks [NAME ...] [--rounds 11] [--json] [--write]`.

Without a name, it measures the table of docs/performance.md. Other measurements have their own commands:
`python -m benchmarks.costs`, `sizes`, and `versions`, which compares two versions of wablock.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console

from benchmarks import (
    bulk_posts,
    checks,
    failing_worker,
    growth,
    hot_list,
    large_webhooks,
    nodes,
    page,
    plot,
    postgresql,
    postgresql_checks,
    postgresql_groups,
    postgresql_pages,
    single_requests,
    slow_disk,
    slowest_posts,
    strangers,
    webhooks,
)
from benchmarks.figures import Figure
from benchmarks.lists import Lists
from benchmarks.machine import after_run, machine
from benchmarks.peers import nginx
from benchmarks.results import Results, as_json, print_results

Benchmark = Callable[[int, Lists], list[Figure]]
TABLE: Final[dict[str, Benchmark]] = {
    "single_requests": single_requests.measure,
    "large_webhooks": large_webhooks.measure,
    "bulk_posts": bulk_posts.measure,
    "postgresql_checks": postgresql_checks.measure,
    "slowest_posts": slowest_posts.measure,
    "growth": growth.measure,
}
OTHERS: Final[dict[str, Benchmark]] = {
    "checks": checks.measure,
    "webhooks": webhooks.measure,
    "large_webhooks_some_blocked": large_webhooks.measure_with_blocked,
    "slow_disk": slow_disk.measure,
    "strangers": strangers.measure,
    "postgresql": postgresql.measure,
    "postgresql_groups": postgresql_groups.measure,
    "postgresql_pages": postgresql_pages.measure,
    "hot_list": hot_list.measure,
    "nodes": nodes.measure,
    "failing_worker": failing_worker.measure,
}
BENCHMARKS: Final = TABLE | OTHERS

_DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
_PLOT: Final = "images/performance.svg"

app = App(name="benchmarks", help="Compare servers, measured alternately on one core.")


@app.default
def run(
    *names: Annotated[str, Parameter(help=f"Of {', '.join(BENCHMARKS)}. Default: the table of docs/performance.md.")],
    rounds: Annotated[int, Parameter(help="Interleaved rounds; a result is computed from their medians.")] = 11,
    json: Annotated[bool, Parameter(negative="", help="Print JSON.")] = False,
    write: Annotated[bool, Parameter(negative="", help="Write the table, as in docs/performance.md.")] = False,
) -> None:
    """Measure, and print a table."""
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        sys.exit(f"There is no benchmark {', '.join(unknown)}. Choose from {', '.join(BENCHMARKS)}.")
    if write and names:
        sys.exit("--write needs the whole table: give no names.")
    _look_for_tools()
    results = _measure(names or list(TABLE), rounds)
    if json:
        sys.stdout.buffer.write(as_json(results))
    else:
        print_results(results, Console())
    if write:
        _write(results)


def _look_for_tools() -> None:
    tools = {tool: shutil.which(tool) for tool in ("wrk", "taskset")} | {"nginx": nginx.command()}
    for tool, path in tools.items():
        if path is None:
            sys.exit(f"The benchmarks need {tool}: install it, as in apt-get install wrk util-linux nginx-light")


def _measure(names: Sequence[str], rounds: int) -> Results:
    progress = Console(stderr=True)
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="wablock-bench-") as folder:
        lists = Lists(Path(folder))
        description = machine(lists.folder)
        for place, name in enumerate(names, 1):
            progress.print(f"{place} of {len(names)}: {name}", highlight=False)
            began = time.perf_counter()
            figures += BENCHMARKS[name](rounds, lists)
            seconds[name] = time.perf_counter() - began
    return Results(after_run(description), figures, seconds)


def _write(results: Results) -> None:
    """Write what the run of the table changes in docs/."""
    (_DOCS / "performance.json").write_bytes(as_json(results))
    (_DOCS / _PLOT).write_text(plot.svg(results.figures), "utf-8")
    text = _DOCS / "performance.md"
    text.write_text(page.with_results(text.read_text("utf-8"), results, _PLOT), "utf-8")


if __name__ == "__main__":
    app()
