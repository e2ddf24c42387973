"""Trusted proxies: their X-Forwarded-Proto names the scheme of the caller."""

import ipaddress
from functools import lru_cache


class TrustedProxies:
    """Addresses and networks, separated by commas. `*` trusts all, an empty text none."""

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",") if name.strip()]
        self._all = "*" in names
        self._networks = [network for name in names if name != "*" and (network := _network(name)) is not None]
        self._cached = lru_cache(4_096)(self._is_trusted)

    def __contains__(self, address: str) -> bool:
        return self._all or (bool(self._networks) and self._cached(address))

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None  # IPv4 on an IPv6 socket
        return any(parsed in network or (mapped is not None and mapped in network) for network in self._networks)


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network; None if `name` is invalid: then it matches no address."""
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
