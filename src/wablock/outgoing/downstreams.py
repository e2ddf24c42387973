"""The forwarder of webhooks to receivers, over HTTP/1.1 connections that stay open. See `Forwarder`."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final
from weakref import WeakValueDictionary

from wablock.gate.ports import DeliveryRefused, Downstream
from wablock.gate.receiver_headers import checked_headers
from wablock.outgoing.connection import Broken, ReceiverConnection
from wablock.outgoing.dial import Resolver, connect
from wablock.outgoing.name_lookups import NameLookups, on_behalf_of
from wablock.outgoing.pool import Idle
from wablock.public_address import NotPublic, Url, checked_url
from wablock.turn_writes import TurnWrites

_IDLE_FOR: Final = 50.0  # seconds; many servers close after 60
_MOST_RECEIVERS: Final = 10_000
_CLOSED_WITHIN: Final = 1.0  # seconds; the loop closes an aborted socket in its next iteration

_ReceiverKey = tuple[str, str, bool, tuple[tuple[str, str], ...]]
_OriginKey = tuple[str, str, int, bool]


class _Receiver:
    """One receiver. `head`: the first lines of each request to it, which never change."""

    def __init__(self, url: Url, head: bytes, idle: Idle, connections: int) -> None:
        self.url = url
        self.head = head
        self.idle = idle
        self.turns = asyncio.Semaphore(connections)
        self.in_flight = 0


class HttpForwarder:
    """A `Forwarder`. It checks the address of the host before each connection, and refuses one that is not public."""

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        connections_each: int = 64,
        most_waiting: int = 1_024,
        idle_for: float = _IDLE_FOR,
    ) -> None:
        """A receiver has at most `connections_each` connections in use, and at most `most_waiting` posts in flight,
        which includes posts that wait for a connection. Receivers at one origin share idle connections. They do not
        share these limits.
        """
        self._resolver = resolver or NameLookups()
        self._tls = tls
        self._monotonic = monotonic
        self._connections_each = connections_each
        self._most_waiting = most_waiting
        self._idle_for = idle_for
        self._receivers: dict[_ReceiverKey, _Receiver] = {}
        self._recent: dict[str, tuple[Downstream, _Receiver]] = {}
        """The receivers of the latest downstreams, by id. To build and hash a key takes longer than this look-up."""
        self._idle: WeakValueDictionary[_OriginKey, Idle] = WeakValueDictionary()
        self._open: set[ReceiverConnection] = set()
        self._turn = TurnWrites()
        self._is_closed = False

    async def post(self, downstream: Downstream, body: bytes, headers: Mapping[str, str]) -> None:
        receiver = self._receiver(downstream)
        if receiver.in_flight >= self._most_waiting:
            raise DeliveryRefused("too many webhooks wait for it")
        head = b"%scontent-length: %d\r\n%s\r\n" % (receiver.head, len(body), _lines(headers))
        receiver.in_flight += 1
        try:
            status = await self._status(receiver, downstream, head, body)
        except TimeoutError:
            raise DeliveryRefused(f"it did not answer within {downstream.timeout:g} s") from None
        except (Broken, NotPublic) as error:
            raise DeliveryRefused(str(error)) from error
        finally:
            receiver.in_flight -= 1
        if not 200 <= status < 300:
            raise DeliveryRefused(_refusal(status), status)

    async def close(self) -> None:
        """Close all connections. Posts that are in flight fail."""
        self._is_closed = True
        for idle in self._idle.values():
            idle.close()
        for connection in self._open:
            connection.close()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open], timeout=_CLOSED_WITHIN)

    async def _status(self, receiver: _Receiver, downstream: Downstream, head: bytes, body: bytes) -> int:
        """The status of the response. Raises `TimeoutError` after the receiver's time limit."""
        deadline = asyncio.get_running_loop().time() + downstream.timeout
        is_stale = False
        if not receiver.turns.locked() and (connection := receiver.idle.take()):  # most posts, and they need no task
            try:
                await receiver.turns.acquire()  # does not wait; without a task it must not
                try:
                    return await _send(receiver, connection, head, body, downstream.timeout)
                finally:
                    receiver.turns.release()
            except Broken as error:
                if not error.unanswered:
                    raise
                is_stale = True
        if asyncio.current_task() is None:
            await asyncio.sleep(0)  # continues in a task, which `asyncio.timeout_at` needs
        async with asyncio.timeout_at(deadline), receiver.turns:
            return await self._send_with_retry(receiver, downstream, head, body, must_be_new=is_stale)

    async def _send_with_retry(
        self, receiver: _Receiver, downstream: Downstream, head: bytes, body: bytes, *, must_be_new: bool
    ) -> int:
        if not must_be_new and (connection := receiver.idle.take()):
            try:
                return await _send(receiver, connection, head, body)
            except Broken as error:
                if not error.unanswered:
                    raise
                # The receiver had closed the idle connection. The request is sent once more, on a new connection.
        return await _send(receiver, await self._connect(receiver, downstream), head, body)

    async def _connect(self, receiver: _Receiver, downstream: Downstream) -> ReceiverConnection:
        with on_behalf_of(downstream.account_id):
            connection = await connect(
                receiver.url,
                self._turn,
                may_be_inside=downstream.may_be_inside,
                resolver=self._resolver,
                tls=self._context() if receiver.url.scheme == "https" else None,
                max_wait=downstream.timeout,
            )
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        if self._is_closed:
            connection.close()
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _receiver(self, downstream: Downstream) -> _Receiver:
        if self._is_closed:
            raise DeliveryRefused("wablock is stopping")
        recent = self._recent.get(downstream.downstream_id)
        if recent is not None and recent[0] is downstream:
            return recent[1]
        # The account is part of the key: two accounts with the same URL do not share the limit on connections.
        key = downstream.account_id, downstream.url, downstream.may_be_inside, tuple(downstream.headers.items())
        receiver = self._receivers.get(key)
        if receiver is None:
            receiver = self._new_receiver(downstream)
            if len(self._receivers) >= _MOST_RECEIVERS:
                del self._receivers[next(iter(self._receivers))]
            self._receivers[key] = receiver
            self._recent.clear()  # it must not have a receiver that was deleted
        elif len(self._recent) >= _MOST_RECEIVERS:
            self._recent.clear()
        self._recent[downstream.downstream_id] = downstream, receiver
        return receiver

    def _new_receiver(self, downstream: Downstream) -> _Receiver:
        try:
            url = checked_url(downstream.url)
            head = _head(url, checked_headers(downstream.headers))
        except ValueError as error:  # only for a row that wablock did not write
            raise DeliveryRefused(str(error)) from error
        origin = url.scheme, url.host, url.port, downstream.may_be_inside
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = Idle(self._monotonic, self._idle_for)
        return _Receiver(url, head, idle, self._connections_each)


async def _send(
    receiver: _Receiver, connection: ReceiverConnection, head: bytes, body: bytes, within: float | None = None
) -> int:
    status = await connection.send(head, body, within)
    if connection.is_open:
        receiver.idle.give(connection)
    return status


def _head(url: Url, headers: Mapping[str, str]) -> bytes:
    start = f"POST {url.target} HTTP/1.1\r\nhost: {url.authority}\r\ncontent-type: application/json\r\n"
    names = {name.lower() for name in headers}
    agent = b"" if "user-agent" in names else b"user-agent: wablock\r\n"
    return start.encode("ascii") + agent + _lines(headers)


def _lines(headers: Mapping[str, str]) -> bytes:
    lines = ""
    for name, value in headers.items():
        lines += f"{name}: {value}\r\n"
    return lines.encode("latin-1")


def _refusal(status: int) -> str:
    return f"it answered {status}" + ("; redirects are not followed" if 300 <= status < 400 else "")
