"""A development server: a database that can be restored, and an application that is rebuilt after each restore."""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import BlocklistInternalError
from wablock.failures import Overloaded
from wablock.gate.ports import Upstream
from wablock.gate.routes.downstreams import NewDownstream
from wablock.kit import seeds
from wablock.kit.clock import ClockState, VirtualClock
from wablock.kit.seeds import Seed
from wablock.kit.store import Credentials, DevelopmentStore
from wablock.server.answers import Answer, Chunks
from wablock.server.metrics import Metrics
from wablock.server.request import Request
from wablock.settings import DEV_ACCOUNT_ID, DevSettings
from wablock.storage import CannotOpen
from wablock.storage.sqlite import copying
from wablock.wiring import Telemetry, Wired, build, system_clock

_FINISHES_WITHIN: Final = 30.0  # seconds that a restore waits for requests in flight before it fails
START: Final = "start"


class Snapshot(msgspec.Struct):
    """A saved state: the database, the clock and the credentials."""

    path: Path
    clock: ClockState
    credentials: Credentials


class _ServedChunks:
    """The chunks of a response; closing them ends `serving`."""

    def __init__(self, chunks: Chunks, serving: contextlib.AsyncExitStack) -> None:
        self._chunks = chunks
        self._serving = serving

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._chunks)

    async def aclose(self) -> None:
        async with self._serving:
            await self._chunks.aclose()


class Development:
    """The application of a development server, on the database at `path`; `folder` is for its snapshots.

    A restore first waits until all requests in flight are finished. Then a new application replaces the old one, so
    that no response can come from the old one's caches. Requests that arrive meanwhile wait.
    """

    def __init__(self, settings: DevSettings, path: Path, folder: Path, *, app_secret: str, seed: Seed) -> None:
        """Create the account, the number, the routes and the seed in the database. Raises `CannotOpen`, and
        `InvalidParameter` for an invalid seed.
        """
        self.settings = settings
        self.app_secret = app_secret
        self.clock = VirtualClock(system_clock)
        self.metrics = Metrics()
        self._path = path
        self._folder = folder
        self._serving = 0
        self._snapshot_count = 0
        self._changed = asyncio.Condition()
        self._may_serve = True
        self._running = contextlib.AsyncExitStack()
        self._credentials = Credentials()
        self.snapshots: dict[str, Snapshot] = {}
        self.wired = self._build()
        asyncio.run(self._prepare(seed))
        self._save(START)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        await self._running.enter_async_context(self.wired.running())
        try:
            yield
        finally:
            await self._running.aclose()

    async def __call__(self, request: Request) -> Answer:
        """The application's answer, after a pending restore. A streamed answer is in flight until it is closed."""
        async with contextlib.AsyncExitStack() as serving:
            wired = await serving.enter_async_context(self.served())
            answer = await wired.application(request)
            if answer.chunks is not None:
                answer.chunks = _ServedChunks(answer.chunks, serving.pop_all())
        return answer

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[Wired]:
        """The current application, which is not replaced until the context ends."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._may_serve)
            self._serving += 1
        try:
            yield self.wired
        finally:
            async with self._changed:
                self._serving -= 1
                self._changed.notify_all()

    async def seed(self, seed: Seed) -> None:
        """Write the whole seed. For an invalid seed, write nothing and raise `InvalidParameter` with the position."""
        now = self.clock()
        plans = seeds.planned(seed, DEV_ACCOUNT_ID, now)
        async with self._without_application():  # the old application may have cached numbers that the seed replaces
            wired = self._build()
            async with wired.running():
                await seeds.write(plans, wired, now)

    async def snapshot(self, name: str) -> None:
        async with self._without_application():
            self._save(name)

    async def restore(self, name: str) -> None:
        """Restore the state of the snapshot `name`; raises `KeyError` if it does not exist."""
        async with self._without_application():
            snapshot = self.snapshots[name]  # looked up only now: another request may have deleted it
            _copy(snapshot.path, self._path)
            self.clock.state = snapshot.clock
            self._credentials = copy.copy(snapshot.credentials)

    async def reset(self) -> None:
        """Restore the state at the start, and delete all other snapshots."""
        await self.restore(START)
        for name in [name for name in self.snapshots if name != START]:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Delete a snapshot; raises `KeyError` if it does not exist."""
        self.snapshots.pop(name).path.unlink()

    @contextlib.asynccontextmanager
    async def _without_requests(self) -> AsyncIterator[None]:
        """A context in which no request is in flight. Raises `Overloaded` if a request takes too long."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._may_serve)
            self._may_serve = False
        try:
            await self._all_served()
            yield
        finally:
            async with self._changed:
                self._may_serve = True
                self._changed.notify_all()

    async def _all_served(self) -> None:
        try:
            async with self._changed, asyncio.timeout(_FINISHES_WITHIN):
                await self._changed.wait_for(lambda: not self._serving)
        except TimeoutError:
            raise Overloaded(f"A request has not finished within {_FINISHES_WITHIN} s. Nothing was changed.") from None

    @contextlib.asynccontextmanager
    async def _without_application(self) -> AsyncIterator[None]:
        """A context in which no application uses the database, and all buffered data is written.

        A new application starts afterwards, even after an exception.
        """
        async with self._without_requests():
            await self._running.aclose()
            try:
                yield
            finally:
                self.wired = self._build()
                await self._running.enter_async_context(self.wired.running())

    def _save(self, name: str) -> None:
        self._snapshot_count += 1
        path = self._folder / f"snapshot-{self._snapshot_count}.db"
        _copy(self._path, path)
        replaced = self.snapshots.get(name)
        self.snapshots[name] = Snapshot(path, self.clock.state, copy.copy(self._credentials))
        if replaced is not None:
            replaced.path.unlink()

    def _build(self) -> Wired:
        self._store = DevelopmentStore(self._path, self.metrics, self._credentials)
        return build(
            self._store,
            self.settings,
            account_of_new_numbers=None if self.settings.strict_numbers else DEV_ACCOUNT_ID,
            clock=self.clock,
            telemetry=Telemetry(self.metrics),
        )

    async def _prepare(self, seed: Seed) -> None:
        settings, store, routes, now = self.settings, self.wired.store, self.wired.routes, self.clock()
        number_id = settings.phone_number_id
        await seeds.write(seeds.planned(seed, DEV_ACCOUNT_ID, now), self.wired, now)
        await store.add_number(BusinessNumber(number_id, DEV_ACCOUNT_ID), now)
        if settings.downstream is not None:
            for info in await routes.downstreams.infos(number_id):
                await routes.downstreams.remove(number_id, info.downstream_id)
            new = NewDownstream(url=settings.downstream, timeout=settings.downstream_timeout, may_be_inside=True)
            await routes.downstreams.add(DEV_ACCOUNT_ID, number_id, new)
        await self._set_credentials()

    async def _set_credentials(self) -> None:
        settings, routes = self.settings, self.wired.routes
        with self._store.in_memory():
            await self._store.add_token(
                AccessToken(digest(settings.token), DEV_ACCOUNT_ID, "dev", ALL_SCOPES, None, self.clock())
            )
            await routes.accounts.set(DEV_ACCOUNT_ID, self.app_secret, settings.verify_token)
            if settings.upstream is not None:
                token = settings.upstream_token or settings.token
                upstream = Upstream(settings.phone_number_id, settings.upstream, token, may_be_inside=True)
                await routes.upstreams.set(DEV_ACCOUNT_ID, upstream)


def _copy(source: Path, target: Path) -> None:
    try:
        copying.copy(source, target)
    except CannotOpen as error:
        raise BlocklistInternalError(str(error)) from error
