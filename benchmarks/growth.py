"""The cost of a million blocked users, compared with a thousand: start, GET and memory."""

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import MILLION, THOUSAND, Lists
from benchmarks.load import rate_of
from benchmarks.processes import SERVER_CORE, started, wablock
from benchmarks.variants import PATH, request_json, running
from wablock.settings import file_url

_SIZES: Final = {"a million": MILLION, "a thousand": THOUSAND}


def measure(rounds: int, lists: Lists) -> list[Figure]:
    files = {name: lists.copy(size) for name, size in _SIZES.items()}
    starts = interleaved({name: partial(_start, file) for name, file in files.items()}, rounds, "starts")
    with ExitStack() as stack:
        servers = {name: stack.enter_context(running("forgetful", file=file)) for name, file in files.items()}
        gets = interleaved({name: rate_of(server.url, "get") for name, server in servers.items()}, rounds, "GETs")
        memory = {name: server.resident_bytes() / 1e6 for name, server in servers.items()}
    large, small = _SIZES
    return [
        Figure(questions.START_GROWTH, starts[large] / starts[small], _named(starts, "s")),
        Figure(questions.PAGE_GROWTH, gets[small] / gets[large], _named(gets, "GETs/s")),
        Figure(questions.MEMORY_GROWTH, memory[large] / memory[small], _named(memory, "MB")),
        Figure(questions.START, starts[large], {}),
    ]


def _start(file: Path) -> float:
    """Seconds until `wablock serve` has sent the response to a GET."""
    began = time.perf_counter()
    with started(SERVER_CORE, wablock("serve", "--port", "0"), {"WABLOCK_DATABASE": file_url(file)}) as server:
        request_json(server.url + PATH)
        return time.perf_counter() - began


def _named(medians: dict[str, float], unit: str) -> dict[str, float]:
    return {f"{name}, {unit}": median for name, median in medians.items()}
