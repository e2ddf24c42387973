"""The values of `Host` that a development server accepts."""

import pytest

from wablock.kit.hosts import OwnHosts

LOOPBACK = [
    "localhost",
    "localhost:8080",
    "LOCALHOST",
    "127.0.0.1",
    "127.0.0.1:8080",
    "[::1]",
    "[::1]:80",
    "my.localhost",
]
OTHERS = [
    "",
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "localhost:evil",
    "localhost@evil.example",
    "localhost,evil.example",
    "localhost/",
    "::1",
    "[::1",
    "[evil.example]",
    "2130706433",
    "127.1",
]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "0.0.0.0"])
@pytest.mark.parametrize("host", LOOPBACK)
def test_the_names_and_addresses_of_this_machine_are_its_own(address: str, host: str) -> None:
    assert host in OwnHosts(address)


@pytest.mark.parametrize("host", OTHERS)
def test_a_public_name_is_not_the_servers_own(host: str) -> None:
    assert host not in OwnHosts("127.0.0.1")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]:8080", "0.0.0.0", "wablock"])
def test_on_loopback_other_addresses_and_short_names_are_not_its_own(host: str) -> None:
    assert host not in OwnHosts("127.0.0.1")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]:8080", "0.0.0.0:8080", "wablock", "wablock:8080"])
def test_beyond_loopback_addresses_and_the_short_names_of_containers_are_its_own(host: str) -> None:
    assert host in OwnHosts("0.0.0.0")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "wablock.evil.example", ""])
def test_beyond_loopback_a_name_with_a_dot_is_not_its_own(host: str) -> None:
    assert host not in OwnHosts("0.0.0.0")


def test_the_name_that_the_server_listens_at_is_its_own() -> None:
    assert "Dev.Example:8080" in OwnHosts("dev.example")


def test_a_name_that_the_operator_adds_is_its_own_without_its_subdomains() -> None:
    hosts = OwnHosts("127.0.0.1", ["tunnel.example"])

    assert "tunnel.example" in hosts
    assert "evil.tunnel.example" not in hosts
