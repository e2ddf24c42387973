"""Forwards what the gate lets through, over HTTP/1.1 connections that are kept open. See `Forwarder`."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from wablock.addresses import InsideAddress, Resolver, Url, checked_url, resolve, system_resolver
from wablock.downstream.connection import Broken, Connection
from wablock.gate.ports import Downstream, Refused

_IDLE_FOR: Final = 50.0  # seconds; many servers close after 60
_MOST_RECEIVERS: Final = 10_000


class _Pool:
    """The connections to one receiver."""

    def __init__(self, url: Url, head: bytes, connections: int) -> None:
        self.url = url
        self.head = head
        self.free: list[Connection] = []
        self.turns = asyncio.Semaphore(connections)
        self.waiting = 0


class Downstreams:
    """A `Forwarder`. An address inside is refused on what the name resolves to when the connection is made."""

    def __init__(
        self,
        *,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        connections_each: int = 64,
        most_waiting: int = 1_024,
    ) -> None:
        """At most so many connections to each receiver, and so many posts that wait for one."""
        self._resolver = resolver
        self._tls = tls
        self._monotonic = monotonic
        self._connections_each = connections_each
        self._most_waiting = most_waiting
        self._pools: dict[tuple[str, bool, tuple[tuple[str, str], ...]], _Pool] = {}

    async def post(self, downstream: Downstream, body: bytes, headers: Mapping[str, str]) -> None:
        pool = self._pool(downstream)
        if pool.waiting >= self._most_waiting:
            raise Refused("too many webhooks wait for it")
        head = b"%scontent-length: %d\r\n%s\r\n" % (pool.head, len(body), _lines(headers))
        pool.waiting += 1
        try:
            async with asyncio.timeout(downstream.timeout), pool.turns:
                status = await self._asked(pool, downstream, head, body)
        except TimeoutError:
            raise Refused(f"it did not answer within {downstream.timeout:g} s") from None
        except (Broken, OSError, InsideAddress) as trouble:
            raise Refused(_one_line(trouble)) from trouble
        finally:
            pool.waiting -= 1
        if not 200 <= status < 300:
            raise Refused(f"it answered {status}", status)

    async def close(self) -> None:
        for pool in self._pools.values():
            for connection in pool.free:
                connection.close()
        self._pools.clear()

    async def _asked(self, pool: _Pool, downstream: Downstream, head: bytes, body: bytes) -> int:
        connection = self._free(pool) or await self._connected(pool, downstream)
        try:
            status = await self._ask(pool, connection, head, body)
        except Broken as trouble:
            if not (trouble.unanswered and connection.used_before):
                raise
            # It was closed while it was idle, as receivers do: the post has not arrived.
            status = await self._ask(pool, await self._connected(pool, downstream), head, body)
        return status

    async def _ask(self, pool: _Pool, connection: Connection, head: bytes, body: bytes) -> int:
        try:
            status = await connection.ask(head, body)
        except BaseException:  # a timeout, too: an answer that comes late would be taken for the next one's
            connection.close()
            raise
        if connection.is_open:
            connection.idle_since = self._monotonic()
            pool.free.append(connection)
        return status

    def _free(self, pool: _Pool) -> Connection | None:
        while pool.free:
            connection = pool.free.pop()
            if connection.is_open and self._monotonic() - connection.idle_since < _IDLE_FOR:
                return connection
            connection.close()
        return None

    async def _connected(self, pool: _Pool, downstream: Downstream) -> Connection:
        """Connects to the first address that answers, of those that were just judged."""
        url = pool.url
        loop = asyncio.get_running_loop()
        addresses = await resolve(url.host, url.port, may_be_inside=downstream.may_be_inside, resolver=self._resolver)
        secure = url.scheme == "https"
        tls, server_hostname = (self._context(), url.host) if secure else (None, None)
        for left, address in enumerate(addresses, 1 - len(addresses)):
            try:
                _, connection = await loop.create_connection(
                    Connection, address.host, address.port, ssl=tls, server_hostname=server_hostname
                )
            except OSError:
                if not left:
                    raise
            else:
                return connection
        raise AssertionError("there is an address")

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _pool(self, downstream: Downstream) -> _Pool:
        key = downstream.url, downstream.may_be_inside, tuple(downstream.headers.items())
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _MOST_RECEIVERS:
                self._pools.pop(next(iter(self._pools)))
            url = checked_url(downstream.url)
            start = f"POST {url.target} HTTP/1.1\r\nhost: {url.authority}\r\ncontent-type: application/json\r\n"
            head = start.encode("ascii") + b"user-agent: wablock\r\n" + _lines(downstream.headers)
            pool = self._pools[key] = _Pool(url, head, self._connections_each)
        return pool


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")


def _one_line(trouble: Exception) -> str:
    return str(trouble).splitlines()[0] if str(trouble) else type(trouble).__name__
