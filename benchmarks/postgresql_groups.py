"""The gain from grouped checks on PostgreSQL at the store and at the gate, compared with a query for each check."""

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks import questions
from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, interleaved
from benchmarks.gate import downstream, gate, webhooks_of_one_message
from benchmarks.lists import MILLION, Lists
from benchmarks.load import requests_per_second
from benchmarks.postgresql_checks import CONNECTIONS
from benchmarks.processes import SERVER_CORE, module, number_printed_by

_SECONDS: Final = "3"


def measure(rounds: int, lists: Lists) -> list[Figure]:
    with postgresql() as cluster:
        url = with_users(database(cluster, "checks"), MILLION)
        other = database(cluster, "other", like="checks")  # each gate has a key to its secrets
        return [*_at_the_store(url, rounds), _at_the_gate(url, other, rounds, lists)]


def _at_the_store(url: str, rounds: int) -> list[Figure]:
    figures = []
    for callers, question in questions.STORE_CHECKS.items():
        command = module("load.store_checks", url, str(callers), _SECONDS)
        ways = {
            "grouped": partial(number_printed_by, SERVER_CORE, command),
            "a query each": partial(number_printed_by, SERVER_CORE, [*command, CONNECTIONS]),
        }
        rates = interleaved(ways, rounds, "checks at the store")
        figures.append(Figure(question, rates["grouped"] / rates["a query each"], rates))
    return figures


def _at_the_gate(url: str, other: str, rounds: int, lists: Lists) -> Figure:
    with ExitStack() as stack:
        posts = webhooks_of_one_message(lists.folder / "webhooks", MILLION)
        receiver = stack.enter_context(downstream())
        gates = {
            "grouped": stack.enter_context(gate(url, receiver)),
            "a query each": stack.enter_context(gate(other, receiver, ["one_at_a_time", CONNECTIONS])),
        }
        ways = {name: partial(requests_per_second, each.url, "posts", str(posts)) for name, each in gates.items()}
        rates = interleaved(ways, rounds, "webhooks of one message")
    return Figure(questions.POSTGRESQL_WEBHOOK, rates["grouped"] / rates["a query each"], rates)
