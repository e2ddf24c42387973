"""What does a page of 25 cost, at the start and at the end of a list of 64,000?"""

from contextlib import ExitStack

from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of
from benchmarks.peers import bare
from benchmarks.variants import ask, fill, running


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        server = stack.enter_context(running("wablock"))
        first_page = f"{server.url}?limit=25"  # asked for as the last one is, so that only the place differs
        forgetful = stack.enter_context(running("forgetful"))
        for each in (server, forgetful):
            fill(each.url, 64_000)
        size = len(repr(ask(server.url)).replace(" ", ""))
        constant = stack.enter_context(bare.constant(size))
        rates = interleaved(
            {
                "first page": rate_of(first_page, "get"),
                "read anew, first page": rate_of(f"{forgetful.url}?limit=25", "get"),
                "read anew, last page": rate_of(_last_page(forgetful.url), "get"),
                "constant": rate_of(constant.url, "get"),
            },
            rounds,
            "pages of 25",
        )
    anew = rates["read anew, first page"]
    return [
        at_least(
            "GET 25 of 64,000, unchanged ÷ a constant body from bare httptools",
            rates["first page"] / rates["constant"],
            0.5,
            rates,
        ),
        at_least("GET 25 of 64,000, read anew ÷ the same constant", anew / rates["constant"], 0.5, {}),
        at_least("GET last page ÷ first page, both read anew", rates["read anew, last page"] / anew, 0.9, {}),
    ]


def _last_page(url: str) -> str:
    """The address of the page with the list's last 25."""
    page = ask(f"{url}?limit=1000")
    while "next" in page["paging"]:
        page = ask(page["paging"]["next"])
    after_last_but_25 = ask(page["paging"]["previous"])["paging"]["cursors"]["after"]
    nearly = ask(f"{url}?limit=975&after={after_last_but_25}")
    return f"{url}?limit=25&after={nearly['paging']['cursors']['after']}"
