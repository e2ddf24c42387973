"""Which addresses belong to trusted proxies."""

import pytest

from wablock.server.protocol.proxies import TrustedProxies


@pytest.mark.parametrize(
    "text, address",
    [
        ("127.0.0.1", "127.0.0.1"),
        (" 10.0.0.0/8 , 127.0.0.1", "10.1.2.3"),
        ("10.1.2.3/8", "10.9.9.9"),
        ("fd00::/8", "fd12::1"),
        ("*", "192.0.2.1"),
        ("*", ""),
        ("127.0.0.1", "::ffff:127.0.0.1"),  # as a socket on :: reports it
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
    ],
)
def test_a_trusted_address_is_found(text: str, address: str) -> None:
    assert address in TrustedProxies(text)


@pytest.mark.parametrize(
    "text, address",
    [
        ("", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", ""),
        ("127.0.0.1", "::ffff:127.0.0.2"),
        ("nonsense, 10.0.0.0/99", "10.0.0.1"),
        ("::/0", "127.0.0.1"),
    ],
)
def test_another_address_is_not_trusted(text: str, address: str) -> None:
    assert address not in TrustedProxies(text)
