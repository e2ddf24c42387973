"""Valid answers of a receiver, and answers that could harm the sender."""

import asyncio
import socket
import struct

import pytest
from tests.outgoing.downstreams.loopback import OK, SIGNED, Loopback, Reader, Writer, answering, sending, serving
from tests.waiting import tasks_wait

from wablock.gate.ports import DeliveryRefused

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [OK, CHUNKED, b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" * 3 + OK])
async def test_an_answer_may_come_in_two_pieces_cut_anywhere(answer: bytes) -> None:
    cuts = iter(range(1, len(answer)))

    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        while True:
            await loopback.read(reader)
            cut = next(cuts)
            writer.write(answer[:cut])
            await tasks_wait()  # the first piece is read alone
            writer.write(answer[cut:])

    async with serving(conversation) as loopback, sending() as sender:
        for _ in range(1, len(answer)):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"H",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_a_refusal(broken: bytes) -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(broken)

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="in the middle"):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 1


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nhalf"])
async def test_a_reset_in_the_middle_is_a_refusal(start: bytes) -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(start)
        await tasks_wait()  # the start is read before the reset
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="it closed the connection"):
            await sender.post(loopback.to(), b"{}", SIGNED)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00" * 100,
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"<html>200 OK</html>",
    ],
)
async def test_bytes_that_are_not_http_are_a_refusal(garbage: bytes) -> None:
    async with answering(garbage) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="not HTTP") as refusal:
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert refusal.value.status is None
    assert "\n" not in str(refusal.value)


async def test_another_protocol_is_a_refusal() -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    async with answering(switching) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="not HTTP"):
            await sender.post(loopback.to(), b"{}", SIGNED)


@pytest.mark.parametrize(
    "drop", [b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + b"x" * 999, b"HTTP/1.1 200 OK" + b"\r\nx: y" * 999]
)
async def test_slow_bytes_do_not_extend_the_timeout(drop: bytes) -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        for at in range(len(drop)):
            writer.write(drop[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0.01)  # the receiver is slow: this takes 10 s and more

    async with serving(conversation) as loopback, sending() as sender, asyncio.timeout(5):
        with pytest.raises(DeliveryRefused, match=r"within 0\.2 s"):
            await sender.post(loopback.to(timeout=0.2), b"{}", SIGNED)


@pytest.mark.parametrize("endless", [b"HTTP/1.1 100 Continue\r\n\r\n" * 100, b"x: y\r\n" * 100, b"x" * 100])
async def test_an_endless_head_is_a_refusal_long_before_the_timeout(endless: bytes) -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(b"" if endless.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            writer.write(endless)
            await writer.drain()

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match=r"did not end|not HTTP"):
            await sender.post(loopback.to(timeout=30), b"{}", SIGNED)


async def test_only_the_status_of_a_huge_answer_is_read() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with serving(conversation) as loopback, sending() as sender:
        for _ in range(2):
            await sender.post(loopback.to(), b"{}", SIGNED)
            await loopback.ended.acquire()

    assert loopback.connections == 2


async def test_an_unsolicited_answer_is_never_used_as_the_next_one() -> None:
    failed = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    async with answering(failed + OK) as loopback, sending() as sender:
        for _ in range(3):
            with pytest.raises(DeliveryRefused, match="500"):
                await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 3


async def test_half_of_an_extra_answer_closes_the_connection() -> None:
    async with answering(OK + OK[:20]) as loopback, sending() as sender:
        for _ in range(3):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with answering(OK) as inside:
        redirect = f"HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:{inside.port}/\r\ncontent-length: 0\r\n\r\n"
        async with answering(redirect.encode()) as loopback, sending() as sender:
            with pytest.raises(DeliveryRefused, match="redirects are not followed") as refusal:
                await sender.post(loopback.to(), b"{}", SIGNED)

    assert refusal.value.status == status
    assert inside.connections == 0


async def test_an_answer_before_the_body_was_read_counts() -> None:
    answered = asyncio.Event()

    async def conversation(_: Loopback, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.wait_for(answered.wait(), 5)

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="413"):
            await sender.post(loopback.to(), bytes(30_000_000), SIGNED)
        answered.set()
        await loopback.ended.acquire()
