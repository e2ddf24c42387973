"""The rates of several nodes on one PostgreSQL, and of `--workers 2`, on two cores shared with load and database."""

from contextlib import ExitStack

from benchmarks import questions
from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import Lists
from benchmarks.load import rate_over
from benchmarks.processes import ANY_CORE, started, wablock
from benchmarks.variants import running

_USERS = 1_000_000
_MOST = 3


def measure(rounds: int, _: Lists) -> list[Figure]:
    with ExitStack() as stack:
        url = with_users(database(stack.enter_context(postgresql(ANY_CORE)), "nodes"), _USERS)
        nodes = [stack.enter_context(running("wablock", url=url, core=ANY_CORE)).base_url for _ in range(_MOST)]
        serve = wablock("serve", "--port", "0", "--workers", "2", "--database", url)
        workers = stack.enter_context(started(ANY_CORE, serve)).url
        sets = {f"{count} node{'s'[: count - 1]}": nodes[:count] for count in range(1, _MOST + 1)}
        sets["--workers 2"] = [workers]
        figures = []
        for script, what in (("spread_post", "POSTs of one user, 64 numbers"), ("check", "checks of one user")):
            rates = interleaved({name: rate_over(urls, script) for name, urls in sets.items()}, rounds, what)
            for name in list(sets)[1:]:
                pair = {node: rates[node] for node in (name, "1 node")}
                figures.append(Figure(questions.nodes(what, name), rates[name] / rates["1 node"], pair))
    return figures
