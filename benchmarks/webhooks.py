"""The gate's cost for a webhook of one message, with a million blocked users."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, at_least, at_most, interleaved
from benchmarks.gate import downstream, gate, signed
from benchmarks.load import milliseconds, requests_per_second, write_posts
from benchmarks.peers.nginx import proxying
from benchmarks.variants import filled, free

_SPREAD = 997  # distance between two senders, so that they are spread over the whole million


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        posts = write_posts(folder / "posts", [signed([free(number * _SPREAD)], number) for number in range(1_000)])
        receiver = stack.enter_context(downstream())
        through = stack.enter_context(gate(filled(folder / "million.db"), receiver))
        proxy = stack.enter_context(proxying(receiver))
        ways = {"through the gate": through.url, "through nginx": proxy, "directly": receiver}
        rates = interleaved(
            {name: partial(requests_per_second, url, "posts", str(posts)) for name, url in ways.items()},
            rounds,
            "webhooks of one message",
        )
        times = interleaved(
            {name: partial(milliseconds, url, posts) for name, url in ways.items()}, rounds, "one at a time"
        )
        assert not through.dropped_messages()
    share = rates["through the gate"] / rates["through nginx"]
    more = times["through the gate"] - times["directly"]
    return [
        at_least("one-message webhooks through the gate ÷ nginx proxy_pass", share, 0.2, rates),
        at_most("ms that the gate adds to one at the median, 1 connection", more, 1, times),
    ]
