"""Idle connections: they are used again, but not after their timeout, and not for two requests at once."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from tests.outgoing.downstreams.loopback import OK, SIGNED, Loopback, Reader, Writer, answering, sending, serving
from tests.waiting import tasks_wait

from wablock.gate.ports import DeliveryRefused


async def test_one_connection_serves_many_posts() -> None:
    async with answering(OK) as loopback, sending() as sender:
        for _ in range(20):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert (loopback.connections, len(loopback.requests)) == (1, 20)


async def test_receivers_at_one_origin_share_idle_connections() -> None:
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to("/one"), b"{}", SIGNED)
        await sender.post(loopback.to("/two", headers={"x-tenant": "7"}), b"{}", SIGNED)

    assert loopback.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_a_receiver_that_closes_gets_no_second_request(answer: bytes) -> None:
    async with answering(answer) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 2


async def test_a_connection_of_http_1_0_with_keep_alive_is_used_again() -> None:
    answer = b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"
    async with answering(answer) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 1


async def test_a_connection_that_was_closed_while_idle_gets_nothing() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(OK)
        await writer.drain()

    async with serving(conversation) as loopback, sending() as sender:
        for _ in range(3):
            await sender.post(loopback.to(), b"{}", SIGNED)
            await loopback.ended.acquire()
            await tasks_wait()  # the end of the connection is read

    assert loopback.connections == 3


async def test_a_connection_closed_on_the_next_request_is_replaced_once() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        writer.write(OK)
        await loopback.read(reader)  # the race: it closes when this arrives

    async with serving(conversation) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"one", SIGNED)
        await sender.post(loopback.to(), b"two", SIGNED)

    assert [request[-3:] for request in loopback.requests] == [b"one", b"two", b"two"]


async def test_the_replacement_is_not_replaced() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        if loopback.connections == 1:
            writer.write(OK)
            await loopback.read(reader)

    async with serving(conversation) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        with pytest.raises(DeliveryRefused, match="closed the connection"):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert (loopback.connections, len(loopback.requests)) == (2, 3)


async def test_a_new_connection_that_is_closed_is_not_replaced() -> None:
    async def conversation(loopback: Loopback, reader: Reader, _: Writer) -> None:
        await loopback.read(reader)

    async with serving(conversation) as loopback, sending() as sender:
        with pytest.raises(DeliveryRefused, match="closed the connection"):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 1


async def test_a_post_that_was_answered_with_one_byte_is_not_sent_again() -> None:
    async with answering(OK, b"H") as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        with pytest.raises(DeliveryRefused, match="in the middle"):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert (loopback.connections, len(loopback.requests)) == (1, 2)


async def test_both_connections_share_one_timeout() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        if loopback.connections == 1:
            writer.write(OK)
            await loopback.read(reader)
            await asyncio.sleep(0.4)  # the receiver is slow: it takes most of the time
        else:
            await reader.read()

    async with serving(conversation) as loopback, sending() as sender:
        await sender.post(loopback.to(timeout=0.5), b"{}", SIGNED)
        async with asyncio.timeout(0.85):  # with a separate timeout for each it would take 0.9 s
            with pytest.raises(DeliveryRefused, match=r"within 0\.5 s"):
                await sender.post(loopback.to(timeout=0.5), b"{}", SIGNED)


async def test_a_connection_that_is_idle_too_long_is_closed() -> None:
    async with answering(OK) as loopback, sending(idle_for=0.05) as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        await asyncio.wait_for(loopback.ended.acquire(), 2)


async def test_only_the_older_of_two_idle_connections_is_closed() -> None:
    async with answering(OK) as loopback, sending(idle_for=0.2) as sender:
        await asyncio.gather(*[sender.post(loopback.to(), b"{}", SIGNED) for _ in range(2)])
        await asyncio.sleep(0.12)  # the event loop's own timer closes it
        await sender.post(loopback.to(), b"{}", SIGNED)
        await asyncio.wait_for(loopback.ended.acquire(), 2)
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 2


async def test_an_old_connection_is_not_used_even_before_it_is_closed() -> None:
    now = 0.0
    async with answering(OK) as loopback, sending(monotonic=lambda: now) as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        now = 49.0
        await sender.post(loopback.to(), b"{}", SIGNED)
        now = 99.5
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 2


async def test_a_cancelled_post_closes_its_connection() -> None:
    async def conversation(loopback: Loopback, reader: Reader, _: Writer) -> None:
        await loopback.read(reader)
        assert not await reader.read()

    async with serving(conversation) as loopback, sending() as sender:
        post = asyncio.create_task(sender.post(loopback.to(), b"{}", SIGNED))
        await loopback.arrived.acquire()
        post.cancel()
        with pytest.raises(asyncio.CancelledError):
            await post
        await asyncio.wait_for(loopback.ended.acquire(), 2)


async def test_a_post_that_timed_out_frees_its_place() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        await loopback.read(reader)
        if loopback.connections > 2:
            writer.write(OK)
        await reader.read()

    async with serving(conversation) as loopback, sending(connections_each=1) as sender:
        for _ in range(2):
            with pytest.raises(DeliveryRefused, match="within"):
                await sender.post(loopback.to(timeout=0.1), b"{}", SIGNED)
        await sender.post(loopback.to(), b"{}", SIGNED)


async def test_waiting_for_a_connection_counts_for_the_timeout() -> None:
    async def conversation(loopback: Loopback, reader: Reader, _: Writer) -> None:
        await loopback.read(reader)
        await reader.read()

    async with serving(conversation) as loopback, sending(connections_each=1) as sender:
        long, short = loopback.to(timeout=0.6), loopback.to(timeout=0.2)
        posts = [sender.post(downstream, b"{}", SIGNED) for downstream in (long, short, short)]
        outcomes = await asyncio.gather(*posts, return_exceptions=True)

    assert [str(outcome)[-5:] for outcome in outcomes] == ["0.6 s", "0.2 s", "0.2 s"]
    assert len(loopback.requests) == 1


async def test_a_post_past_the_limit_is_refused_at_once_and_others_are_not() -> None:
    async with answering(OK) as loopback, sending(connections_each=1, most_waiting=4) as sender:
        posts = [sender.post(loopback.to(), b"{}", SIGNED) for _ in range(6)]
        elsewhere = sender.post(loopback.to("/elsewhere"), b"{}", SIGNED)
        *outcomes, other = await asyncio.gather(*posts, elsewhere, return_exceptions=True)

    assert [outcome for outcome in outcomes if outcome is None] == [None] * 4
    assert [str(outcome) for outcome in outcomes if outcome] == ["too many webhooks wait for it"] * 2
    assert other is None


async def test_an_accounts_posts_do_not_use_up_another_accounts_connections() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        if b"slow" in await loopback.read(reader):
            await reader.read()
        writer.write(OK)

    async with serving(conversation) as loopback, sending(connections_each=1) as sender:
        slow = asyncio.create_task(sender.post(loopback.to(account_id="1"), b"slow", SIGNED))
        await loopback.arrived.acquire()

        await sender.post(loopback.to(account_id="2"), b"{}", SIGNED)

        assert not slow.done()
        slow.cancel()


async def test_32_posts_at_once_each_get_their_own_answer() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        while True:
            request = await loopback.read(reader)
            await tasks_wait()
            writer.write(b"HTTP/1.1 %s X\r\ncontent-length: 0\r\n\r\n" % request[-3:])

    async def post(status: int) -> int | None:
        with pytest.raises(DeliveryRefused) as refusal:
            await sender.post(loopback.to(), b"%d" % status, SIGNED)
        return refusal.value.status

    statuses = list(range(400, 432))
    async with serving(conversation) as loopback, sending() as sender:
        for _ in range(10):
            assert await asyncio.gather(*map(post, statuses)) == statuses

    assert loopback.connections <= 32


async def test_closing_refuses_current_and_later_posts() -> None:
    async def conversation(loopback: Loopback, reader: Reader, _: Writer) -> None:
        await loopback.read(reader)
        await reader.read()

    async with serving(conversation) as loopback, sending() as sender:
        post = asyncio.create_task(sender.post(loopback.to(), b"{}", SIGNED))
        await loopback.arrived.acquire()
        await asyncio.wait_for(sender.close(), 1)
        with pytest.raises(DeliveryRefused):
            await post
        with pytest.raises(DeliveryRefused, match="stopping"):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 1


async def test_closing_while_a_post_connects_sends_nothing() -> None:
    closed = asyncio.Event()

    async def resolver(_: str, port: int) -> Sequence[Any]:
        await closed.wait()
        return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)

    async with answering(OK) as loopback, sending(resolver=resolver) as sender:
        post = asyncio.create_task(sender.post(loopback.to(), b"{}", SIGNED))
        await tasks_wait()
        await sender.close()
        closed.set()
        with pytest.raises(DeliveryRefused, match="closed"):
            await post

    assert loopback.requests == []
