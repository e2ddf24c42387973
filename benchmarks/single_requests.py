"""The cost of single requests: CPU time compared with nginx, and rates compared with other servers.

All servers run on one core, one after the other in each round, with 64 connections. On SQLite, with a million users
blocked at the start.
"""

from contextlib import ExitStack
from typing import Final

from msgspec.structs import replace

from benchmarks import questions
from benchmarks.figures import Figure
from benchmarks.gate import downstream, gate
from benchmarks.lists import MILLION, Lists
from benchmarks.operations import PAGE, POST, Costs, Measure, Operation, check, measured, webhook
from benchmarks.peers import nginx
from benchmarks.questions import Question
from benchmarks.variants import PATH, Running, last_page, running

_BODY: Final = 2_000  # bytes of nginx's response: about a page of 25
_LONGER: Final = 3  # nginx is so much faster, and all other costs are compared with its cost
_FEWER: Final = 30  # the ordinary service is so much slower


def measure(rounds: int, lists: Lists) -> list[Figure]:
    with ExitStack() as stack:
        receiver = stack.enter_context(downstream())
        server = stack.enter_context(gate(lists.copy(MILLION), receiver))
        constant = stack.enter_context(nginx.constant(_BODY))
        proxy = stack.enter_context(nginx.proxying(receiver))
        ordinary = stack.enter_context(running("peer"))
        webhooks = webhook(lists.folder, MILLION)
        measures = {
            "nginx": Measure(constant.url, constant.process.pid, replace(PAGE, share=_LONGER)),
            "POST": Measure(server.base_url, server.pid, POST),
            "ordinary POST": Measure(ordinary.base_url, ordinary.process.pid, replace(POST, share=1 / _FEWER)),
            "GET": Measure(server.base_url, server.pid, PAGE),
            **_read_each_time(stack.enter_context(running("forgetful", file=lists.copy(MILLION)))),
            "check": Measure(server.base_url, server.pid, check(MILLION)),
            "webhook": Measure(server.base_url, server.pid, webhooks),
            "proxied webhook": Measure(proxy.url, proxy.process.pid, webhooks),
        }
        costs = dict(zip(measures, measured(list(measures.values()), rounds), strict=True))
        assert not server.dropped_messages()
    return _figures(costs)


def _read_each_time(server: Running) -> dict[str, Measure]:
    """The GET, and two with a `limit`, which differ only in the place of the page."""
    first, last = f"{PATH}?limit=25", last_page(server.url).removeprefix(server.base_url)
    operations = {
        "GET, read": PAGE,
        "first page": Operation("first page", first, "get", share=1 / 2),
        "last page": Operation("last page", last, "get", share=1 / 2),
    }
    return {name: Measure(server.base_url, server.process.pid, operation) for name, operation in operations.items()}


def _figures(costs: dict[str, Costs]) -> list[Figure]:
    def cpu(question: Question, name: str) -> Figure:
        own, constant = costs[name].median, costs["nginx"].median
        medians = {"CPU µs": own, "nginx's": constant, "requests/s": costs[name].rate}
        return Figure(question, own / constant, medians)

    def rate(question: Question, name: str, other: str) -> Figure:
        medians = {f"{each}/s": costs[each].rate for each in (name, other)}
        return Figure(question, costs[name].rate / costs[other].rate, medians)

    return [
        cpu(questions.POST, "POST"),
        cpu(questions.PAGE, "GET"),
        cpu(questions.PAGE_READ, "GET, read"),
        rate(questions.LAST_PAGE, "last page", "first page"),
        cpu(questions.CHECK, "check"),
        cpu(questions.WEBHOOK, "webhook"),
        rate(questions.ORDINARY_POST, "POST", "ordinary POST"),
        rate(questions.PROXY_WEBHOOK, "webhook", "proxied webhook"),
    ]
