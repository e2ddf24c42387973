"""The rate of reads while 64 writers wait for a slow disk, compared with reads alone. It needs gcc."""

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import Lists
from benchmarks.load import requests_per_second
from benchmarks.variants import fill, request_json, running

_PAUSE = 0.05  # seconds that a writer waits before its next request: steady writers, not a flood


def measure(rounds: int, _: Lists) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow_fsync.so"
        source = Path(__file__).parent / "slow_fsync.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
        with running("wablock", preload=library) as server:
            fill(server.url, 2_000)
            rates = interleaved(
                {"alone": lambda: _gets(server.url), "with writers": lambda: _gets_with_writers(server.url)},
                rounds,
                "GETs on a slow disk",
            )
    return [Figure(questions.SLOW_DISK, rates["with writers"] / rates["alone"], rates)]


def _gets(url: str) -> float:
    return requests_per_second(url, "get", connections=32)


def _gets_with_writers(url: str) -> float:
    with _writers(url):
        return _gets(url)


@contextlib.contextmanager
def _writers(url: str) -> Iterator[None]:
    stop = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not stop.wait(_PAUSE):
            number += 1
            user = {"user": f"+1{writer:03d}{number % 10_000_000:07d}"}
            request_json(url, msgspec.json.encode({"messaging_product": "whatsapp", "block_users": [user]}))

    threads = [threading.Thread(target=write, args=(200 + writer,)) for writer in range(64)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
