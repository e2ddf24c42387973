"""A request whose headers were parsed before is read as the parser reads it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.request_rows import GET, HOST, JSON, POST, TOKEN_LINE, Row, get, head
from tests.server.test_malformed_requests import MALFORMED, ODD

from wablock.server.protocol.bodies import BodyBudget
from wablock.server.protocol.repeated_headers import RepeatedHeaders
from wablock.server.protocol.requests import RequestReader
from wablock.settings import LimitSettings

BODY = b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}'
LENGTH = b"Content-Length: %d" % len(BODY)


class ForgetfulHeaders(RepeatedHeaders):
    """Knows no headers, so that everything is parsed."""

    def find(self, data: bytes) -> None:  # noqa: ARG002 - the signature is inherited
        return None


def reader(repeated: RepeatedHeaders) -> RequestReader:
    limits = LimitSettings()
    budget = BodyBudget(limits.max_bodies, limits.max_unproven_bodies)
    return RequestReader(limits, budget, repeated, lambda: None, lambda: True)


def requests_in(pieces: list[bytes], repeated: RepeatedHeaders) -> list[object]:
    """All that a connection learns of these pieces. Each request is answered before the next piece arrives."""
    requests = reader(repeated)
    facts: list[object] = []
    for piece in pieces:
        if requests.is_broken:
            break
        requests.read(piece)
        requests.count()
        while requests.ahead:
            exchange = requests.ahead.popleft()
            request = msgspec.structs.asdict(exchange.request) | {"ids": None, "incoming": None}
            body = None if exchange.body is None else (exchange.body.received, exchange.body.is_whole)
            facts.append((request, body, exchange.is_last, exchange.may_be_chunked, exchange.waits_for_100))
        facts.append((requests.awaited, requests.is_broken, str(requests.refusal), requests.body is None))
    return facts


def known(*requests: bytes) -> RepeatedHeaders:
    """The headers after a client has repeated each of `requests`."""
    repeated = RepeatedHeaders()
    for request in requests:
        requests_in([request] * 3, repeated)
    return repeated


@pytest.mark.parametrize("row", [*MALFORMED, *ODD], ids=lambda row: row.name)
def test_known_headers_change_nothing_about_an_unusual_request(row: Row) -> None:
    pieces = [get(), get(), row.sent, row.sent, row.sent, get()]

    warm = requests_in(pieces, known(get(), head(POST, HOST, TOKEN_LINE, JSON, LENGTH) + BODY, row.sent))

    assert warm == requests_in(pieces, ForgetfulHeaders())


@pytest.mark.parametrize(
    "last",
    [get(b"Connection: close"), get(b"Proxy-Connection: close"), head(b"GET / HTTP/1.0", HOST)],
    ids=["close", "proxy", "1.0"],
)
def test_known_headers_are_refused_behind_the_last_request_of_a_connection(last: bytes) -> None:
    pieces = [last, get()]

    warm = requests_in(pieces, known(get()))

    assert warm == requests_in(pieces, ForgetfulHeaders())


LINES = st.sampled_from(
    [
        HOST,
        TOKEN_LINE,
        JSON,
        LENGTH,
        b"Content-Length: 0",
        b"Content-Length: 5",
        b"content-length: 05",
        b"X-Hub-Signature-256: sha256=" + b"0" * 64,
        b"x-hub-signature-256: sha256=" + b"F" * 64,
        b"X-Hub-Signature-256: sha256=" + b"1" * 63,
        b"X-Hub-Signature-256:sha256=" + b"2" * 64,
        b"X-Hub-Signature-256: sha256=" + b"3" * 64 + b" ",
        b"X: x-hub-signature-256: sha256=" + b"4" * 64,
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Proxy-Connection: close",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"X-Forwarded-Proto: https",
        b"Host: other.test",
        b"X: " + b"x" * 2_000,
        b" folded",
    ]
)
REQUEST_LINES = st.sampled_from(
    [
        GET,
        POST,
        b"GET /%2e%2E?a=b%00 HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET http://x.test/ HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET / HTTP/1.0",
        b"HEAD / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT x:1 HTTP/1.1",
        b"get / HTTP/1.1",
        b"\r\nGET / HTTP/1.1",
        b"\r\n\r\nGET / HTTP/1.1",
        b"GET /#x HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /" + b"a" * 300 + b" HTTP/1.1",
    ]
)
BODIES = st.sampled_from([b"", BODY, b"12345", b"0\r\n\r\n", b"5\r\n12345\r\n0\r\n\r\n", BODY + get(), BODY[:-1]])


def webhook(signature: bytes, body: bytes, *lines: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return head(POST, HOST, JSON, b"X-Hub-Signature-256: sha256=" + signature * 64, *lines, length) + body


@st.composite
def webhooks(draw: st.DrawFn) -> bytes:
    body = draw(st.sampled_from([b"1", b"12345", BODY]))
    line = draw(st.sampled_from([b"A: 1", b"A: 2", b"X-Hub-Signature-256: sha256=" + b"f" * 64, b"Content-Length: 1"]))
    return webhook(draw(st.sampled_from([b"0", b"a", b"F"])), body, line)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(LINES, max_size=3))
    return head(draw(REQUEST_LINES), *(lines if draw(st.booleans()) else [HOST, *lines])) + draw(BODIES)


@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_every_sequence_of_requests_is_read_as_the_parser_reads_it(different: list[bytes], order: list[int]) -> None:
    pieces = [different[place % len(different)] for place in order]

    warm = requests_in(pieces, known(*different))

    assert warm == requests_in(pieces, ForgetfulHeaders())


def test_repeated_headers_are_known_on_every_connection() -> None:
    post = head(POST, HOST, TOKEN_LINE, JSON, LENGTH) + BODY
    repeated = known(post)

    parts = repeated.find(head(GET, HOST, TOKEN_LINE, JSON, LENGTH) + BODY[::-1])

    assert parts is not None
    assert parts[2] == BODY[::-1]


def test_headers_that_a_client_sends_once_are_not_kept() -> None:
    repeated = RepeatedHeaders()

    requests_in([get(), get(b"X: 1"), get(), get(b"X: 2")], repeated)

    assert repeated.find(get()) is None


def test_few_blocks_are_kept() -> None:
    repeated = RepeatedHeaders()
    for number in range(1_100):
        requests_in([get(b"X: %d" % number)] * 2, repeated)

    assert repeated.find(get(b"X: 0")) is None
    assert repeated.find(get(b"X: 1099")) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"Expect: 100-continue",
        b"X-Forwarded-Proto: https",
        b"Connection: close",
        b"X: " + b"x" * 1_024,
        b"\r\n".join(b"X%d: 1" % number for number in range(30)),
    ],
    ids=["expect", "scheme", "close", "long", "many"],
)
def test_large_blocks_and_those_with_an_effect_are_not_kept(line: bytes) -> None:
    assert known(get(line)).find(get(line)) is None


@given(st.lists(webhooks() | requests(), min_size=1, max_size=12))
def test_webhooks_among_other_requests_are_read_as_the_parser_reads_them(pieces: list[bytes]) -> None:
    warm = requests_in(pieces, known(*pieces))

    assert warm == requests_in(pieces, ForgetfulHeaders())


def test_the_headers_of_a_webhook_are_known_whatever_its_signature_and_length() -> None:
    repeated = RepeatedHeaders()
    requests_in([webhook(b"0", b"first"), webhook(b"1", b"the second")], repeated)

    parts = repeated.find(webhook(b"2", b"third"))

    assert parts is not None
    _, block, body = parts
    assert (block.last_values[b"x-hub-signature-256"], block.length) == (b"sha256=" + b"2" * 64, 5)
    assert dict(block.headers) == block.last_values
    assert body == b"third"


def test_a_webhook_does_not_change_the_headers_of_another() -> None:
    repeated = RepeatedHeaders()
    requests_in([webhook(b"0", b"first"), webhook(b"1", b"the second")], repeated)
    third, fourth = repeated.find(webhook(b"3", b"third")), repeated.find(webhook(b"4", b"the fourth"))

    assert third is not None
    assert fourth is not None
    assert third[1].last_values[b"x-hub-signature-256"] == b"sha256=" + b"3" * 64
    assert (third[1].length, fourth[1].length) == (5, 10)


@pytest.mark.parametrize(
    "request_",
    [
        webhook(b"2", b"third")[:-1],
        webhook(b"2", b"third") + b"x",
        webhook(b"2", b"third", b"A: 1"),
        webhook(b"g", b"third"),
    ],
    ids=["shorter", "longer", "another header", "no signature"],
)
def test_other_webhooks_are_parsed(request_: bytes) -> None:
    repeated = known(webhook(b"0", b"first"))

    assert repeated.find(request_) is None


def test_webhooks_with_two_signatures_are_parsed() -> None:
    line = b"X-Hub-Signature-256: sha256=" + b"f" * 64

    assert known(webhook(b"0", b"first", line)).find(webhook(b"0", b"first", line)) is None
