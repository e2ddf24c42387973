"""The gate's cost for a webhook of 1,000 updates, compared with a client that decodes, encodes and posts it."""

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.gate import downstream, gate, signed
from benchmarks.lists import MILLION, Lists
from benchmarks.load import milliseconds_in_python, write_posts
from benchmarks.questions import Question
from benchmarks.variants import blocked, free

_WEBHOOKS: Final = 10
_UPDATES: Final = 1_000
_SPREAD: Final = 97  # distance between two senders, so that they are spread over the whole million


def measure(rounds: int, lists: Lists) -> list[Figure]:
    """No sender is blocked."""
    return [_measure(questions.LARGE_WEBHOOK, rounds, lists)]


def measure_with_blocked(rounds: int, lists: Lists) -> list[Figure]:
    """5 % of the senders are blocked."""
    return [_measure(questions.LARGE_WEBHOOK_SOME, rounds, lists, blocked_each=20)]


def _measure(question: Question, rounds: int, lists: Lists, blocked_each: int | None = None) -> Figure:
    with ExitStack() as stack:
        webhooks = [signed(_senders(number, blocked_each), number) for number in range(_WEBHOOKS)]
        posts = write_posts(lists.folder / "large_webhooks", webhooks)
        receiver = stack.enter_context(downstream())
        through = stack.enter_context(gate(lists.copy(MILLION), receiver))
        times = interleaved(
            {
                "ms": partial(milliseconds_in_python, through.url, posts),
                "ms of the bare client": partial(milliseconds_in_python, receiver, posts, recoded=True),
            },
            rounds,
            "webhooks of 1,000 updates",
        )
        assert bool(through.dropped_messages()) == bool(blocked_each)
    gated, recoded = times.values()
    return Figure(question, gated / recoded, times)


def _senders(number: int, blocked_each: int | None) -> list[str]:
    """The senders of one webhook. One in `blocked_each` is blocked; None: none of them."""
    places = range(number * _UPDATES * _SPREAD, (number + 1) * _UPDATES * _SPREAD, _SPREAD)
    return [
        blocked(place) if blocked_each and not index % blocked_each else free(place)
        for index, place in enumerate(places)
    ]
