"""The host names that a development server accepts.

DNS rebinding: after a browser has loaded a page, the page's owner can point its host name to this machine. The browser
then treats this server as the page's own, and only `Host` shows the name. So the server accepts only names whose
address an attacker cannot set.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/\\]+))(?::\d{1,5})?")


class OwnHosts:
    """The names and addresses of a server that listens on `address`; the operator adds further `names`.

    If `address` is not loopback, the token is not public. Then any IP address and any name without a dot are accepted
    too, because containers call each other by such names.
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
