"""Which addresses a stranger may not have us call, in every spelling."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from wablock.addresses import BadAddress, InsideAddress, Resolver, checked_url, is_public, resolve

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


def telling(*answers: Sequence[str]) -> Resolver:
    """A resolver that gives one answer after the other."""
    left = iter(answers)

    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [found for host in next(left) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    return resolver


@pytest.mark.parametrize("address", INSIDE)
def test_it_is_inside(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_it_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["2001:4860:4860::8888%eth0", "fe80::1%1", "localhost", "", "8.8.8", "08.8.8.8"])
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("host", SPELLINGS_OF_LOOPBACK)
async def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    with pytest.raises(InsideAddress, match="wablock downstream add"):
        await resolve(host, 80, may_be_inside=False)


@pytest.mark.parametrize("host", ["134744072", "0x08080808", "010.8.8.8", "8.8.8.8"])
async def test_a_public_address_may_be_spelled_in_any_way(host: str) -> None:
    (address,) = await resolve(host, 80, may_be_inside=False)

    assert address.sockaddr == ("8.8.8.8", 80)


@pytest.mark.parametrize("address", INSIDE)
async def test_the_operator_may_name_one_inside(address: str) -> None:
    assert await resolve("name.example", 80, may_be_inside=True, resolver=telling([address]))


async def test_a_name_is_judged_by_its_addresses_and_not_by_its_letters() -> None:
    for host in ("localhost.", "public.example", "127.0.0.1.nip.io"):
        with pytest.raises(InsideAddress):
            await resolve(host, 80, may_be_inside=False, resolver=telling(["127.0.0.1"]))


@pytest.mark.parametrize("answer", [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"]])
async def test_one_address_inside_among_others_is_enough(answer: list[str]) -> None:
    with pytest.raises(InsideAddress):
        await resolve("name.example", 80, may_be_inside=False, resolver=telling(answer))


async def test_each_answer_is_judged_anew() -> None:
    resolver = telling(["8.8.8.8"], ["127.0.0.1"])

    assert await resolve("name.example", 80, may_be_inside=False, resolver=resolver)
    with pytest.raises(InsideAddress):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolver)


async def test_an_address_with_a_scope_is_inside() -> None:
    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:4860:4860::8888", port, 0, 2))]

    with pytest.raises(InsideAddress):
        await resolve("name.example", 80, may_be_inside=False, resolver=resolver)
    (address,) = await resolve("name.example", 80, may_be_inside=True, resolver=resolver)
    assert (address.host, address.port) == ("2001:4860:4860::8888%2", 80)


async def test_a_name_without_an_address_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError, match="no address"):
        await resolve("name.example", 80, may_be_inside=False, resolver=telling([]))


def test_looking_up_leaves_the_loop_free() -> None:
    async def work() -> int:
        turns = 0
        looking = asyncio.ensure_future(resolve("127.0.0.1", 80, may_be_inside=True))
        while not looking.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(work()) > 0


@pytest.mark.parametrize(
    "text, scheme, host, port, target, authority",
    [
        ("https://a.example", "https", "a.example", 443, "/", "a.example"),
        ("HTTP://A.Example:80/Path", "http", "a.example", 80, "/Path", "a.example"),
        ("https://a.example:8443/x?y=z&a=%20?", "https", "a.example", 8443, "/x?y=z&a=%20?", "a.example:8443"),
        ("http://a.example?y=/z", "http", "a.example", 80, "/?y=/z", "a.example"),
        ("http://under_score.svc:9/@me", "http", "under_score.svc", 9, "/@me", "under_score.svc:9"),
        ("http://[::1]:8080/", "http", "::1", 8080, "/", "[::1]:8080"),
        ("https://[::FFFF:127.0.0.1]", "https", "::ffff:127.0.0.1", 443, "/", "[::ffff:127.0.0.1]"),
        ("http://xn--bcher-kva.example/", "http", "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example"),
    ],
)
def test_a_url_is_taken_apart(text: str, scheme: str, host: str, port: int, target: str, authority: str) -> None:
    url = checked_url(text)

    assert (url.scheme, url.host, url.port, url.target, url.authority) == (scheme, host, port, target, authority)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "//a.example/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http:a.example",
        "http:///path",
        "http://",
        "http://:80/",
        "http://?x",
        "http://me@a.example/",
        "http://me:secret@a.example/",
        "http://a.example@b.example/",
        "http://a.example#fragment",
        "http://a.example/#",
        "http://a.example\\@b.example/",
        "http://a.example/a b",
        "http://a.example/\r\nx: y",
        "http://a.example/\n",
        " http://a.example/",
        "http://a.example/\x00",
        "http://a.example/\x7f",
        "http://a.example/ü",
        "http://bücher.example/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:-1/",
        "http://a.example:8O/",
        "http://a.example:/",
        "http://a.example:80:80/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.x]/",
        "http://[1.2.3.4]/",
        "http://127.0.0.1%00.example/",
        "http://a%2eexample/",
        "http://a..example/",
        "http://.a.example/",
        "http://./",
        "http://" + "a" * 64 + ".example/",
        "http://a.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_address_to_call_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadAddress) as refusal:
        checked_url(text)

    assert len(str(refusal.value).splitlines()) == 1
    assert "secret" not in str(refusal.value)
