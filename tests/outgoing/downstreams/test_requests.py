"""The bytes of a request to a receiver."""

from tests.outgoing.downstreams.loopback import OK, SIGNED, answering, sending


async def test_a_request_has_these_bytes() -> None:
    async with answering(OK) as loopback, sending() as sender:
        downstream = loopback.to("/hook?a=%20b&c", headers={"X-Tenant": "7", "Authorization": "Bearer  t~"})
        await sender.post(downstream, b'{"object": 1}', SIGNED | {"x-wablock-unchecked": "true"})

    expected = (
        "POST /hook?a=%20b&c HTTP/1.1\r\n"
        f"host: 127.0.0.1:{loopback.port}\r\n"
        "content-type: application/json\r\n"
        "user-agent: wablock\r\n"
        "X-Tenant: 7\r\n"
        "Authorization: Bearer  t~\r\n"
        "content-length: 13\r\n"
        "x-hub-signature-256: sha256=00\r\n"
        "x-wablock-unchecked: true\r\n"
        "\r\n"
        '{"object": 1}'
    )
    assert loopback.requests == [expected.encode()]


async def test_a_receiver_may_set_the_user_agent() -> None:
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to(headers={"User-Agent": "mine"}), b"{}", SIGNED)

    assert loopback.requests[0].lower().count(b"user-agent:") == 1


async def test_three_megabytes_arrive_as_they_are() -> None:
    body = bytes(range(256)) * 12_000
    async with answering(OK) as loopback, sending() as sender:
        for _ in range(3):
            await sender.post(loopback.to(), body, SIGNED)

    assert loopback.connections == 1
    assert all(request.endswith(b"\r\n\r\n" + body) for request in loopback.requests)


async def test_an_empty_body_has_its_length() -> None:
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"", SIGNED)

    assert b"\r\ncontent-length: 0\r\n" in loopback.requests[0]


async def test_headers_past_the_limit_that_were_set_earlier_are_sent() -> None:
    headers = {f"x-{number}": "1" for number in range(30)} | {"x-long": "a" * 5_000}
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to(headers=headers), b"{}", SIGNED)

    assert b"\r\nx-29: 1\r\n" in loopback.requests[0]
