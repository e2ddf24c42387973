"""The time that the gate adds to a webhook of one message, with a million blocked users."""

from contextlib import ExitStack
from functools import partial

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.gate import downstream, gate, webhooks_of_one_message
from benchmarks.lists import MILLION, Lists
from benchmarks.load import milliseconds
from benchmarks.peers.nginx import proxying


def measure(rounds: int, lists: Lists) -> list[Figure]:
    with ExitStack() as stack:
        posts = webhooks_of_one_message(lists.folder / "webhooks", MILLION)
        receiver = stack.enter_context(downstream())
        through = stack.enter_context(gate(lists.copy(MILLION), receiver))
        proxy = stack.enter_context(proxying(receiver))
        ways = {"through the gate": through.url, "through nginx": proxy.url, "directly": receiver}
        times = interleaved(
            {name: partial(milliseconds, url, posts) for name, url in ways.items()}, rounds, "one at a time"
        )
        assert not through.dropped_messages()
    return [Figure(questions.ADDED_TIME, times["through the gate"] - times["directly"], times)]
