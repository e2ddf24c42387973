"""The dialling of all outgoing connections: resolve the name, check its addresses, connect to the first that accepts.

The connection goes to an address that was checked. The name is not resolved again between the check and the connection.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from wablock.outgoing.connection import Broken, ReceiverConnection
from wablock.outgoing.name_lookups import NotFoundInTime, in_numbers
from wablock.public_address import NotPublic, Url, is_public
from wablock.turn_writes import TurnWrites

_T = TypeVar("_T")

_NO_ADDRESS: Final = frozenset((socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_FAIL))
_REFUSED_AFTER: Final = 0.5  # seconds; name servers report most missing names in less time


class Address(msgspec.Struct, frozen=True):
    """An address as `socket.connect` takes it, so that nothing is resolved again."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The address in digits, not a name."""
        host = str(self.sockaddr[0])
        return f"{host}%{self.scope}" if self.scope else host

    @property
    def port(self) -> int:
        return int(self.sockaddr[1])

    @property
    def scope(self) -> int:
        """The network interface of an IPv6 address. A resolver returns it here and not after a %."""
        return int(self.sockaddr[3]) if len(self.sockaddr) > 3 else 0


Resolver = Callable[[str, int], Awaitable[Sequence[Any]]]
"""The same as `loop.getaddrinfo` for TCP; see `NameLookups`."""


async def resolve(host: str, port: int, *, may_be_inside: bool, resolver: Resolver) -> list[Address]:
    """The addresses of `host`. Raises `OSError` if it has none.

    Unless `may_be_inside`, raises `NotPublic` if it has none, or if one of them is not public: a name with both public
    and private addresses is an attack. A name is refused only after half a second. So the time does not show whether
    the name exists.
    """
    if may_be_inside:
        addresses = await _addresses(host, port, resolver)
        if not addresses:
            raise OSError("it has no address")
        return addresses
    refuse_at = asyncio.get_running_loop().time() + _REFUSED_AFTER
    try:
        return await _public(host, port, resolver)
    except NotPublic:
        if in_numbers(host, port) is None:
            await asyncio.sleep(refuse_at - asyncio.get_running_loop().time())
        raise


async def _public(host: str, port: int, resolver: Resolver) -> list[Address]:
    try:
        addresses = await _addresses(host, port, resolver)
    except socket.gaierror as error:
        if error.errno not in _NO_ADDRESS:
            raise
        raise NotPublic from None
    if not (addresses and all(is_public(address.host) for address in addresses)):
        raise NotPublic
    return addresses


async def _addresses(host: str, port: int, resolver: Resolver) -> list[Address]:
    return [Address(family, tuple(sockaddr)) for family, _, _, _, sockaddr in await resolver(host, port)]


async def connect(
    url: Url,
    turn: TurnWrites,
    *,
    may_be_inside: bool,
    resolver: Resolver,
    tls: ssl.SSLContext | None,
    max_wait: float,
) -> ReceiverConnection:
    """A new connection. Raises `Broken` or `NotPublic`. `max_wait`: seconds for all addresses together."""
    try:
        addresses = await resolve(url.host, url.port, may_be_inside=may_be_inside, resolver=resolver)
        sock = await first_reached(addresses, max_wait, _dial)
        return await _open(sock, url, turn, tls)
    except NotFoundInTime as error:
        raise Broken(str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: the resolver or TLS does not accept the name
        raise Broken(_reason(error)) from error


async def first_reached(
    addresses: Sequence[Address],
    max_wait: float,
    dial: Callable[[Address], Awaitable[_T]],
    unreachable: tuple[type[Exception], ...] = (OSError,),
) -> _T:
    """Call `dial` with each address until one call does not raise `unreachable`, and return its result.

    Each address but the last gets an equal share of `max_wait` seconds, so that an address that does not respond leaves
    time for the next. The caller limits the total time.
    """
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(max_wait / len(addresses)):
                return await dial(address)
        except unreachable:  # a TimeoutError is an OSError
            continue
    return await dial(addresses[-1])


async def _dial(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


async def _open(sock: socket.socket, url: Url, turn: TurnWrites, tls: ssl.SSLContext | None) -> ReceiverConnection:
    loop = asyncio.get_running_loop()
    make = partial(ReceiverConnection, turn)
    if tls is None:
        _, connection = await loop.create_connection(make, sock=sock)
        return connection
    name = url.host.rstrip(".")  # certificates have no dot at the end
    _, connection = await loop.create_connection(make, sock=sock, ssl=tls, server_hostname=name)
    return connection


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"the TLS handshake failed: {error.reason or 'the connection was closed'}"
        case socket.gaierror() | UnicodeError():
            return "its name has no address"
        case OSError(errno=int(number)):
            return f"it cannot be reached: {os.strerror(number)}"
        case ConnectionError():
            return "it closed the connection in the handshake"
        case _:
            return f"it cannot be reached: {type(error).__name__}"
