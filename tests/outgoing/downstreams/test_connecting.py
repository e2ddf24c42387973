"""Connections to receivers: the checked address, TLS for the host in the URL, and clear errors."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import pytest
import trustme
import uvloop
from tests.outgoing.downstreams.loopback import OK, SIGNED, Loopback, Reader, Writer, answering, sending, serving

from wablock.gate.ports import DeliveryRefused, Downstream
from wablock.outgoing.dial import Resolver


def resolving_to(*hosts: str) -> Resolver:
    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [address for host in hosts for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    return resolver


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(served)
    return served


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_tls_is_spoken_with_the_urls_host_at_the_resolved_address() -> None:
    authority, server_names = trustme.CA(), []
    served = certified(authority, "receiver.example")
    served.sni_callback = lambda _, name, __: server_names.append(name)
    async with (
        answering(OK, tls=served) as loopback,
        sending(tls=trusting(authority), resolver=resolving_to("127.0.0.1")) as sender,
    ):
        for _ in range(2):
            await sender.post(loopback.to(scheme="https", host="receiver.example"), b"{}", SIGNED)

    assert server_names == ["receiver.example"]
    assert f"\r\nhost: receiver.example:{loopback.port}\r\n".encode() in loopback.requests[0]


@pytest.mark.parametrize("host", ["receiver.example.", "127.0.0.1"])
async def test_a_certificate_may_be_for_an_address_and_a_name_may_end_in_a_dot(host: str) -> None:
    authority = trustme.CA()
    async with (
        answering(OK, tls=certified(authority, "receiver.example", "127.0.0.1")) as loopback,
        sending(tls=trusting(authority), resolver=resolving_to("127.0.0.1")) as sender,
    ):
        await sender.post(loopback.to(scheme="https", host=host), b"{}", SIGNED)


async def test_a_certificate_of_an_unknown_authority_is_a_refusal() -> None:
    async with answering(OK, tls=certified(trustme.CA(), "127.0.0.1")) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match=r"certificate is not trusted: .*local issuer"):
            await sender.post(loopback.to(scheme="https"), b"{}", SIGNED)

    assert loopback.requests == []


async def test_another_hosts_certificate_is_a_refusal() -> None:
    authority = trustme.CA()
    async with (
        answering(OK, tls=certified(authority, "elsewhere.example")) as loopback,
        sending(tls=trusting(authority), resolver=resolving_to("127.0.0.1")) as sender,
    ):
        with pytest.raises(DeliveryRefused, match="certificate is not trusted: Hostname mismatch"):
            await sender.post(loopback.to(scheme="https", host="receiver.example"), b"{}", SIGNED)

    assert loopback.requests == []


async def test_a_receiver_without_tls_is_a_refusal() -> None:
    async def conversation(_: Loopback, reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="TLS"):
            await sender.post(loopback.to(scheme="https"), b"{}", SIGNED)


async def test_a_handshake_that_breaks_off_is_a_refusal() -> None:
    async def conversation(_: Loopback, reader: Reader, __: Writer) -> None:
        await reader.read(100)

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="handshake"):
            await sender.post(loopback.to(scheme="https"), b"{}", SIGNED)


async def test_a_silent_handshake_times_out_and_closes_its_connection() -> None:
    async def conversation(_: Loopback, reader: Reader, __: Writer) -> None:
        while await reader.read(1_000):
            pass

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match=r"within 0\.2 s"):
            await sender.post(loopback.to(scheme="https", timeout=0.2), b"{}", SIGNED)
        await asyncio.wait_for(loopback.ended.acquire(), 2)


async def test_a_name_that_becomes_internal_is_refused_before_anything_is_sent() -> None:
    async with answering(OK) as loopback, sending(resolver=resolving_to("8.8.8.8", "127.0.0.1")) as sender:
        with pytest.raises(DeliveryRefused, match="no public address"):
            await sender.post(loopback.to(host="receiver.example", may_be_inside=False), b"{}", SIGNED)

    assert loopback.connections == 0


async def test_every_new_connection_is_checked_again() -> None:
    lookups = 0

    async def resolver(_: str, port: int) -> Sequence[Any]:
        nonlocal lookups
        lookups += 1
        return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)

    async with answering(OK, OK, OK) as loopback, sending(resolver=resolver) as sender:
        for _ in range(6):
            await sender.post(loopback.to(host="receiver.example"), b"{}", SIGNED)

    assert (loopback.connections, lookups) == (2, 2)


async def test_a_tenant_does_not_share_the_operators_connection() -> None:
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        with pytest.raises(DeliveryRefused, match="no public address"):
            await sender.post(loopback.to(may_be_inside=False), b"{}", SIGNED)

    assert len(loopback.requests) == 1


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    async with answering(OK) as loopback, sending(resolver=resolving_to("127.0.0.9", "::1", "127.0.0.1")) as sender:
        await sender.post(loopback.to(host="receiver.example"), b"{}", SIGNED)


async def test_a_name_without_an_address_is_a_refusal() -> None:
    async def resolver(_: str, __: int) -> Sequence[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with sending(resolver=resolver) as sender:
        with pytest.raises(DeliveryRefused, match="no public address"):
            await sender.post(Downstream("d1", "1", "http://receiver.example/?key=1"), b"{}", SIGNED)


async def test_a_slow_lookup_times_out() -> None:
    async def resolver(_: str, __: int) -> Sequence[Any]:
        await asyncio.Event().wait()
        return []

    async with sending(resolver=resolver) as sender:
        with pytest.raises(DeliveryRefused, match=r"within 0\.1 s"):
            await sender.post(Downstream("d1", "1", "http://receiver.example/", timeout=0.1), b"{}", SIGNED)


async def test_a_refusal_shows_neither_the_query_nor_a_header() -> None:
    async with answering(OK) as loopback:
        pass
    downstream = loopback.to("/hook?key=hidden", headers={"authorization": "Bearer hidden"})
    async with sending() as sender:
        with pytest.raises(DeliveryRefused, match="it cannot be reached: Connection refused") as refusal:
            await sender.post(downstream, b"{}", SIGNED)

    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    "url, headers",
    [
        ("ftp://receiver.example/", {}),
        ("http://me:hidden@receiver.example/", {}),
        ("http://receiver.example/", {"x": "hidden\r\ny: z"}),
        ("http://receiver.example/", {"x\r\ny": "z"}),
        ("http://receiver.example/", {"x": "€"}),
        ("http://receiver.example/", {"Host": "elsewhere.example"}),
        ("http://receiver.example/", {"Content-Length": "0"}),
        ("http://receiver.example/", {"X-Hub-Signature-256": "sha256=00"}),
    ],
)
async def test_an_invalid_stored_address_is_a_refusal(url: str, headers: dict[str, str]) -> None:
    async with sending() as sender:
        with pytest.raises(DeliveryRefused) as refusal:
            await sender.post(Downstream("d1", "1", url, headers=headers), b"{}", SIGNED)

    assert "hidden" not in str(refusal.value)


def test_it_works_on_uvloop() -> None:
    async def work() -> int:
        authority = trustme.CA()
        body = bytes(range(256)) * 12_000
        async with (
            answering(OK, tls=certified(authority, "127.0.0.1")) as loopback,
            sending(tls=trusting(authority)) as sender,
        ):
            for _ in range(3):
                await asyncio.gather(*[sender.post(loopback.to(scheme="https"), body, SIGNED) for _ in range(4)])
        assert all(request.endswith(body) for request in loopback.requests)
        async with answering(b"HTTP/1.1 200 OK\r\n\r\nok", b"") as loopback, sending() as sender:
            with pytest.raises(DeliveryRefused, match="within"):
                await sender.post(loopback.to(timeout=0.1), body, SIGNED)
            with pytest.raises(DeliveryRefused, match="Connection refused"):
                await sender.post(loopback.to(host="127.0.0.9"), body, SIGNED)
        async with answering(OK, OK) as loopback, sending() as sender:
            for _ in range(6):
                await sender.post(loopback.to(), body, SIGNED)
        return loopback.connections

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work()) == 3
