"""The cost of a page of 25, at the start and at the end of a list of 64,000."""

from contextlib import ExitStack

from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of
from benchmarks.peers import bare
from benchmarks.variants import fill, request_json, running


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        server = stack.enter_context(running("wablock"))
        first_page = f"{server.url}?limit=25"  # with a limit, like the last page, so that only the place differs
        forgetful = stack.enter_context(running("forgetful"))
        for each in (server, forgetful):
            fill(each.url, 64_000)
        size = len(repr(request_json(server.url)).replace(" ", ""))
        constant = stack.enter_context(bare.constant(size))
        rates = interleaved(
            {
                "first page": rate_of(first_page, "get"),
                "not cached, first page": rate_of(f"{forgetful.url}?limit=25", "get"),
                "not cached, last page": rate_of(_last_page(forgetful.url), "get"),
                "constant": rate_of(constant.url, "get"),
            },
            rounds,
            "pages of 25",
        )
    uncached = rates["not cached, first page"]
    return [
        at_least(
            "GET 25 of 64,000, unchanged ÷ a constant body from bare httptools",
            rates["first page"] / rates["constant"],
            0.5,
            rates,
        ),
        at_least("GET 25 of 64,000, not cached ÷ the same constant", uncached / rates["constant"], 0.5, {}),
        at_least("GET last page ÷ first page, both not cached", rates["not cached, last page"] / uncached, 0.9, {}),
    ]


def _last_page(url: str) -> str:
    """The URL of the page with the last 25 users of the list."""
    page = request_json(f"{url}?limit=1000")
    while "next" in page["paging"]:
        page = request_json(page["paging"]["next"])
    after_last_but_25 = request_json(page["paging"]["previous"])["paging"]["cursors"]["after"]
    nearly = request_json(f"{url}?limit=975&after={after_last_but_25}")
    return f"{url}?limit=25&after={nearly['paging']['cursors']['after']}"
