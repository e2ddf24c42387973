"""The cost of a million blocked users, compared with a thousand."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, at_most, interleaved
from benchmarks.load import rate_of
from benchmarks.variants import filled, running

_SIZES = {"1,000": 1_000, "1,000,000": 1_000_000}


def measure(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        files = {name: filled(Path(folder) / f"{size}.db", size) for name, size in _SIZES.items()}
        starts = interleaved({name: partial(_start, file) for name, file in files.items()}, rounds, "starts")
        with ExitStack() as stack:
            servers = {name: stack.enter_context(running("forgetful", file=file)) for name, file in files.items()}
            gets = interleaved(
                {name: rate_of(server.url, "get") for name, server in servers.items()},
                rounds,
                "GETs",
            )
            memory = {name: server.resident_bytes() / 1e6 for name, server in servers.items()}
    small, large = _SIZES
    return [
        at_most("start to first answer, 1,000,000 ÷ 1,000 users", starts[large] / starts[small], 1.5, starts),
        at_most("time of a GET, not cached, 1,000,000 ÷ 1,000 users", gets[small] / gets[large], 1.5, gets),
        at_most("memory in MB, 1,000,000 ÷ 1,000 users", memory[large] / memory[small], 1.5, memory),
    ]


def _start(file: Path) -> float:
    with running("wablock", file=file) as server:
        return server.seconds_to_first_answer
