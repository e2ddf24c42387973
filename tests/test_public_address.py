"""The addresses that a stranger may not make the server call, in every spelling."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from wablock.outgoing.dial import Resolver, resolve
from wablock.outgoing.name_lookups import NameLookups
from wablock.public_address import NotPublic, is_public

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.17",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80e::200e",
]
SPELLINGS_OF_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "0",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "localhost",
    "LOCALHOST",
]


def resolving_to(*answers: Sequence[str]) -> Resolver:
    """A resolver that returns one answer after the other."""
    remaining = iter(answers)

    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [
            address for host in next(remaining) for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ]

    return resolver


@pytest.mark.parametrize("address", INSIDE)
def test_the_address_is_internal(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["2001:4860:4860::8888%eth0", "fe80::1%1", "localhost", "", "8.8.8", "08.8.8.8"])
def test_an_address_that_is_not_plain_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("host", SPELLINGS_OF_LOOPBACK)
async def test_every_spelling_of_loopback_is_refused(host: str) -> None:
    with pytest.raises(NotPublic, match="only the operator"):
        await resolve(host, 80, may_be_inside=False, resolver=NameLookups())


@pytest.mark.parametrize("host", ["134744072", "0x08080808", "010.8.8.8", "8.8.8.8"])
async def test_a_public_address_may_be_spelled_in_any_way(host: str) -> None:
    (address,) = await resolve(host, 80, may_be_inside=False, resolver=NameLookups())

    assert address.sockaddr == ("8.8.8.8", 80)


@pytest.mark.parametrize("address", INSIDE)
async def test_the_operator_may_use_an_internal_address(address: str) -> None:
    assert await resolve("name.example", 80, may_be_inside=True, resolver=resolving_to([address]))


async def test_a_name_is_checked_by_its_addresses() -> None:
    for host in ("localhost.", "public.example", "127.0.0.1.nip.io"):
        with pytest.raises(NotPublic):
            await resolve(host, 80, may_be_inside=False, resolver=resolving_to(["127.0.0.1"]))


@pytest.mark.parametrize("answer", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"]])
async def test_a_name_with_one_internal_address_is_refused(answer: list[str]) -> None:
    with pytest.raises(NotPublic):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolving_to(answer))


async def test_each_answer_is_checked_again() -> None:
    resolver = resolving_to(["8.8.8.8"], ["127.0.0.1"])

    assert await resolve("name.example", 80, may_be_inside=False, resolver=resolver)
    with pytest.raises(NotPublic):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolver)


async def test_an_address_with_a_scope_is_internal() -> None:
    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:4860:4860::8888", port, 0, 2))]

    with pytest.raises(NotPublic):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolver)
    (address,) = await resolve("name.example", 80, may_be_inside=True, resolver=resolver)
    assert (address.host, address.port) == ("2001:4860:4860::8888%2", 80)


async def test_a_name_without_an_address_is_a_network_error() -> None:
    with pytest.raises(OSError, match="no address"):
        await resolve("name.example", 80, may_be_inside=True, resolver=resolving_to([]))


@pytest.mark.parametrize("answer", [["10.0.0.1"], []])
async def test_an_internal_name_and_a_name_without_an_address_get_the_same_error(answer: list[str]) -> None:
    with pytest.raises(NotPublic) as refused:
        await resolve("name.example", 80, may_be_inside=False, resolver=resolving_to(answer))
    assert str(refused.value) == str(NotPublic())


async def test_a_name_that_does_not_exist_gets_the_error_of_an_internal_one() -> None:
    async def resolver(_: str, __: int) -> Sequence[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(NotPublic):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolver)


@pytest.mark.parametrize("answer", [["10.0.0.1"], []])
async def test_an_internal_name_and_an_unknown_name_are_refused_after_the_same_time(answer: list[str]) -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotPublic):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolving_to(answer))

    assert asyncio.get_running_loop().time() - began >= 0.5


async def test_an_internal_address_in_any_spelling_is_refused_at_once() -> None:
    async with asyncio.timeout(0.4):
        for host in SPELLINGS_OF_LOOPBACK[:3]:
            with pytest.raises(NotPublic):
                await resolve(host, 80, may_be_inside=False, resolver=NameLookups())
