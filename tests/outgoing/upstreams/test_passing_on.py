"""The request that arrives at an upstream, and the answer that the caller gets."""

import asyncio
import gzip

import pytest
from tests.outgoing.upstreams.raw_upstream import MESSAGE, OK, PATH, asking, serving, whole

from wablock.gate.send_request.request import FORM, SendRequest
from wablock.outgoing.upstreams import HttpSender


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 429, 500, 503])
async def test_status_and_allowed_headers_are_returned(status: int) -> None:
    answer_bytes = (
        f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nX-FB-Trace-ID: a\r\n"
        "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    async with serving(answer_bytes) as server, asking(server.upstream()) as answer:
        assert answer.status == status
        assert answer.headers == [
            (b"content-type", b"application/json"),
            (b"x-fb-trace-id", b"a"),
            (b"content-length", b"0"),
        ]
        assert len(server.received) == 1


async def test_an_encoded_body_is_returned_encoded() -> None:
    body = gzip.compress(b'{"messages":[]}')
    answer_bytes = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    async with serving(answer_bytes) as server, asking(server.upstream()) as answer:
        assert await whole(answer) == body


async def test_the_first_chunk_is_returned_before_the_last_is_sent() -> None:
    seen_first = asyncio.Event()

    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await seen_first.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        await writer.drain()

    async with serving(then=answering) as server, asking(server.upstream()) as answer:
        chunks = answer.chunks()
        assert await anext(chunks) == b"first"
        seen_first.set()
        assert [chunk async for chunk in chunks] == [b"last"]


async def test_hop_by_hop_headers_and_cookies_are_not_returned() -> None:
    answer_bytes = (
        b"HTTP/1.1 200 OK\r\nConnection: X-FB-Rev\r\nX-FB-Rev: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=b\r\n"
        b"Transfer-Encoding: chunked\r\nContent-Length: 99\r\nETag: 1\r\nContent-Type: text/plain\r\n\r\n0\r\n\r\n"
    )
    async with serving(answer_bytes) as server, asking(server.upstream()) as answer:
        assert answer.headers == [(b"content-type", b"text/plain"), (b"etag", b"1")]


async def test_no_answer_shows_the_upstreams_token() -> None:
    body = b'{"paging":{"next":"https://graph.invalid/?access_token=upstream-token&after=1"}}'
    answer_bytes = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-FB-Debug: upstream-token\r\nETag: 1\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    async with serving(answer_bytes) as server, asking(server.upstream()) as answer:
        assert [name for name, _ in answer.headers] == [b"content-type", b"etag", b"content-length"]
        assert await whole(answer) == body.replace(b"upstream-token", b"*" * 14)


async def test_method_path_query_and_body_arrive() -> None:
    send_request = SendRequest(FORM, b"a=%20&b", b"to=1")
    async with serving() as server, asking(server.upstream(), send_request, method="PUT"):
        (received,) = server.received
        assert received.line == f"PUT {PATH}?a=%20&b HTTP/1.1"
        assert received.headers["content-type"] == FORM
        assert received.headers["host"] == f"127.0.0.1:{server.port}"
        assert received.body == b"to=1"


async def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with serving() as server, asking(server.upstream(), SendRequest("image/png", b"", body)):
        assert server.received[0].body == body


async def test_the_upstreams_own_path_and_query_come_first() -> None:
    async with serving() as server:
        upstream = server.upstream(url=f"http://127.0.0.1:{server.port}/gateway/?key=1")
        async with asking(upstream, SendRequest(None, b"a=b"), method="GET"):
            assert server.received[0].line == f"GET /gateway{PATH}?key=1&a=b HTTP/1.1"
            assert "content-length" not in server.received[0].headers


async def test_characters_that_a_request_line_forbids_are_escaped() -> None:
    async with serving() as server, asking(server.upstream(), SendRequest(None, b"a=\xc3\xa9 #b"), method="GET"):
        assert server.received[0].line == f"GET {PATH}?a=%C3%A9%20%23b HTTP/1.1"


async def test_the_upstreams_token_replaces_the_callers() -> None:
    headers = [(b"authorization", b"Bearer caller"), (b"cookie", b"caller"), (b"accept", b"*/*")]
    async with serving() as server, asking(server.upstream(), headers=headers):
        assert server.received[0].headers["authorization"] == "Bearer upstream-token"
        assert "caller" not in str(server.received[0])


@pytest.mark.parametrize("name", ["accept", "accept-language", "user-agent", "x-business-use-case"])
async def test_harmless_headers_are_forwarded(name: str) -> None:
    async with serving() as server, asking(server.upstream(), headers=[(name.encode(), b"as sent")]):
        assert server.received[0].headers[name] == "as sent"


@pytest.mark.parametrize(
    "name",
    [
        "proxy-authorization",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "x-hub-signature-256",
        "x-http-method-override",
        "x-original-url",
        "te",
        "upgrade",
        "x-hop",
        "referer",
    ],
)
async def test_no_other_header_is_forwarded(name: str) -> None:
    headers = [(b"connection", b"close, x-hop"), (name.encode(), b"as sent")]
    async with serving() as server, asking(server.upstream(), headers=headers):
        assert name not in server.received[0].headers


async def test_no_content_encoding_is_accepted_so_that_the_token_can_be_masked() -> None:
    async with serving() as server, asking(server.upstream(), headers=[(b"accept-encoding", b"gzip")]):
        assert server.received[0].headers["accept-encoding"] == "identity"


async def test_a_connection_is_used_again_without_cookies() -> None:
    upstreams = HttpSender()
    async with serving(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n")) as server:
        for _ in range(3):
            async with asking(server.upstream(), upstreams=upstreams) as answer:
                await whole(answer)
        assert server.connections == 1
        assert not any("cookie" in received.headers for received in server.received)
        await upstreams.close()


async def test_an_answer_that_is_not_read_to_its_end_closes_only_its_connection() -> None:
    upstreams = HttpSender(connections_each=1)
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok") as server:
        for _ in range(3):
            async with asking(server.upstream(), MESSAGE, upstreams=upstreams) as answer:
                assert await anext(answer.chunks()) == b"ok"
        assert server.connections == 3
        await upstreams.close()
