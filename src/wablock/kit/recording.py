"""A layer in front of the application that records every request and applies faults."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from wablock.contract.errors import GraphError
from wablock.contract.versions import answering_version, is_version
from wablock.kit.clock import VirtualClock, iso
from wablock.kit.faults import Fault, Faults, FaultState, failing_answer
from wablock.kit.journal import LARGEST_SHOWN, Journal, JournalEntry, shown, shown_headers
from wablock.server.answers import Answer, Chunks
from wablock.server.protocol.connections import Application
from wablock.server.request import HangUp, Request


class Recording:
    """`application`, with its faults and its journal."""

    def __init__(
        self, application: Application, faults: Faults, journal: Journal, clock: VirtualClock, token: str
    ) -> None:
        """`token` is removed from the journal."""
        self._application = application
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._token = token

    async def __call__(self, request: Request) -> Answer:
        fault = self._faults.take(request.method, request.path)
        entry = JournalEntry(
            seq=0,
            at=iso(self._clock()),
            method=request.method,
            path=request.path,
            query=shown(request.query, self._token),
            headers=shown_headers(request.headers),
            body="",
            status=0,
            answer="",
            ms=0.0,
            fault_id=fault.fault_id if fault else None,
        )
        started = time.perf_counter()

        def done(status: int, answer: bytes) -> None:
            entry.body = shown(request.incoming.received[:LARGEST_SHOWN], self._token)
            entry.status = status
            entry.answer = shown(answer[:LARGEST_SHOWN], self._token)
            entry.ms = round((time.perf_counter() - started) * 1_000, 2)
            self._journal.add(entry)

        try:
            answer = await self._answer(request, fault)
        except BaseException:
            done(0, b"")
            raise
        if answer.chunks is None:
            done(answer.status, answer.body)
        else:
            answer.chunks = _RecordedChunks(answer.chunks, lambda content: done(answer.status, content))
        return answer

    async def _answer(self, request: Request, state: FaultState | None) -> Answer:
        if state is None:
            return await self._application(request)
        fault = state.fault
        await asyncio.sleep(fault.delay)
        if fault.after and (fault.fails or fault.drop):
            lost_answer = await self._application(request)
            if lost_answer.chunks is not None:
                await lost_answer.chunks.aclose()
        if fault.drop:
            raise HangUp
        if fault.fails:
            return await _failure(fault, request)
        return await self._application(request)


class _RecordedChunks:
    """Passes `chunks` on and keeps the beginning; calls `done` with it when the chunks are closed."""

    def __init__(self, chunks: Chunks, done: Callable[[bytes], None]) -> None:
        self._chunks = chunks
        self._done = done
        self._content = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            if len(self._content) < LARGEST_SHOWN:
                self._content += chunk
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._chunks.aclose()
        finally:
            self._done(self._content)


async def _failure(fault: Fault, request: Request) -> Answer:
    if not fault.after:
        with contextlib.suppress(GraphError):
            await request.body(LARGEST_SHOWN)  # for the journal
    first = request.path.split("/")[1]
    return failing_answer(fault, request.ids, answering_version(first if is_version(first) else None))
