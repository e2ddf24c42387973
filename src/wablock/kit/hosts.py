"""Which names a development server answers to.

A page's owner can give the page's name the address of this machine once a browser has loaded it (DNS rebinding). The
browser then takes this server for the page's own, and `Host` alone shows the name. So a good name is one that no
stranger can give an address to.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/\\]+))(?::\d{1,5})?")


class OwnHosts:
    """The names and addresses of a server that listens at `address`; `names` are those that its operator adds.

    Beyond loopback, where the token is not public, also any address and any name without a dot, which is how containers
    call each other.
    """

    def __init__(self, address: str, names: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in (address, *names)}
        self._is_loopback = is_loopback(address)

    def __contains__(self, host: str) -> bool:
        """Whether the header `Host` means this server."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match[1] or match[2]).lower()
        if name in self._names or name.endswith(".localhost") or is_loopback(name):
            return True
        return not self._is_loopback and (_is_address(name) or "." not in name)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine for itself alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
