"""Failures on the way to an upstream, over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import pytest
import trustme
from tests.outgoing.upstreams.raw_upstream import MESSAGE, OK, PATH, asking, resolving_to, serving, whole
from tests.waiting import tasks_wait

from wablock.gate.ports import UpstreamFailed
from wablock.gate.send_request.request import SendRequest
from wablock.outgoing.upstreams import HttpSender


async def _never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_an_internal_address_is_refused_unless_the_operator_set_it() -> None:
    async with serving() as server:
        with pytest.raises(UpstreamFailed, match="no public address"):
            async with asking(server.upstream(may_be_inside=False)):
                pass

    assert server.connections == 0


async def test_a_tenant_cannot_reuse_a_connection_to_the_operators_internal_address() -> None:
    upstreams = HttpSender()
    async with serving() as server:
        async with asking(server.upstream(), upstreams=upstreams) as answer:
            await whole(answer)
        with pytest.raises(UpstreamFailed, match="no public address"):
            async with asking(server.upstream(may_be_inside=False), upstreams=upstreams):
                pass
        await upstreams.close()

    assert len(server.received) == 1


async def test_an_accounts_unread_answers_do_not_use_up_another_accounts_connections() -> None:
    upstreams = HttpSender(connections_each=1)
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as server:
        async with (
            asking(server.upstream(account_id="1"), upstreams=upstreams),
            asking(server.upstream(account_id="2", timeout=2.0), upstreams=upstreams) as answer,
        ):
            assert answer.status == 200
        await upstreams.close()


async def test_the_checked_address_is_the_one_that_is_used() -> None:
    hosts = []

    async def resolver(host: str, port: int) -> Sequence[Any]:
        hosts.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    upstreams = HttpSender(resolver=resolver)
    async with serving() as server:
        upstream = server.upstream(url=f"http://graph.invalid:{server.port}")
        async with asking(upstream, upstreams=upstreams) as answer:
            assert answer.status == 200
        await upstreams.close()

    assert hosts == ["graph.invalid"]
    assert server.received[0].headers["host"] == f"graph.invalid:{server.port}"


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    upstreams = HttpSender(resolver=resolving_to("127.0.0.2", "127.0.0.1"))
    async with serving() as server:
        async with asking(server.upstream(), upstreams=upstreams) as answer:
            assert answer.status == 200
        await upstreams.close()


async def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with serving() as server, asking(server.upstream()) as answer:
        assert answer.status == 200


async def test_a_silent_upstream_times_out() -> None:
    async with serving(then=_never) as server:
        with pytest.raises(UpstreamFailed, match=r"0\.2 s") as failure:
            async with asking(server.upstream(timeout=0.2)):
                pass

    assert failure.value.timed_out


async def test_an_upstream_with_slow_headers_times_out() -> None:
    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while not writer.is_closing():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.05)  # the upstream is slow

    async with serving(then=answering) as server:
        with pytest.raises(UpstreamFailed) as failure:
            async with asking(server.upstream(timeout=0.3)):
                pass

    assert failure.value.timed_out


async def test_an_upstream_that_stops_in_its_body_times_out() -> None:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        await reader.read()

    async with serving(then=answering) as server, asking(server.upstream(timeout=0.3)) as answer:
        with pytest.raises(UpstreamFailed) as failure:
            await whole(answer)

    assert failure.value.timed_out


async def test_a_closed_port_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with serving() as server:
        with pytest.raises(UpstreamFailed, match="no connection") as failure:
            async with asking(server.upstream(url=f"http://127.0.0.1:{port}")):
                pass

    assert not failure.value.timed_out


async def test_a_name_that_does_not_exist_is_a_failure() -> None:
    async def resolver(*_: object) -> Sequence[Any]:
        raise socket.gaierror("Name or service not known")

    async with serving() as server:
        with pytest.raises(UpstreamFailed, match="not known"):
            async with asking(server.upstream(), upstreams=HttpSender(resolver=resolver)):
                pass


@pytest.mark.parametrize(
    "answer_bytes",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
async def test_an_answer_that_is_cut_in_the_middle_is_a_failure(answer_bytes: bytes) -> None:
    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_bytes)

    async with serving(then=answering) as server, asking(server.upstream()) as answer:
        with pytest.raises(UpstreamFailed, match="broke off"):
            await whole(answer)


@pytest.mark.parametrize(
    "answer_bytes", [b"", b"HTTP/1.1 20", b"SMTP ready\r\n\r\n", b"HTTP/1.1 101 X\r\nupgrade: a\r\n\r\n"]
)
async def test_an_unreadable_answer_is_a_failure_and_the_request_is_not_repeated(answer_bytes: bytes) -> None:
    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_bytes)

    async with serving(then=answering) as server:
        with pytest.raises(UpstreamFailed):
            async with asking(server.upstream()):
                pass

    assert len(server.received) == 1


async def test_a_message_is_not_sent_again_where_a_kept_connection_breaks() -> None:
    upstreams = HttpSender()
    async with serving() as server:
        async with asking(server.upstream(), upstreams=upstreams) as answer:
            await whole(answer)
        server.always = b"HTTP/1.1 20"
        with pytest.raises(UpstreamFailed):
            async with asking(server.upstream(timeout=0.3), upstreams=upstreams):
                pass
        await upstreams.close()

    assert len(server.received) == 2


async def test_an_idle_connection_that_was_closed_is_not_used() -> None:
    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)

    upstreams = HttpSender()
    async with serving(then=answering) as server:
        for _ in range(3):
            async with asking(server.upstream(), upstreams=upstreams) as answer:
                assert await whole(answer) == b"ok"
            await tasks_wait()  # the upstream has closed, and its end is read
        await upstreams.close()


@pytest.mark.parametrize("token", ["secret\r\nx: y", "secret\0"])
async def test_a_failure_shows_no_token_and_no_query(token: str) -> None:
    async with serving() as server:
        with pytest.raises(UpstreamFailed) as failure:
            async with asking(server.upstream(token=token), SendRequest(None, b"q=secret")):
                pass

    assert "secret" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


async def test_too_many_requests_at_once_are_refused_at_once() -> None:
    upstreams = HttpSender(most_in_flight=1)
    async with serving() as server:
        async with asking(server.upstream(), upstreams=upstreams):
            with pytest.raises(UpstreamFailed, match="too many"):
                await upstreams.pass_on(server.upstream(), "POST", PATH, MESSAGE, [])
        async with asking(server.upstream(), upstreams=upstreams) as answer:
            assert answer.status == 200
        await upstreams.close()


async def test_a_request_without_a_connection_times_out() -> None:
    upstreams = HttpSender(connections_each=1)
    async with serving() as server:
        async with asking(server.upstream(), upstreams=upstreams):
            with pytest.raises(UpstreamFailed) as failure:
                await upstreams.pass_on(server.upstream(timeout=0.2), "POST", PATH, MESSAGE, [])
        await upstreams.close()

    assert failure.value.timed_out


async def test_an_upstream_that_is_not_in_use_makes_room_for_another() -> None:
    upstreams = HttpSender(most_pools=1)
    async with serving() as one, serving() as other:
        for server in (one, other, one):
            async with asking(server.upstream(), upstreams=upstreams) as answer:
                assert await whole(answer) == b"ok"
                with pytest.raises(UpstreamFailed, match="too many upstreams"):
                    await upstreams.pass_on(server.upstream(url="http://127.0.0.1:1"), "POST", PATH, MESSAGE, [])
        await upstreams.close()


async def test_a_caller_that_disconnects_makes_room_for_the_next() -> None:
    upstreams = HttpSender(connections_each=1, most_in_flight=1)
    async with serving(then=_never) as silent:
        waiting = asyncio.create_task(upstreams.pass_on(silent.upstream(), "POST", PATH, MESSAGE, []))
        await silent.has_received.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(UpstreamFailed) as failure:
            await upstreams.pass_on(silent.upstream(timeout=0.2), "POST", PATH, MESSAGE, [])
        await upstreams.close()

    assert failure.value.timed_out
    assert len(silent.received) == 2


@pytest.mark.parametrize("name,trusted", [("localhost", True), ("another.example", False)])
async def test_a_certificate_must_be_the_hosts(name: str, *, trusted: bool) -> None:
    authority = trustme.CA()
    server_tls, client_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(name).configure_cert(server_tls)
    authority.configure_trust(client_tls)
    upstreams = HttpSender(tls=client_tls, resolver=resolving_to("127.0.0.1"))
    async with serving(tls=server_tls) as server:
        upstream = server.upstream(url=f"https://localhost:{server.port}")
        if trusted:
            async with asking(upstream, upstreams=upstreams) as answer:
                assert await whole(answer) == b"ok"
        else:
            with pytest.raises(UpstreamFailed, match="certificate"):
                async with asking(upstream, upstreams=upstreams):
                    pass
        await upstreams.close()
