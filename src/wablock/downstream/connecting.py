"""Opens connections: to the addresses that were just judged, and over TLS to the host that the URL names."""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence

from wablock.addresses import Address, Resolver, Url, resolve
from wablock.downstream.connection import Broken, Connection
from wablock.name_lookups import NotFoundInTime


async def connect(
    url: Url, *, may_be_inside: bool, resolver: Resolver, tls: ssl.SSLContext | None, patience: float
) -> Connection:
    """A new connection; raises `Broken` or `NotPublic`. `patience`: seconds for all of its addresses."""
    try:
        addresses = await resolve(url.host, url.port, may_be_inside=may_be_inside, resolver=resolver)
        reached = await _reach(addresses, patience)
        return await _speak(reached, url, tls)
    except NotFoundInTime as trouble:
        raise Broken(str(trouble)) from trouble
    except (OSError, ValueError) as trouble:  # ValueError: a name that no resolver or no TLS can take
        raise Broken(_why(trouble)) from trouble


async def _reach(addresses: Sequence[Address], patience: float) -> socket.socket:
    """Connected to the first address that can be reached. Each gets its share: one that is silent must not cost all."""
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(patience / len(addresses)):
                return await _dial(address)
        except OSError:  # a TimeoutError is one
            continue
    return await _dial(addresses[-1])


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


async def _speak(reached: socket.socket, url: Url, tls: ssl.SSLContext | None) -> Connection:
    loop = asyncio.get_running_loop()
    if tls is None:
        _, connection = await loop.create_connection(Connection, sock=reached)
        return connection
    name = url.host.rstrip(".")  # certificates have no dot at the end
    _, connection = await loop.create_connection(Connection, sock=reached, ssl=tls, server_hostname=name)
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
