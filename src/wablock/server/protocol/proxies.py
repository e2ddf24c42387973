"""Proxies that may say which scheme a caller used."""

import ipaddress
from functools import lru_cache


class TrustedProxies:
    """Addresses and networks with commas between them; `*`: every one; empty: none."""

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",") if name.strip()]
        self._all = "*" in names
        self._networks = [network for name in names if name != "*" and (network := _network(name)) is not None]
        self._has = lru_cache(4_096)(self._look)

    def __contains__(self, address: str) -> bool:
        return self._all or (bool(self._networks) and self._has(address))

    def _look(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None  # as a socket on :: has it
        return any(parsed in network or (mapped is not None and mapped in network) for network in self._networks)


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """None for what is none: then nobody has such an address."""
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
