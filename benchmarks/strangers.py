"""The longest response time of `/healthz` while unauthenticated senders send the most expensive requests they can.

Three connections send 1,000 webhooks and 1,000 requests without a token, made by `tests/strangers.py`, to a server that
has the app secrets of 100 accounts. At the same time another connection requests `/healthz`.
"""

import asyncio
import http.client
import secrets
import shlex
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from tests.strangers import requests, webhooks

from benchmarks import questions
from benchmarks.figures import Figure
from benchmarks.lists import Lists
from benchmarks.processes import LOAD_CORE, SERVER_CORE, module, spawned, started, wablock
from wablock.server.metrics import Metrics
from wablock.settings import DEV_PHONE_NUMBER_ID, KeySettings, file_url
from wablock.storage import open_store
from wablock.wiring import routes_of

_ACCOUNTS: Final = [str(102290129340000 + place) for place in range(100)]
_PAUSE: Final = 0.005  # seconds between two requests
_REQUEST = tuple[str, dict[str, str], bytes]


def measure(rounds: int, _: Lists) -> list[Figure]:  # noqa: ARG001 - the result is the maximum, not a median of rounds
    with tempfile.TemporaryDirectory() as folder:
        url, key = file_url(Path(folder) / "wablock.db"), b64encode(secrets.token_bytes(32)).decode()
        asyncio.run(_set_secrets(url, key))
        variables = {"WABLOCK_DATABASE": url, "WABLOCK_SECRET_KEY": key}
        serve = ["sh", "-c", f"exec {shlex.join(wablock('serve', '--port', '0'))} 2>/dev/null"]  # it logs each refusal
        with started(SERVER_CORE, serve, variables) as server:
            base_url = server.url
            with spawned(LOAD_CORE, module("strangers", base_url)) as sending:
                times = []
                connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
                while sending.poll() is None:
                    began = time.perf_counter()
                    connection.request("GET", "/healthz")
                    connection.getresponse().read()
                    times.append((time.perf_counter() - began) * 1_000)
                    time.sleep(_PAUSE)
    return [Figure(questions.HEALTH, max(times), {"median": statistics.median(times)})]


async def _set_secrets(url: str, key: str) -> None:
    store = open_store(url, Metrics())
    routes = routes_of(store, KeySettings(secret_key=key))
    for account in _ACCOUNTS:
        await routes.accounts.set(account, secrets.token_hex(16), None)
    await store.close()


def _send(address: str, sending: Iterator[_REQUEST]) -> None:
    connection = http.client.HTTPConnection(address, timeout=60)
    for path, headers, body in sending:
        try:
            connection.request("POST", path, body, headers)
            connection.getresponse().read()
        except OSError:  # the server refused the request before it was complete
            connection.close()


def _to(path: str, seed: int) -> Iterator[_REQUEST]:
    return ((path, {"content-type": request.content_type}, request.body) for request in requests(500, seed))


if __name__ == "__main__":
    address = urlsplit(sys.argv[1]).netloc
    signature = {"content-type": "application/json", "x-hub-signature-256": "sha256=" + "0" * 64}
    unsigned = (("/webhooks/whatsapp", signature, body) for body in webhooks(1_000, _ACCOUNTS))
    number = f"/v25.0/{DEV_PHONE_NUMBER_ID}"
    threads = [
        Thread(target=_send, args=(address, sending))
        for sending in (unsigned, _to(f"{number}/block_users", 0), _to(f"{number}/messages", 1))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
