"""The one way to dial: a name is resolved, its addresses are judged, and the first that answers is connected to.

The address that was judged is the address that is used: the name is not resolved again in between.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from wablock.outgoing.connection import Broken, ReceiverConnection
from wablock.outgoing.name_lookups import NotFoundInTime, in_numbers
from wablock.public_address import NotPublic, Url, is_public

_T = TypeVar("_T")

_NO_ADDRESS: Final = frozenset((socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_FAIL))
_REFUSED_AFTER: Final = 0.5  # seconds; most names that do not exist are answered within


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
        """The interface that an IPv6 address is meant at; a resolver gives it here and not after a %."""
        return int(self.sockaddr[3]) if len(self.sockaddr) > 3 else 0


Resolver = Callable[[str, int], Awaitable[Sequence[Any]]]
"""As `loop.getaddrinfo` for TCP; see `NameLookups`."""


async def resolve(host: str, port: int, *, may_be_inside: bool, resolver: Resolver) -> list[Address]:
    """The addresses of `host`. Raises `OSError` if it has none.

    Unless `may_be_inside`, raises `NotPublic` if it has none, or if one of them is inside: an answer that mixes inside
    and public addresses is an attack. A name is refused after half a second, so that the time reveals no more than the
    message.
    """
    if may_be_inside:
        found = await _addresses(host, port, resolver)
        if not found:
            raise OSError("it has no address")
        return found
    may_be_refused = asyncio.get_running_loop().time() + _REFUSED_AFTER
    try:
        return await _public(host, port, resolver)
    except NotPublic:
        if in_numbers(host, port) is None:
            await asyncio.sleep(may_be_refused - asyncio.get_running_loop().time())
        raise


async def _public(host: str, port: int, resolver: Resolver) -> list[Address]:
    try:
        found = await _addresses(host, port, resolver)
    except socket.gaierror as missing:
        if missing.errno not in _NO_ADDRESS:
            raise
        raise NotPublic from None
    if not (found and all(is_public(address.host) for address in found)):
        raise NotPublic
    return found


async def _addresses(host: str, port: int, resolver: Resolver) -> list[Address]:
    return [Address(family, tuple(sockaddr)) for family, _, _, _, sockaddr in await resolver(host, port)]


async def connect(
    url: Url, *, may_be_inside: bool, resolver: Resolver, tls: ssl.SSLContext | None, patience: float
) -> ReceiverConnection:
    """A new connection; raises `Broken` or `NotPublic`. `patience`: seconds for all addresses together."""
    try:
        addresses = await resolve(url.host, url.port, may_be_inside=may_be_inside, resolver=resolver)
        reached = await first_reached(addresses, patience, _dial)
        return await _speak(reached, url, tls)
    except NotFoundInTime as trouble:
        raise Broken(str(trouble)) from trouble
    except (OSError, ValueError) as trouble:  # ValueError: a name that no resolver or no TLS can take
        raise Broken(_why(trouble)) from trouble


async def first_reached(
    addresses: Sequence[Address],
    patience: float,
    dial: Callable[[Address], Awaitable[_T]],
    unreachable: tuple[type[Exception], ...] = (OSError,),
) -> _T:
    """What `dial` returns for the first address that it does not raise `unreachable` for.

    Each address but the last gets its share of `patience` seconds, so that a silent one leaves time for the next. The
    caller bounds the whole.
    """
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(patience / len(addresses)):
                return await dial(address)
        except unreachable:  # a TimeoutError is an OSError
            continue
    return await dial(addresses[-1])


async def _dial(address: Address) -> socket.socket:
    dialled = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        dialled.setblocking(False)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(dialled, address.sockaddr)
    except BaseException:
        dialled.close()
        raise
    return dialled


async def _speak(reached: socket.socket, url: Url, tls: ssl.SSLContext | None) -> ReceiverConnection:
    loop = asyncio.get_running_loop()
    if tls is None:
        _, connection = await loop.create_connection(ReceiverConnection, sock=reached)
        return connection
    name = url.host.rstrip(".")  # certificates have no dot at the end
    _, connection = await loop.create_connection(ReceiverConnection, sock=reached, ssl=tls, server_hostname=name)
    return connection


def _why(trouble: Exception) -> str:
    match trouble:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {trouble.verify_message}"
        case ssl.SSLError():
            return f"it does not speak TLS as it should: {trouble.reason or 'the handshake broke off'}"
        case socket.gaierror() | UnicodeError():
            return "its name has no address"
        case OSError(errno=int(number)):
            return f"it cannot be reached: {os.strerror(number)}"
        case ConnectionError():
            return "it closed the connection in the handshake"
        case _:
            return f"it cannot be reached: {type(trouble).__name__}"
