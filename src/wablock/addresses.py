"""Which addresses a stranger may have us call: none inside. The address that was judged is the one that is used."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address

# Said here and not left to `is_global`, which differs between versions of Python.
_INSIDE: Final = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_INSIDE_IPV6: Final = [ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_6TO4: Final = ipaddress.IPv6Network("2002::/16")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_URL = re.compile(r"[!-~]+")
_LONGEST_URL: Final = 2_000


class BadAddress(ValueError):
    """The text is no address that can be called; the message says why, in one line."""


class InsideAddress(Exception):
    """A host has an address inside, which only the operator may name."""


class Url(msgspec.Struct, frozen=True):
    """A web address, taken apart. `target` is its path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _port_of(self.scheme) else f"{host}:{self.port}"


class Address(msgspec.Struct, frozen=True):
    """Where to connect to."""

    family: int
    host: str
    port: int


Resolver = Callable[[str, int], Awaitable[Sequence[Any]]]
"""As `loop.getaddrinfo` for TCP."""


def checked_url(text: str) -> Url:
    """The parts of `text`; raises `BadAddress`."""
    if not _URL.fullmatch(text) or len(text) > _LONGEST_URL:
        raise BadAddress("write an address of up to 2,000 printable ASCII characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as trouble:
        raise BadAddress(str(trouble)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadAddress("it must begin with https:// or http:// and name a host")
    if "@" in parts.netloc or "#" in text or "\\" in text:
        raise BadAddress("it may have no user, no fragment and no backslash; put credentials into a header")
    target = parts.path or "/"
    return Url(
        parts.scheme,
        parts.hostname,
        _port_of(parts.scheme) if port is None else port,
        f"{target}?{parts.query}" if parts.query else target,
    )


async def system_resolver(host: str, port: int) -> Sequence[Any]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def resolve(host: str, port: int, *, may_be_inside: bool, resolver: Resolver = system_resolver) -> list[Address]:
    """The addresses of `host`; `InsideAddress` where one is inside and may not be, `OSError` where there is none.

    One inside is enough: an answer that mixes them is somebody's attempt.
    """
    found = [Address(family, where[0], where[1]) for family, _, _, _, where in await resolver(host, port)]
    if not found:
        raise OSError("it has no address")
    if not may_be_inside and not all(is_public(address.host) for address in found):
        raise InsideAddress(f"{host} is an address inside; only the operator may name one, with wablock downstream add")
    return found


def is_public(text: str) -> bool:
    """Whether `text`, an address as a resolver gives it, is one of the public internet's."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return _is_public_ipv4(address) if isinstance(address, _IPv4) else _is_public_ipv6(address)


def _is_public_ipv4(address: _IPv4) -> bool:
    return not any(address in network for network in _INSIDE)


def _is_public_ipv6(address: _IPv6) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_ipv4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_ipv4(_IPv4(int(address) & 0xFFFFFFFF))
    if address in _6TO4:
        return _is_public_ipv4(_IPv4(int(address) >> 80 & 0xFFFFFFFF))
    return address in _PUBLIC_IPV6 and not any(address in network for network in _INSIDE_IPV6)


def _port_of(scheme: str) -> int:
    return 443 if scheme == "https" else 80
