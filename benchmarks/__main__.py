"""The command that runs all benchmarks: `python -m benchmarks [--rounds 5] [--only pages] [--json]`.

Its results are ratios. Other measurements have their own commands: `python -m benchmarks.cpu`, `costs` and `sizes`.
`python -m benchmarks.versions` compares two versions of wablock.
"""

import shutil
import sys
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from benchmarks import (
    bulk_posts,
    checks,
    growth,
    hot_list,
    large_webhooks,
    nodes,
    pages,
    postgresql,
    postgresql_checks,
    postgresql_pages,
    single_posts,
    slow_disk,
    strangers,
    webhooks,
)
from benchmarks.figures import Figure, print_table
from benchmarks.peers import nginx

BENCHMARKS: Final[dict[str, Callable[[int], list[Figure]]]] = {
    "single_posts": single_posts.measure,
    "pages": pages.measure,
    "bulk_posts": bulk_posts.measure,
    "slow_disk": slow_disk.measure,
    "growth": growth.measure,
    "webhooks": webhooks.measure,
    "large_webhooks": large_webhooks.measure,
    "checks": checks.measure,
    "postgresql": postgresql.measure,
    "postgresql_checks": postgresql_checks.measure,
    "postgresql_pages": postgresql_pages.measure,
    "hot_list": hot_list.measure,
    "nodes": nodes.measure,
    "strangers": strangers.measure,
}

app = App(name="benchmarks", help="Ratios between servers, measured alternately on one core each.")


@app.default
def run(
    *,
    rounds: Annotated[int, Parameter(help="Interleaved rounds; the result is their median.")] = 5,
    only: Annotated[list[str] | None, Parameter(help=f"One or more of {', '.join(BENCHMARKS)}.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print JSON.")] = False,
) -> None:
    """Measure, and print a table."""
    tools = {tool: shutil.which(tool) for tool in ("wrk", "taskset", "gcc")} | {"nginx": nginx.command()}
    for tool, path in tools.items():
        if path is None:
            sys.exit(f"The benchmarks need {tool}: install it, as in apt-get install wrk gcc util-linux nginx-light")
    figures = [figure for name in only or BENCHMARKS for figure in BENCHMARKS[name](rounds)]
    if json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        print_table(figures)


if __name__ == "__main__":
    app()
