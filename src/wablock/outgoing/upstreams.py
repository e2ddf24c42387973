"""The sender of requests to upstreams, which streams their responses back, over HTTP/1.1 connections that stay open.

It follows no redirect, sends no request twice, keeps no cookie, and uses no proxy from the environment. The library
`httpcore2` does not do these things either; clients with more features do.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httpcore2

from wablock.gate.ports import Upstream, UpstreamFailed
from wablock.gate.send_request.request import SendRequest
from wablock.gate.token_finder import TokenFinder, token_finder
from wablock.gate.upstream_answer import headers_back, masked
from wablock.outgoing.dial import Address, Resolver, first_reached, resolve
from wablock.outgoing.name_lookups import NameLookups, on_behalf_of
from wablock.public_address import NotPublic, Url, checked_url

_IDLE_FOR: Final = 50.0  # seconds; many servers close after 60
_HAVE_A_BODY: Final = frozenset(("POST", "PUT", "PATCH"))

_HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_PASSED_ON: Final = frozenset((b"accept", b"accept-language", b"user-agent"))
_NEVER_PASSED_ON: Final = frozenset(
    (
        b"x-real-ip",  # like x-forwarded-for, it would show the upstream the address of our caller
        # With these headers some servers execute another request than the one that was checked.
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    )
)
_NOT_IN_A_TARGET = re.compile(rb"[^!-~]|#")


class HttpUpstreamAnswer:
    """See `ports.UpstreamAnswer`."""

    def __init__(self, response: httpcore2.Response, pool: "_Pool", upstream: Upstream) -> None:
        self.status = response.status
        self._token = token_finder(upstream.token)
        self.headers = _passed_back(response.headers, self._token)
        self._response = response
        self._pool = pool
        self._upstream = upstream
        self._open = True

    async def chunks(self) -> AsyncIterator[bytes]:
        with _failures(self._upstream):
            async for chunk in masked(self._response.aiter_stream(), self._token):
                yield chunk

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._pool.in_flight -= 1
            await self._response.aclose()


class HttpSender:
    """A `Sender`. It checks the address of the host before each connection, and refuses one that is not public."""

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        connections_each: int = 256,
        most_in_flight: int = 2_048,
        most_pools: int = 10_000,
    ) -> None:
        """Limits for each account and host: `connections_each` connections, and `most_in_flight` requests, which
        includes requests that wait for a connection.

        The limits are per account because most accounts use Meta's host. An account that does not read its responses
        must not use up the connections of the others.
        """
        self._resolver = resolver or NameLookups()
        self._tls = tls
        self._connections_each = connections_each
        self._most_in_flight = most_in_flight
        self._most_pools = most_pools
        self._pools: dict[tuple[str, str, str, int, bool], _Pool] = {}
        self._closing: set[asyncio.Future[None]] = set()

    async def pass_on(
        self, upstream: Upstream, method: str, path: str, request: SendRequest, headers: Iterable[tuple[bytes, bytes]]
    ) -> HttpUpstreamAnswer:
        """See `ports.Sender.pass_on`. `upstream.timeout` limits the time until the headers arrive, and the time between
        two chunks of the body.
        """
        url = checked_url(upstream.url)
        outgoing = httpcore2.Request(
            method,
            httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=_target(url, path, request.query)),
            headers=_passed_on(upstream, url, method, request, headers),
            content=request.body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), upstream.timeout)},
        )
        pool = self._pool(url, upstream)
        if pool.in_flight >= self._most_in_flight:
            raise UpstreamFailed("too many requests wait for it")
        pool.in_flight += 1
        try:
            with on_behalf_of(upstream.account_id):
                response = await _send(pool, outgoing, upstream)
        except BaseException:
            pool.in_flight -= 1
            raise
        return HttpUpstreamAnswer(response, pool, upstream)

    async def close(self) -> None:
        pools, self._pools = self._pools, {}
        await asyncio.gather(*self._closing, *(pool.connections.aclose() for pool in pools.values()))

    def _pool(self, url: Url, upstream: Upstream) -> "_Pool":
        # Accounts share no connections: one that the operator set may lead into a private network.
        key = upstream.account_id, url.scheme, url.host, url.port, upstream.may_be_inside
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= self._most_pools:
                self._forget_one()
            pool = self._pools[key] = _Pool(self._connections(url, may_be_inside=upstream.may_be_inside))
        return pool

    def _forget_one(self) -> None:
        idle = next((key for key, pool in self._pools.items() if not pool.in_flight), None)
        if idle is None:
            raise UpstreamFailed("too many upstreams are in use at once")
        forgotten = self._pools.pop(idle)
        closing = asyncio.ensure_future(forgotten.connections.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _connections(self, url: Url, *, may_be_inside: bool) -> httpcore2.AsyncConnectionPool:
        if self._tls is None and url.scheme == "https":
            self._tls = ssl.create_default_context()
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=self._connections_each,
            keepalive_expiry=_IDLE_FOR,
            network_backend=_CheckedAddresses(self._resolver, may_be_inside=may_be_inside),
        )


class _Pool:
    def __init__(self, connections: httpcore2.AsyncConnectionPool) -> None:
        self.connections = connections
        self.in_flight = 0


class _CheckedAddresses(httpcore2.AnyIOBackend):
    """Connects only to addresses that `dial` has just checked."""

    def __init__(self, resolver: Resolver, *, may_be_inside: bool) -> None:
        self._resolver = resolver
        self._may_be_inside = may_be_inside

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await resolve(host, port, may_be_inside=self._may_be_inside, resolver=self._resolver)
        connect = super().connect_tcp

        async def dial(address: Address) -> httpcore2.AsyncNetworkStream:
            return await connect(address.host, address.port, timeout, local_address, socket_options)

        max_wait = _IDLE_FOR if timeout is None else timeout
        unreachable = OSError, httpcore2.ConnectError, httpcore2.ConnectTimeout
        return await first_reached(addresses, max_wait, dial, unreachable)


async def _send(pool: _Pool, request: httpcore2.Request, upstream: Upstream) -> httpcore2.Response:
    with _failures(upstream):
        async with asyncio.timeout(upstream.timeout):
            return await pool.connections.handle_async_request(request)


@contextmanager
def _failures(upstream: Upstream) -> Iterator[None]:
    # `from None`: an error of httpcore2 may quote the header that it could not send, and that may be the token.
    try:
        yield
    except (TimeoutError, httpcore2.TimeoutException):
        raise UpstreamFailed(f"it did not answer within {upstream.timeout:g} s", timed_out=True) from None
    except NotPublic as refusal:
        raise UpstreamFailed(str(refusal)) from None
    except httpcore2.LocalProtocolError:
        raise UpstreamFailed("the request has a method, header or path that cannot be sent") from None
    except httpcore2.ProtocolError:
        raise UpstreamFailed("its response broke off or is not HTTP") from None
    except (httpcore2.NetworkError, OSError) as error:
        raise UpstreamFailed(f"no connection: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _target(url: Url, path: str, query: bytes) -> bytes:
    prefix, _, own_query = url.target.encode("ascii").partition(b"?")
    target = prefix.rstrip(b"/") + path.encode()
    joined_query = b"&".join(part for part in (own_query, query) if part)
    target = target + b"?" + joined_query if joined_query else target
    return _NOT_IN_A_TARGET.sub(lambda match: b"%%%02X" % match[0][0], target)


def _passed_on(
    upstream: Upstream, url: Url, method: str, request: SendRequest, headers: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    ours = [(b"host", url.authority.encode("ascii")), (b"authorization", b"Bearer " + upstream.token.encode())]
    if request.content_type is not None:
        ours.append((b"content-type", request.content_type.encode("latin-1", "replace")))
    if request.body or method in _HAVE_A_BODY:
        ours.append((b"content-length", b"%d" % len(request.body)))
    ours.append((b"accept-encoding", b"identity"))  # `masked` cannot find the token in a compressed response
    return ours + [(name, value) for name, value in _end_to_end(headers) if _may_go_on(name)]


def _may_go_on(name: bytes) -> bool:
    if name.startswith(b"x-"):
        return name not in _NEVER_PASSED_ON and not name.startswith((b"x-forwarded-", b"x-hub-"))
    return name in _PASSED_ON


def _passed_back(headers: Sequence[tuple[bytes, bytes]], token: TokenFinder) -> list[tuple[bytes, bytes]]:
    back = headers_back(_end_to_end(headers), token)
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        # With Transfer-Encoding a Content-Length is ignored. That header is removed, so the length has to go as well.
        return [(name, value) for name, value in back if name != b"content-length"]
    return back


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` with lower-case names, without hop-by-hop headers and those that the Connection header lists."""
    pairs = [(name.lower(), value) for name, value in headers]
    connection = b",".join(value for name, value in pairs if name == b"connection")
    hops = {part.strip().lower() for part in connection.split(b",")}
    return [(name, value) for name, value in pairs if name not in _HOP_BY_HOP and name not in hops]
