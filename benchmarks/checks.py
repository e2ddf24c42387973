"""The cost of checks: of 1,000 users compared with the bare query, of one user compared with a constant response."""

import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of, requests_per_second, write_posts
from benchmarks.peers import bare
from benchmarks.processes import SERVER_CORE, module, number_printed_by
from benchmarks.variants import TOKEN, blocked, filled, free, request_json, running
from wablock.settings import DEV_PHONE_NUMBER_ID

_MILLION = 1_000_000
_LISTS = 100
_SECONDS = 3.0


def measure(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = filled(folder / "million.db", _MILLION)
        return [_check_of_many(folder, file, rounds), _check_of_one(file, rounds)]


def _check_of_many(folder: Path, file: Path, rounds: int) -> Figure:
    users = lists_of_users(_MILLION)
    lists = folder / "lists"
    lists.write_bytes(b"\n".join(msgspec.json.encode(each) for each in users))
    posts = write_posts(folder / "posts", [check_of(each) for each in users])
    bare = module("peers.bare_checks", str(file), str(lists), str(_SECONDS))
    with running("wablock", file=file) as server:
        url = _path(server.base_url)
        rates = interleaved(
            {
                "wablock": partial(requests_per_second, url, "posts", str(posts), connections=8, seconds=_SECONDS),
                "bare query": partial(number_printed_by, SERVER_CORE, bare),
            },
            rounds,
            "checks of 1,000 users",
        )
    return at_least("checks of 1,000 users ÷ the bare query", rates["wablock"] / rates["bare query"], 0.4, rates)


def _check_of_one(file: Path, rounds: int) -> Figure:
    with ExitStack() as stack:
        server = stack.enter_context(running("wablock", file=file))
        response = request_json(f"{_path(server.base_url)}/{blocked(0)}")
        assert response["blocked"]
        constant = stack.enter_context(bare.constant(len(msgspec.json.encode(response))))
        rates = interleaved(
            {
                "wablock": rate_of(server.base_url, "check"),
                "constant": rate_of(constant.url, "check"),
            },
            rounds,
            "checks of one user",
        )
    return at_least(
        "check of one user ÷ a constant body from bare httptools", rates["wablock"] / rates["constant"], 0.6, rates
    )


def lists_of_users(blocked_users: int) -> list[list[str]]:
    """Lists of 1,000 users, half of them blocked, spread over all `blocked_users`."""
    numbers = random.Random(1)
    return [
        [
            (blocked if index % 2 else free)(place)
            for index, place in enumerate(numbers.sample(range(blocked_users), 1_000))
        ]
        for _ in range(_LISTS)
    ]


def check_of(users: Sequence[str]) -> tuple[str, bytes]:
    """The header and the body of a check, for `write_posts`."""
    return f"Authorization: Bearer {TOKEN}", msgspec.json.encode({"users": [f"+{user}" for user in users]})


def _path(base_url: str) -> str:
    return f"{base_url}/v1/numbers/{DEV_PHONE_NUMBER_ID}/check"
