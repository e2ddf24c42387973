"""A development server: one application after the other on one database, which can be put back to how it was."""

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
from wablock.settings import DEV_ACCOUNT_ID, DevSettings, KeySettings
from wablock.storage import CannotOpen
from wablock.storage.sqlite import copying
from wablock.wiring import Wired, build, system_clock

_FINISHES_WITHIN: Final = 30.0  # seconds that requests in flight have before a restore gives up
START: Final = "start"


class Snapshot(msgspec.Struct):
    """The database, the clock and the credentials, as they were."""

    path: Path
    clock: ClockState
    credentials: Credentials


class _ServedChunks:
    """`chunks`; `serving` ends when they are closed."""

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

    Where the database is put back, whoever is served is served to the end, a new application takes over, and whoever
    comes meanwhile waits: nothing that the old one remembered can be answered any more.
    """

    def __init__(
        self, settings: DevSettings, path: Path, folder: Path, *, key: KeySettings, app_secret: str, seed: Seed
    ) -> None:
        """On return the database has the account, the number, the routes and the seed; raises `CannotOpen`, and
        `InvalidParameter` for a seed that cannot be.
        """
        self.settings = settings
        self.app_secret = app_secret
        self.clock = VirtualClock(system_clock)
        self.metrics = Metrics()
        self._path = path
        self._folder = folder
        self._key = key
        self._serving = 0
        self._kept = 0
        self._changed = asyncio.Condition()
        self._may_serve = True
        self._running = contextlib.AsyncExitStack()
        self._credentials = Credentials()
        self.snapshots: dict[str, Snapshot] = {}
        self.wired = self._build()
        asyncio.run(self._prepare(seed))
        self._keep(START)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        await self._running.enter_async_context(self.wired.running())
        try:
            yield
        finally:
            await self._running.aclose()

    async def __call__(self, request: Request) -> Answer:
        """What the application answers, once it may. A streamed answer is served until it is closed."""
        async with contextlib.AsyncExitStack() as serving:
            wired = await serving.enter_async_context(self.served())
            answer = await wired.application(request)
            if answer.chunks is not None:
                answer.chunks = _ServedChunks(answer.chunks, serving.pop_all())
        return answer

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[Wired]:
        """The application of now, which stays until the block ends."""
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
        """Write all that the seed says, or nothing: raises `InvalidParameter`, naming the place."""
        now = self.clock()
        plans = seeds.planned(seed, DEV_ACCOUNT_ID, now)
        async with self._closed():  # numbers that are made anew are not to be remembered as they were
            wired = self._build()
            async with wired.running():
                await seeds.write(plans, wired, now)

    async def snapshot(self, name: str) -> None:
        """Keep how everything is now, under `name`."""
        async with self._closed():
            self._keep(name)

    async def restore(self, name: str) -> None:
        """Everything is as it was when `name` was kept; raises `KeyError` where nothing was."""
        async with self._closed():
            snapshot = self.snapshots[name]  # asked for here: while others were served it may have been forgotten
            _copy(snapshot.path, self._path)
            self.clock.state = snapshot.clock
            self._credentials = copy.copy(snapshot.credentials)

    async def reset(self) -> None:
        """Everything is as it was at the start, and no other snapshot is left."""
        await self.restore(START)
        for name in [name for name in self.snapshots if name != START]:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Raises `KeyError` where there is no such snapshot."""
        self.snapshots.pop(name).path.unlink()

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nobody is served in this block. Raises `Overloaded` where somebody is served for too long."""
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
            raise Overloaded(f"A request has been served for {_FINISHES_WITHIN} s. Nothing was changed.") from None

    @contextlib.asynccontextmanager
    async def _closed(self) -> AsyncIterator[None]:
        """In this block the database is nobody's, and has all that was written behind requests; then a new application
        serves, whatever happened in it.
        """
        async with self._alone():
            await self._running.aclose()
            try:
                yield
            finally:
                self.wired = self._build()
                await self._running.enter_async_context(self.wired.running())

    def _keep(self, name: str) -> None:
        self._kept += 1
        path = self._folder / f"snapshot-{self._kept}.db"
        _copy(self._path, path)
        before = self.snapshots.get(name)
        self.snapshots[name] = Snapshot(path, self.clock.state, copy.copy(self._credentials))
        if before is not None:
            before.path.unlink()

    def _build(self) -> Wired:
        settings = self.settings
        self._store = DevelopmentStore(self._path, self.metrics, self._credentials)
        return build(
            self._store,
            settings.rules,
            settings.answers,
            settings.limits,
            key=self._key,
            gate=settings.gate,
            log_requests=settings.log_requests,
            made_on_demand_for=None if settings.strict_numbers else DEV_ACCOUNT_ID,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def _prepare(self, seed: Seed) -> None:
        settings, store, routes, now = self.settings, self.wired.store, self.wired.routes, self.clock()
        number_id = settings.phone_number_id
        await seeds.write(seeds.planned(seed, DEV_ACCOUNT_ID, now), self.wired, now)
        await store.add_number(BusinessNumber(number_id, DEV_ACCOUNT_ID), now)
        if settings.downstream is not None:
            for before in await routes.downstreams.infos(number_id):
                await routes.downstreams.remove(number_id, before.downstream_id)
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
    except CannotOpen as trouble:
        raise BlocklistInternalError(str(trouble)) from trouble
