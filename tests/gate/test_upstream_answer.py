"""The headers and media types of an upstream's answer that may reach a browser on our origin."""

from collections.abc import AsyncIterator, Sequence

import pytest

from wablock.gate.token_finder import TokenFinder
from wablock.gate.upstream_answer import headers_back, inert_type, masked

TOKEN = TokenFinder("metas-token/1")
PLAIN = (b"content-type", b"application/json")


@pytest.mark.parametrize(
    "name",
    [
        "access-control-allow-credentials",
        "accept-ch",
        "alt-svc",
        "cache-control",
        "clear-site-data",
        "content-location",
        "content-security-policy",
        "content-security-policy-report-only",
        "critical-ch",
        "document-policy",
        "expect-ct",
        "expires",
        "link",
        "location",
        "nel",
        "no-vary-search",
        "observe-browsing-topics",
        "origin-agent-cluster",
        "permissions-policy",
        "public-key-pins",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "server",
        "set-cookie",
        "set-cookie2",
        "set-login",
        "sourcemap",
        "speculation-rules",
        "strict-transport-security",
        "supports-loading-mode",
        "timing-allow-origin",
        "use-as-dictionary",
        "x-accel-redirect",
        "x-dns-prefetch-control",
        "x-frame-options",
        "x-sendfile",
        "x-sourcemap",
        "x-xss-protection",
    ],
)
def test_a_header_that_controls_a_browser_or_proxy_is_not_forwarded(name: str) -> None:
    assert headers_back([(name.encode(), b"1"), PLAIN], TOKEN) == [PLAIN]


# The SDKs for PHP, Java, Ruby and C# read these, as do programs that follow Meta's rate limits.
@pytest.mark.parametrize(
    "name",
    [
        "content-disposition",
        "content-length",
        "etag",
        "facebook-api-version",
        "retry-after",
        "x-ad-account-usage",
        "x-app-usage",
        "x-business-use-case-usage",
        "x-fb-debug",
        "x-fb-request-id",
        "x-fb-rev",
        "x-fb-trace-id",
        "x-ratelimit-remaining",
    ],
)
def test_a_header_that_clients_of_graph_read_is_forwarded(name: str) -> None:
    assert headers_back([(name.encode(), b'{"1":[]}'), PLAIN], TOKEN) == [PLAIN, (name.encode(), b'{"1":[]}')]


@pytest.mark.parametrize("value", [b"metas-token/1", b"a metas-token%2F1 b", b'{"a":"metas-token\\/1"}'])
def test_a_header_with_the_upstreams_token_is_not_forwarded(value: bytes) -> None:
    assert headers_back([(b"x-fb-debug", value), PLAIN], TOKEN) == [PLAIN]


@pytest.mark.parametrize(
    "value", [b'OAuth "Facebook Platform" "invalid_token" "a, b"', b'Bearer realm="a", error="b"', b"Bearer"]
)
def test_graphs_challenge_is_forwarded(value: bytes) -> None:
    assert (b"www-authenticate", value) in headers_back([(b"www-authenticate", value)], TOKEN)


@pytest.mark.parametrize(
    "value",
    [b'Basic realm="wablock"', b"Negotiate", b"NTLM", b"Digest a", b'OAuth "a", Basic realm="b"', b"Bearer a, NTLM"],
)
def test_a_challenge_that_makes_a_browser_show_a_login_is_not_forwarded(value: bytes) -> None:
    assert all(name != b"www-authenticate" for name, _ in headers_back([(b"www-authenticate", value)], TOKEN))


@pytest.mark.parametrize(
    "media_type,result",
    [
        ("application/json", "application/json"),
        ("application/json; charset=UTF-8", "application/json; charset=utf-8"),
        ('Application/Problem+JSON;charset="utf-8"', "application/problem+json; charset=utf-8"),
        ("text/plain", "text/plain"),
        ("text/csv", "text/csv"),
        ("image/jpeg", "image/jpeg"),
        ("audio/ogg; codecs=opus", "audio/ogg"),
        ("video/mp4", "video/mp4"),
        ("application/pdf", "application/pdf"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("text/javascript; charset=UTF-8", "application/json; charset=utf-8"),
        ("application/javascript", "application/json"),
    ],
)
def test_data_keeps_its_media_type_and_graphs_javascript_is_json(media_type: str, result: str) -> None:
    assert inert_type(media_type) == result


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "TEXT/HTML; charset=utf-7",
        "text/html, application/json",
        "text/css",
        "text/xml",
        "text/xsl",
        "text/ecmascript",
        "text/cache-manifest",
        "application/xhtml+xml",
        "application/vnd.x+xml",
        "application/xml",
        "image/svg+xml",
        "application/ecmascript",
        "application/wasm",
        "application/x-shockwave-flash",
        "application/speculationrules",
        "application/json, text/html",
        "multipart/x-mixed-replace; boundary=a",
        "message/rfc822",
        "application/json\ttext/html",
        "json",
        "",
        "*/*",
    ],
)
def test_media_types_that_a_browser_runs_or_renders_become_text_or_bytes(media_type: str) -> None:
    assert inert_type(media_type) in ("text/plain", "application/octet-stream", "application/json")


def test_an_answer_has_one_media_type() -> None:
    two = [(b"content-type", b"application/json"), (b"content-type", b"text/html")]

    assert headers_back(two, TOKEN) == [PLAIN]


async def chunked(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("size", [1, 2, 5, 13, 100])
async def test_the_upstreams_token_is_masked_wherever_the_chunks_end(size: int) -> None:
    text = b"metas-metas-token/1 metas-token%2F1metas-token/1 metas-token"

    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    whole = b"".join([chunk async for chunk in masked(chunked(pieces), TOKEN)])

    assert whole == b"metas-" + b"*" * 13 + b" " + b"*" * 28 + b" metas-token"


async def test_bytes_that_cannot_begin_a_token_are_forwarded_at_once() -> None:
    assert [chunk async for chunk in masked(chunked([b"first", b"last"]), TOKEN)] == [b"first", b"last"]


async def test_a_short_token_may_be_a_word_and_is_not_masked() -> None:
    assert [chunk async for chunk in masked(chunked([b'{"id":', b'"short"}']), TokenFinder("short"))] == [
        b'{"id":',
        b'"short"}',
    ]
