"""The gate's cost for a webhook of 1,000 updates, compared with a client that decodes, encodes and posts it."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, at_most, interleaved
from benchmarks.gate import downstream, gate, signed
from benchmarks.load import milliseconds_in_python, write_posts
from benchmarks.variants import blocked, filled, free

_WEBHOOKS = 10
_UPDATES = 1_000
_SPREAD = 97  # distance between two senders, so that they are spread over the whole million


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        free_senders = write_posts(folder / "free", [signed(_senders(number), number) for number in range(_WEBHOOKS)])
        some_blocked = write_posts(
            folder / "some", [signed(_senders(number, blocked_each=20), number) for number in range(_WEBHOOKS)]
        )
        receiver = stack.enter_context(downstream())
        through = stack.enter_context(gate(filled(folder / "million.db"), receiver))
        times = interleaved(
            {
                "none blocked": partial(milliseconds_in_python, through.url, free_senders),
                "5 % blocked": partial(milliseconds_in_python, through.url, some_blocked),
                "decoded, encoded, posted": partial(milliseconds_in_python, receiver, free_senders, recoded=True),
            },
            rounds,
            "webhooks of 1,000 updates",
        )
        assert through.dropped_messages()
    bare = times["decoded, encoded, posted"]
    of_none, of_some = times["none blocked"] / bare, times["5 % blocked"] / bare
    return [
        at_most("1,000 updates through the gate, none blocked ÷ decoded, encoded, posted", of_none, 3, times),
        at_most("the same, 5 % of the senders blocked", of_some, 3, {}),
    ]


def _senders(number: int, blocked_each: int | None = None) -> list[str]:
    """The senders of one webhook. One in `blocked_each` is blocked; None: none of them."""
    places = range(number * _UPDATES * _SPREAD, (number + 1) * _UPDATES * _SPREAD, _SPREAD)
    return [
        blocked(place) if blocked_each and not index % blocked_each else free(place)
        for index, place in enumerate(places)
    ]
