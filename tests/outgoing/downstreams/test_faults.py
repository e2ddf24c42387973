"""Failures on the way to a receiver, over real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from tests.waiting import tasks_wait

from wablock.gate.ports import DeliveryRefused, Downstream
from wablock.outgoing.downstreams import HttpForwarder

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def serving(answer: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head, await reader.readexactly(length)


def always(answer: bytes, *, close: bool = False) -> Answering:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()
            if close:
                return

    return answering


def to(port: int, *, scheme: str = "http", timeout: float = 5.0, inside: bool = True) -> Downstream:
    return Downstream("d1", "1", f"{scheme}://localhost:{port}/hook?a=b", timeout=timeout, may_be_inside=inside)


async def post(downstream: Downstream, *, body: bytes = b"{}", **options: Any) -> None:
    sender = HttpForwarder(**options)
    try:
        await sender.post(downstream, body, {"x-hub-signature-256": "sha256=00"})
    finally:
        await sender.close()


async def test_body_and_headers_arrive_as_they_are() -> None:
    seen = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()

    body = bytes(range(256)) * 12_000
    async with serving(answering) as port:
        await post(to(port), body=body)

    (head, arrived) = seen[0]
    assert arrived == body
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert f"host: localhost:{port}\r\n".encode() in head
    assert b"x-hub-signature-256: sha256=00\r\n" in head


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
async def test_every_2xx_is_accepted(answer: bytes) -> None:
    async with serving(always(answer)) as port:
        await post(to(port))


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\nok", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000])
async def test_an_answer_may_end_with_its_connection(answer: bytes) -> None:
    async with serving(always(answer, close=True)) as port:
        await post(to(port))


@pytest.mark.parametrize("status", [301, 302, 400, 404, 500, 503])
async def test_any_other_status_is_a_refusal_and_no_redirect_is_followed(status: int) -> None:
    answer = f"HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".encode()
    async with serving(always(answer)) as port:
        with pytest.raises(DeliveryRefused, match=str(status)) as refusal:
            await post(to(port))

    assert refusal.value.status == status


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", b"SMTP ready\r\n\r\n"])
async def test_an_answer_that_breaks_off_or_is_not_http_is_a_refusal(answer: bytes) -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer[:17] if answer.startswith(b"HTTP") else answer)
        await writer.drain()

    async with serving(answering) as port:
        with pytest.raises(DeliveryRefused):
            await post(to(port))


async def test_a_refused_connection_is_a_refusal() -> None:
    async with serving(always(OK)) as port:
        pass

    with pytest.raises(DeliveryRefused):
        await post(to(port))


async def test_a_slow_answer_is_a_refusal_in_time() -> None:
    async def answering(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    async with serving(answering) as port:
        with pytest.raises(DeliveryRefused, match=r"within 0\.2 s"):
            await post(to(port, timeout=0.2))


async def test_connections_are_reused_and_a_closed_one_is_replaced() -> None:
    connections = 0

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await read_request(reader)
            writer.write(OK)
            await writer.drain()

    sender = HttpForwarder()
    async with serving(answering) as port:
        for _ in range(5):
            await sender.post(to(port), b"{}", {})
        await sender.close()

    assert connections == 3


async def test_the_connections_to_one_receiver_are_limited() -> None:
    open_now, most = 0, 0

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await read_request(reader)
        await tasks_wait()  # all that may arrive at once have arrived
        open_now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    sender = HttpForwarder(connections_each=3)
    async with serving(answering) as port:
        await asyncio.gather(*[sender.post(to(port), b"{}", {}) for _ in range(20)])
        await sender.close()

    assert most <= 3


async def test_a_post_past_the_limit_of_waiting_ones_is_refused_at_once() -> None:
    with pytest.raises(DeliveryRefused, match="too many"):
        await post(to(1), most_waiting=0)


async def test_a_good_certificate_is_accepted_and_the_host_is_checked() -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusted)

    async with serving(always(OK), served) as port:
        await post(to(port, scheme="https"), tls=trusted)


@pytest.mark.parametrize("name", ["elsewhere.example", "localhost"])
async def test_another_hosts_or_an_unknown_authoritys_certificate_is_a_refusal(name: str) -> None:
    authority, unknown = trustme.CA(), trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    (unknown if name == "localhost" else authority).issue_cert(name).configure_cert(served)
    authority.configure_trust(trusted)

    async with serving(always(OK), served) as port:
        with pytest.raises(DeliveryRefused):
            await post(to(port, scheme="https"), tls=trusted)


async def test_a_name_that_becomes_internal_after_it_was_set_is_refused() -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])

    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [(2, 1, 6, "", (next(answers), port))]

    next(answers)
    async with serving(always(OK)) as port:
        with pytest.raises(DeliveryRefused, match="no public address"):
            await post(to(port, inside=False), resolver=resolver)
