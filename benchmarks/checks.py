"""The rate of checks of 1,000 users, compared with the bare query."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import MILLION, Lists
from benchmarks.load import requests_per_second, write_posts
from benchmarks.processes import SERVER_CORE, module, number_printed_by
from benchmarks.variants import TOKEN, blocked, free, running
from wablock.settings import DEV_PHONE_NUMBER_ID

CHECK_PATH: Final = f"/v1/numbers/{DEV_PHONE_NUMBER_ID}/check"
_LISTS: Final = 100
_SECONDS: Final = 3.0


def measure(rounds: int, lists: Lists) -> list[Figure]:
    file = lists.copy(MILLION)
    users = lists_of_users(MILLION)
    checked = lists.folder / "checked_users"
    checked.write_bytes(b"\n".join(msgspec.json.encode(each) for each in users))
    posts = write_posts(lists.folder / "checks", map(check_of, users))
    bare = module("peers.bare_checks", str(file), str(checked), str(_SECONDS))
    with running("wablock", file=file) as server:
        url = server.base_url + CHECK_PATH
        rates = interleaved(
            {
                "wablock": partial(requests_per_second, url, "posts", str(posts), connections=8, seconds=_SECONDS),
                "bare query": partial(number_printed_by, SERVER_CORE, bare),
            },
            rounds,
            "checks of 1,000 users",
        )
    return [Figure(questions.CHECK_OF_MANY, rates["wablock"] / rates["bare query"], rates)]


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
