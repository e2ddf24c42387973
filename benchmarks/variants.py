"""The measured servers, as processes on one core: wablock, wablock without some of its parts, and the peer."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.peers import one_at_a_time
from benchmarks.processes import SERVER_CORE, module, started
from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.listings import ListingCache
from wablock.block_list.ports import BusinessNumber
from wablock.cli import listening
from wablock.server.metrics import Metrics
from wablock.server.serve import Server, bind
from wablock.settings import DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID, KeySettings, ServerSettings, file_url
from wablock.storage import Store, open_store
from wablock.wiring import Wired, build, system_clock

TOKEN = "wablock-bench-token"  # as the load scripts send it
PATH = f"/v25.0/{DEV_PHONE_NUMBER_ID}/block_users"


class Running(msgspec.Struct):
    """A running server."""

    base_url: str
    process: subprocess.Popen[str]
    seconds_to_first_answer: float

    @property
    def url(self) -> str:
        """The URL of the block list."""
        return self.base_url + PATH

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def running(
    variant: str,
    *arguments: str,
    preload: Path | None = None,
    file: Path | None = None,
    url: str | None = None,
    core: str = SERVER_CORE,
) -> Iterator[Running]:
    """Run the variant until the block ends, on a new database or on the one at `file` or `url`."""
    with tempfile.TemporaryDirectory(prefix="wablock-bench-") as folder:
        database = url or str(file or Path(folder) / "b.db")
        peer = module("peers.ordinary_service", "0", database)
        command = peer if variant == "peer" else module("variants", variant, database, *arguments)
        began = time.perf_counter()
        with started(core, command, {"LD_PRELOAD": str(preload)} if preload else None) as server:
            request_json(server.line + PATH)
            yield Running(server.line, server.process, time.perf_counter() - began)


def request_json(url: str, body: bytes | None = None) -> Any:
    """Send a request, and return its response's JSON."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:
        content = response.read()
    return msgspec.json.decode(content) if content[:1] == b"{" else content


def blocked(place: int) -> str:
    """The wa_id of a blocked user. Between two blocked users there are numbers that are not blocked."""
    return f"1650{place * 7:07d}"


def free(place: int) -> str:
    """The wa_id of a user that is not blocked. It is between two blocked users, so the lookup costs the same."""
    return f"1650{place * 7 + 3:07d}"


def fill(url: str, users: int) -> None:
    """Block `users` users, a thousand in each request."""
    for start in range(0, users, 1_000):
        chunk = [{"user": f"+{blocked(place)}"} for place in range(start, min(start + 1_000, users))]
        request_json(url, msgspec.json.encode({"messaging_product": "whatsapp", "block_users": chunk}))


def last_page(url: str) -> str:
    """The URL of the page with the last 25 users of the list at `url`."""
    page = request_json(f"{url}?limit=1000")
    while "next" in page["paging"]:
        page = request_json(page["paging"]["next"])
    after_last_but_25 = request_json(page["paging"]["previous"])["paging"]["cursors"]["after"]
    nearly = request_json(f"{url}?limit=975&after={after_last_but_25}")
    return f"{url}?limit=25&after={nearly['paging']['cursors']['after']}"


class _EmptyCache(ListingCache):
    """A cache that stores nothing, so that every page is read and rendered, as if the list always changed before."""

    def add(self, *_: object) -> None:
        pass


def _wired(database: str) -> Wired:
    """A server on `database`, a URL or a file."""
    url = database if "://" in database else file_url(Path(database))
    asyncio.run(_prepare(open_store(url, Metrics())))
    return build(url, ServerSettings(key=KeySettings(secret_key=os.environ.get("WABLOCK_SECRET_KEY"))))


async def _prepare(store: Store) -> None:
    now = system_clock()
    await store.add_number(BusinessNumber(DEV_PHONE_NUMBER_ID, DEV_ACCOUNT_ID), now)
    await store.add_token(AccessToken(digest(TOKEN), DEV_ACCOUNT_ID, "bench", ALL_SCOPES, None, now))
    await store.close()


def main(variant: str, database: str, *arguments: str) -> None:
    bound = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    wired = _wired(database)
    if variant == "forgetful":
        wired.block_list._listings = _EmptyCache()  # noqa: SLF001 - the same list with another cache
    elif variant == "one_at_a_time":
        one_at_a_time.make(wired.store, database, int(arguments[0]))
    server = Server(wired.application, wired.running, ServerSettings(), wired.metrics, wired.turn)
    listening.run(server, bound, lambda: print(url, flush=True))  # as `wablock serve`


if __name__ == "__main__":
    main(*sys.argv[1:])
