"""The start of a development server: on an address in the foreground, or in a thread for tests."""

import asyncio
import contextlib
import os
import secrets
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from wablock.access import random_token
from wablock.kit.control import Control
from wablock.kit.development import Development
from wablock.kit.faults import Faults
from wablock.kit.guard import Guard
from wablock.kit.hosts import OwnHosts, is_loopback
from wablock.kit.journal import Journal
from wablock.kit.recording import Recording
from wablock.kit.seeds import Seed
from wablock.server.answers import Answer
from wablock.server.protocol.connections import Application
from wablock.server.request import Request
from wablock.server.serve import Server, bind
from wablock.settings import DEV_APP_SECRET, DEV_TOKEN, DevSettings, KeySettings

_STARTS_WITHIN: Final = 20  # seconds


@contextlib.contextmanager
def development(settings: DevSettings, seed: Seed) -> Iterator[Development]:
    """The parts of a development server, on `settings.data` or on a temporary database.

    If the token is public and there is a real upstream token, the server gets a random token instead, so that others
    cannot use the upstream. If other machines can reach the server, its app secret is random, not the public one.
    """
    if settings.upstream_token not in (None, DEV_TOKEN) and settings.token == DEV_TOKEN:
        settings = replace(settings, token=random_token())
    if not settings.data and settings.key == KeySettings():  # a temporary database gets a temporary key
        settings = replace(settings, key=KeySettings(secret_key=b64encode(os.urandom(32)).decode()))
    with tempfile.TemporaryDirectory(prefix="wablock-") as folder:
        yield Development(
            settings,
            settings.data or Path(folder) / "dev.db",
            Path(folder),
            app_secret=settings.app_secret
            or (secrets.token_hex(16) if is_reached_by_strangers(settings) else DEV_APP_SECRET),
            seed=seed,
        )


def is_reached_by_strangers(settings: DevSettings) -> bool:
    """Whether other machines can reach a server with these settings."""
    return not is_loopback(settings.host) or bool(settings.allow_hosts.strip())


def application(dev_server: Development) -> Application:
    """The server's application, with guard, `/dev` and journal. Call it only inside of `dev_server.lifespan()`."""
    faults, journal = Faults(), Journal()
    control = Control(dev_server, faults, journal)
    recorded = Recording(dev_server, faults, journal, dev_server.clock, dev_server.settings.token)

    async def routed(request: Request) -> Answer:
        await asyncio.sleep(0)  # the timeouts below need a task
        return await (control if request.path.startswith("/dev/") else recorded)(request)

    more_names = filter(None, (name.strip() for name in dev_server.settings.allow_hosts.split(",")))
    return Guard(routed, OwnHosts(dev_server.settings.host, more_names))


class Served(msgspec.Struct, frozen=True):
    """A development server that is running at `url`."""

    url: str
    dev_server: Development


@contextlib.contextmanager
def served_in_a_thread(settings: DevSettings) -> Iterator[Served]:
    """A development server on a free port of the loopback, until the context ends."""
    listening = threading.Event()
    with development(settings, Seed()) as dev_server, bind("127.0.0.1", 0) as listener:
        running = Server(application(dev_server), dev_server.lifespan, settings, dev_server.metrics)
        thread = threading.Thread(target=running.run, args=(listener, listening.set), name="wablock", daemon=True)
        thread.start()
        try:
            if not listening.wait(_STARTS_WITHIN):
                raise TimeoutError(f"wablock did not start within {_STARTS_WITHIN} s")
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", dev_server)
        finally:
            running.stop()
            thread.join(_STARTS_WITHIN)
