"""The rate of blocks with 1,000 users in each request, compared with a bare loop of upserts into the same schema."""

from contextlib import ExitStack
from typing import Final

from benchmarks import questions
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import Lists
from benchmarks.load import driven
from benchmarks.processes import SERVER_CORE, module, number_printed_by
from benchmarks.variants import running

_REQUESTS: Final = 150  # not seconds, so that both databases grow equally
_USERS: Final = 1_000
_CONNECTIONS: Final = 8


def measure(rounds: int, lists: Lists) -> list[Figure]:
    with ExitStack() as stack:
        server = stack.enter_context(running("wablock", file=lists.folder / "bulk.db"))
        loop = module("peers.bare_upserts", str(lists.folder / "bare.db"), str(_REQUESTS))

        def rows_per_second() -> float:
            result = driven(server.url, "bulk_post", requests=_REQUESTS, connections=_CONNECTIONS)
            return result.answers * _USERS / result.seconds

        ways = {"rows/s": rows_per_second, "bare loop's": lambda: number_printed_by(SERVER_CORE, loop)}
        rates = interleaved(ways, rounds, "POSTs of 1,000 users")
    own, bare = rates.values()
    return [Figure(questions.BULK_POST, own / bare, rates)]
