"""The caches of request heads take little memory, whatever the heads contain."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from wablock.contract.errors import GraphError
from wablock.server.answers import Answer
from wablock.server.protocol.heads import check_head, target
from wablock.server.request import Request
from wablock.server.router import Router, route

LARGE = 30_000


def _host(number: int) -> None:
    host = b"%d" % number + b"a" * LARGE
    check_head("1.1", [(b"host", host)], {b"host": host})


def _target(number: int) -> None:
    target(b"GET", b"/%d" % number + b"a" * LARGE)


def _absolute_target(number: int) -> None:
    target(b"GET", b"http://%d/" % number + b"a" * LARGE)


async def _nothing(_: Request) -> Answer:
    return Answer(200, b"")


_ROUTER = Router([route("GET", "/{name}", _nothing), route("GET", "/{name}/{edge}", _nothing)])


def _path(number: int) -> None:
    _ROUTER.find(f"/{number}" + "a" * LARGE)


def _path_with_edge(number: int) -> None:
    _ROUTER.find(f"/{number}/" + "a" * LARGE)


@pytest.mark.parametrize("look", [_host, _target, _absolute_target, _path, _path_with_edge])
def test_long_heads_are_not_remembered(look: Callable[[int], None]) -> None:
    tracemalloc.start()
    try:
        for number in range(1_000):
            with suppress(GraphError):
                look(number)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 100 * LARGE
