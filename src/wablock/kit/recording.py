"""Between the connection and the application: every request is written down, and fails where that was ordered."""

import asyncio
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wablock.contract.versions import answering_version
from wablock.kit.clock import VirtualClock, iso
from wablock.kit.faults import Fault, Faults, FaultState, failing_answer
from wablock.kit.journal import LARGEST_SHOWN, Entry, Journal, shown, shown_headers
from wablock.server import request
from wablock.server.answers import request_ids, send_answer
from wablock.server.connections import GuardedProtocol

HANG_UP: Final = "wablock.hang_up"


class HangingUp(GuardedProtocol):
    """A connection that the application can close without an answer."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope[HANG_UP] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # an extension of ours


class Recording:
    """`app`, with its faults and its journal."""

    def __init__(self, app: ASGIApp, faults: Faults, journal: Journal, clock: VirtualClock, token: str) -> None:
        """`token` is not written down."""
        self._app = app
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        met = self._faults.take(scope["method"], scope["path"])
        heard = _Heard(receive, send)
        at, started = self._clock(), time.perf_counter()
        try:
            await self._serve(scope, heard, met)
        finally:
            entry = Entry(
                seq=0,
                at=iso(at),
                method=scope["method"],
                path=scope["path"],
                query=shown(scope["query_string"], self._token),
                headers=shown_headers(scope["headers"]),
                body=shown(heard.body, self._token),
                status=heard.status,
                answer=shown(heard.answer, self._token),
                ms=round((time.perf_counter() - started) * 1_000, 2),
                fault_id=met.fault_id if met else None,
            )
            self._journal.add(entry)

    async def _serve(self, scope: Scope, heard: "_Heard", met: FaultState | None) -> None:
        if met is None:
            await self._app(scope, heard.receive, heard.send)
            return
        fault = met.fault
        await asyncio.sleep(fault.delay)
        if fault.after and (fault.fails or fault.drop):
            await self._app(scope, heard.receive, _nowhere)
        if fault.drop:
            await _hang_up(scope, heard.receive)
        elif fault.fails:
            await _fail(fault, scope["path"], heard)
        else:
            await self._app(scope, heard.receive, heard.send)


class _Heard:
    """What goes through a connection, as far as it is shown."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.body = b""
        self.answer = b""
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.body = (self.body + message.get("body", b""))[:LARGEST_SHOWN]
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.answer = (self.answer + message.get("body", b""))[:LARGEST_SHOWN]
        await self._send(message)


async def _nowhere(_: Message) -> None: ...


async def _fail(fault: Fault, path: str, heard: _Heard) -> None:
    while not fault.after and (await heard.receive()).get("more_body"):
        pass  # read, so that the journal has it
    target = request.target(path)
    version = answering_version(target.asked_version if target else None)
    await send_answer(heard.send, failing_answer(fault, request_ids(), version))


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection; returns once the server has noticed, or it would answer for us."""
    scope[HANG_UP]()
    while (await receive())["type"] != "http.disconnect":
        pass
