"""Addresses that are public, and URLs: which of them a caller may name for wablock to call.

A caller may name no address inside the operator's network. `outgoing/dial.py` checks the address that it connects to.
"""

import ipaddress
import re
from typing import Final

import msgspec

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address

# Said here and not left to `is_global`, which differs between versions of Python.
_INSIDE: Final = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # of carriers, and Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's WireServer: a public address that only a virtual machine there can reach
        "169.254.0.0/16",  # with the clouds' metadata at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # with Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]

# Of IPv6 only this part is given out. So ::1, ::127.0.0.1, fc00::/7, fe80::/10, fec0::/10, ff00::/8 and 64:ff9b:1::/48,
# whose IPv4 address stands where each network likes, are inside without being named.
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_INSIDE_IPV6: Final = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: a way around every rule for IPv4, and retired by RFC 7526
        "3fff::/20",
    )
]
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_LONGEST_URL: Final = 2_000
_PRINTABLE = re.compile(r"[!-~]+")
# Not `urlsplit`, which takes things for a host that other readers of URLs do not.
_URL = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?]*)?(?P<query>\?.*)?",
    re.IGNORECASE,
)


class BadAddress(ValueError):
    """The text is no address that can be called; the message says why, in one line."""


class NotPublic(Exception):
    """A host has no address that a stranger may name.

    Whether it has one inside or none at all is not said: names inside are nobody else's business.
    """

    def __init__(self) -> None:
        super().__init__("its host has no public address; another one only the operator may name")


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
        return host if self.port == _usual_port(self.scheme) else f"{host}:{self.port}"


def checked_url(text: str) -> Url:
    """The parts of `text`; raises `BadAddress`."""
    if not _PRINTABLE.fullmatch(text) or len(text) > _LONGEST_URL:
        raise BadAddress("write an address of up to 2,000 printable ASCII characters; names in other letters as xn--…")
    if "#" in text or "\\" in text or "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise BadAddress("it may have no user, no fragment and no backslash; put credentials into a header")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise BadAddress("it must begin with https:// or http:// and name a host, and a port only in digits")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _usual_port(scheme))
    if not 0 < port < 65_536:
        raise BadAddress("its port must be one of 1 to 65535")
    return Url(scheme, _checked_host(parts), port, (parts["path"] or "/") + (parts["query"] or ""))


def _checked_host(parts: re.Match[str]) -> str:
    host = str(parts["ipv6"] or parts["name"]).lower()
    try:
        if parts["ipv6"]:
            _IPv6(host)
        else:
            host.encode("idna")  # as getaddrinfo will: an empty or endless label fails here, not in a delivery
    except (ValueError, UnicodeError):
        raise BadAddress(f"{host} is no name and no address of a host") from None
    return host


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
    return address in _PUBLIC_IPV6 and not any(address in network for network in _INSIDE_IPV6)


def _usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
