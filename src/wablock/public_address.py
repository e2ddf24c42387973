"""Public addresses, and the URLs that a caller may set for wablock to send requests to.

A caller may not set an address inside the operator's network. `outgoing/dial.py` checks each address that it connects
to.
"""

import ipaddress
import re
from typing import Final

import msgspec

_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address

# A list, because `is_global` differs between versions of Python.
_INSIDE: Final = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's WireServer: a public address that only Azure's virtual machines can reach
        "169.254.0.0/16",  # has the metadata of many clouds at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # has Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]

# Only this part of IPv6 is assigned to the public internet. So there is no need to list ::1, ::127.0.0.1, fc00::/7,
# fe80::/10, fec0::/10, ff00::/8, and 64:ff9b:1::/48, where each network chooses the position of the IPv4 address.
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_INSIDE_IPV6: Final = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: it contains an IPv4 address, so it would bypass the rules for IPv4; RFC 7526 retired it
        "3fff::/20",
    )
]
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_LONGEST_URL: Final = 2_000
_PRINTABLE = re.compile(r"[!-~]+")
# Not `urlsplit`: it accepts hosts that other URL parsers read differently.
_URL = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?]*)?(?P<query>\?.*)?",
    re.IGNORECASE,
)


class BadAddress(ValueError):
    """The text is not a URL that wablock can send requests to. The message gives the reason in one line."""


class NotPublic(Exception):
    """A host has no public address, or at least one of its addresses is not public.

    The message does not say whether the host has a private address or no address. So a caller cannot find out which
    names exist in the operator's network.
    """

    def __init__(self) -> None:
        super().__init__("its host has no public address; only the operator may use an address that is not public")


class Url(msgspec.Struct, frozen=True):
    """The parts of a URL. `target` is its path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _usual_port(self.scheme) else f"{host}:{self.port}"


def checked_url(text: str) -> Url:
    """The parts of `text`; raises `BadAddress`."""
    if not _PRINTABLE.fullmatch(text) or len(text) > _LONGEST_URL:
        raise BadAddress(
            "it must have at most 2,000 characters, all printable ASCII; write a name with other letters as xn--…"
        )
    if "#" in text or "\\" in text or "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise BadAddress("it must not have a user, a fragment or a backslash; send credentials in a header")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise BadAddress("it must begin with https:// or http://, followed by a host; a port must be in digits")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _usual_port(scheme))
    if not 0 < port < 65_536:
        raise BadAddress("its port must be between 1 and 65535")
    return Url(scheme, _checked_host(parts), port, (parts["path"] or "/") + (parts["query"] or ""))


def _checked_host(parts: re.Match[str]) -> str:
    host = str(parts["ipv6"] or parts["name"]).lower()
    try:
        if parts["ipv6"]:
            _IPv6(host)
        else:
            host.encode("idna")  # getaddrinfo does the same: an empty or too long label fails here, not in a delivery
    except (ValueError, UnicodeError):
        raise BadAddress(f"{host} is not a valid host name or IP address") from None
    return host


def is_public(text: str) -> bool:
    """Whether `text`, an IP address as a resolver returns it, is public."""
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
