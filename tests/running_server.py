"""A whole server over real HTTP, as in production, in a thread of the test's process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.server.metrics import Metrics
from wablock.server.serve import Server, bind
from wablock.settings import AnswerSettings, GateSettings, KeySettings, LimitSettings, ServeSettings
from wablock.storage import open_store
from wablock.wiring import Wired, build, system_clock

ACCOUNT_ID: Final = "102290129340398"
PHONE_NUMBER_ID: Final = "106540352242922"
TOKEN: Final = "wablock-test-token"
NUMBER: Final = BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, "16505550100", "US")

_STARTS_WITHIN = 20  # seconds
_IMPORTED_AT: Final = system_clock()


class RunningServer(msgspec.Struct, frozen=True):
    """A server that answers at `url`; `token` may do everything with `phone_number_id`, whose list starts empty."""

    url: str
    host: str
    port: int
    token: str
    phone_number_id: str
    wired: Wired

    @property
    def block_users(self) -> str:
        """The path of the block list, under a version."""
        return f"/v25.0/{self.phone_number_id}/block_users"


@contextmanager
def running_server(
    tmp_path: Path,
    *,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
    rules: Rules = Rules.OPEN,
    answers: AnswerSettings | None = None,
    limits: LimitSettings | None = None,
    key: KeySettings | None = None,
    gate: GateSettings | None = None,
    open_list_size: int | None = None,
    numbers: Sequence[BusinessNumber] = (NUMBER,),
    tokens: Sequence[AccessToken] = (),
    account_of_new_numbers: str | None = None,
    database: str | None = None,
) -> Iterator[RunningServer]:
    """Run a server with `numbers`, `TOKEN` and `tokens` until the block ends, with a new SQLite file in `tmp_path` or
    with the database at a URL.
    """
    now = _IMPORTED_AT if clock is system_clock else clock()
    known = (*numbers,), (AccessToken(digest(TOKEN), ACCOUNT_ID, "test", ALL_SCOPES, None, now), *tokens), now
    file = tmp_path / "wablock.db"
    if database is None and not file.exists():
        tmp_path.mkdir(exist_ok=True)
        file.touch(0o600)
        file.write_bytes(_prepared_file(*known))
    else:
        asyncio.run(_prepare(database or f"sqlite:///{file}", *known))
    database = database or f"sqlite:///{file}"
    settings = ServeSettings(
        rules=rules,
        open_list_size=open_list_size,
        answers=answers or AnswerSettings(),
        limits=limits or LimitSettings(),
        key=key or KeySettings(),
        gate=gate or GateSettings(),
    )
    wired = build(database, settings, account_of_new_numbers=account_of_new_numbers, clock=clock, monotonic=monotonic)
    listening = threading.Event()
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        running = Server(wired.application, wired.running, settings, wired.metrics, wired.turn)
        thread = threading.Thread(target=running.run, args=(bound, listening.set), name="running server")
        thread.start()
        try:
            assert listening.wait(_STARTS_WITHIN), "the server does not listen"
            yield RunningServer(f"http://127.0.0.1:{port}", "127.0.0.1", port, TOKEN, PHONE_NUMBER_ID, wired)
        finally:
            running.stop()
            thread.join(_STARTS_WITHIN)
            assert not thread.is_alive(), "the server does not stop"


@lru_cache(maxsize=64)
def _prepared_file(numbers: tuple[BusinessNumber, ...], tokens: tuple[AccessToken, ...], now: Microseconds) -> bytes:
    """A SQLite file with these rows. To migrate a new file for every test takes half of the time to start a server."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "wablock.db"
        asyncio.run(_prepare(f"sqlite:///{file}", numbers, tokens, now))
        assert [entry.name for entry in Path(folder).iterdir()] == [file.name], "the file is not whole"
        return file.read_bytes()


async def _prepare(
    database: str, numbers: Sequence[BusinessNumber], tokens: Sequence[AccessToken], now: Microseconds
) -> None:
    """It opens its own store, because a store belongs to one event loop."""
    store = open_store(database, Metrics())
    try:
        for number in numbers:
            await store.add_number(number, now)
        for token in tokens:
            await store.add_token(token)
    finally:
        await store.close()
