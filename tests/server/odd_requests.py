"""Requests that look odd and are valid HTTP/1.1: some client or proxy sends each.

The bodies that no endpoint reads contain `BEHIND`: requests, for a server that leaves a body unread.
"""

from typing import Final

from tests.server.request_rows import (
    BEHIND,
    BODY,
    CHUNKED,
    END,
    GET,
    HOST,
    JSON,
    POST,
    TARGET,
    TOKEN_LINE,
    Row,
    chunk,
    chunked,
    coding,
    get,
    get_at,
    get_from,
    head,
    length,
    post,
)

_BOTH: Final = (200, 200)
_ALONE: Final = (200,)
"""The connection ends with its answer."""
_SIZE: Final = len(BODY)
_SENT: Final = length(_SIZE)
_UNWANTED: Final = length(len(BEHIND))
_ENDS: Final = chunk(BODY) + END
_PIECES: Final = b"".join(chunk(BODY[start : start + 1]) for start in range(_SIZE))

HEADS: Final = (
    Row("a plain request", get(), _BOTH, (200, 200)),
    Row("an empty line before it", b"\r\n" + get(), _BOTH, (200, 200)),
    Row("two empty lines before it", b"\r\n\r\n" + get(), _BOTH, (200, 200)),
    Row("a whole address as its target", get_at(b"http://wablock.test" + TARGET), _BOTH, (200, 200)),
    Row("a whole address with a port", get_at(b"http://wablock.test:80" + TARGET), _BOTH, (200, 200)),
    Row("a whole address of https", get_at(b"https://wablock.test" + TARGET), _BOTH, (200, 200)),
    Row("a whole address in capitals", get_at(b"HTTP://WABLOCK.TEST" + TARGET), _BOTH, (200, 200)),
    Row("an encoded line's end in its query", get_at(TARGET + b"?x=%0d%0aX-A:%20b"), _BOTH, (200, 200)),
    Row("an encoded NUL in its query", get_at(TARGET + b"?x=%00"), _BOTH, (200, 200)),
    Row("a long query", get_at(TARGET + b"?x=" + b"a" * 8_000), _BOTH, (200, 200)),
    Row("two headers of one name", get(b"Accept: */*", b"Accept: text/html"), _BOTH, (200, 200)),
    Row("many headers", get(*(b"X-%d: a" % each for each in range(200))), _BOTH, (200, 200)),
    Row(
        "names in capitals",
        head(GET, HOST.replace(b"Host", b"HOST"), b"AUTHORIZATION" + TOKEN_LINE[13:]),
        _BOTH,
        (200, 200),
    ),
    Row("names in small letters", head(GET, b"host: wablock.test", b"a" + TOKEN_LINE[1:]), _BOTH, (200, 200)),
    Row("an empty value", get(b"X-A:"), _BOTH, (200, 200)),
    Row("a blank value", get(b"X-A:  \t "), _BOTH, (200, 200)),
    Row(
        "no space behind the colons",
        head(GET, b"Host:wablock.test", TOKEN_LINE.replace(b": ", b":")),
        _BOTH,
        (200, 200),
    ),
    Row("blanks around its values", get_from(b"Host: \t wablock.test \t "), _BOTH, (400,)),
    Row("a tab within a value", get(b"X-A: b\tc"), _BOTH, (200, 200)),
    Row("Latin-1 in a value", get(b"X-A: caf\xe9"), _BOTH, (200, 200)),
    Row("UTF-8 in a value", get(b"X-A: caf\xc3\xa9"), _BOTH, (200, 200)),
    Row("a name with every character of a token", get(b"X!#$%&'*+-.^_`|~9: b"), _BOTH, (200, 200)),
    Row("a Host with a port", get_from(b"Host: wablock.test:8080"), _BOTH, (200, 200)),
    Row("a Host with an empty port", get_from(b"Host: wablock.test:"), _BOTH, (200, 200)),
    Row("a Host in capitals", get_from(b"Host: WABLOCK.test"), _BOTH, (200, 200)),
    Row("a Host with a final dot", get_from(b"Host: wablock.test."), _BOTH, (200, 200)),
    Row("a Host with an underscore", get_from(b"Host: wablock_server"), _BOTH, (200, 200)),
    Row("a Host that is an address", get_from(b"Host: 127.0.0.1:8080"), _BOTH, (200, 200)),
    Row("a Host that is an IPv6 address", get_from(b"Host: [::1]:8080"), _BOTH, (200, 200)),
    Row("HTTP/1.0 without a Host", head(b"GET " + TARGET + b" HTTP/1.0", TOKEN_LINE), _ALONE, (200,)),
    Row("HTTP/1.0 with a Host", get_at(TARGET, b"HTTP/1.0"), _ALONE, (200,)),
    Row("a connection to close", get(b"Connection: close"), _ALONE, (200,)),
    Row("a connection to close, among others", get(b"Connection: close, te", b"TE: trailers"), _ALONE, (200,)),
    Row("a connection to close, in capitals", get(b"Connection: CLOSE"), _ALONE, (200,)),
    Row("a connection to keep", get(b"Connection: keep-alive", b"Keep-Alive: timeout=5"), _BOTH, (200, 200)),
    Row("a connection for a proxy", get(b"Proxy-Connection: keep-alive"), _BOTH, (200, 200)),
    Row("another connection's Host", get(b"Connection: host, authorization"), _BOTH, (200, 200)),
    Row("an offer of WebSocket", get(b"Connection: Upgrade", b"Upgrade: websocket"), _BOTH, (200, 200)),
    Row("an offer that no connection names", get(b"Upgrade: h2c"), _BOTH, (200, 200)),
    Row("OPTIONS for all", head(b"OPTIONS * HTTP/1.1", HOST, TOKEN_LINE), (400, 200), (400,)),
    Row("TRACE", get().replace(b"GET", b"TRACE", 1), (400, 200), (405,)),
)

BODIES: Final = (
    Row("a plain body", post(_SENT) + BODY, _BOTH, (200, 200)),
    Row("a length with zeros", post(length(b"000%d" % _SIZE)) + BODY, _BOTH, (200, 200)),
    Row("a length with blanks", post(length(b"\t %d \t" % _SIZE)) + BODY, _BOTH, (400,)),
    Row("a length in HTTP/1.0", post(_SENT).replace(b"HTTP/1.1", b"HTTP/1.0", 1) + BODY, _ALONE, (200,)),
    Row("a length that the connection names", post(b"Connection: content-length", _SENT) + BODY, _BOTH, (200, 200)),
    Row("an unknown expectation", post(b"Expect: much", _SENT) + BODY, _BOTH, (200, 200)),
    Row("the known expectation", post(b"Expect: 100-Continue", _SENT) + BODY, _BOTH, (200, 200)),
    Row("a name that is nearly a length's", post(_SENT, b"Content_Length: 0") + BODY, _BOTH, (200, 200)),
    Row("a name that is nearly a coding's", post(_SENT, b"Transfer_Encoding: chunked") + BODY, _BOTH, (200, 200)),
    Row("a name that ends like a coding's", post(_SENT, b"X-Transfer-Encoding: chunked") + BODY, _BOTH, (200, 200)),
    Row("TE, which is no coding", post(_SENT, b"TE: chunked") + BODY, _BOTH, (200, 200)),
    Row("chunks", chunked(_ENDS), _BOTH, (200, 200)),
    Row("Chunked", post(coding(b"Chunked")) + _ENDS, _BOTH, (200, 200)),
    Row("CHUNKED", post(b"TRANSFER-ENCODING: CHUNKED") + _ENDS, _BOTH, (200, 200)),
    Row("chunked behind blanks", post(coding(b" \t chunked")) + _ENDS, _BOTH, (501,)),
    Row("chunked, without a space", post(b"Transfer-Encoding:chunked") + _ENDS, _BOTH, (200, 200)),
    Row(
        "a coding that the connection names", post(b"Connection: transfer-encoding", CHUNKED) + _ENDS, _BOTH, (200, 200)
    ),
    Row("chunks of one byte", chunked(_PIECES, END), _BOTH, (200, 200)),
    Row("a size in capitals", chunked(chunk(BODY, b"%X" % _SIZE), END), _BOTH, (200, 200)),
    Row("a size with zeros", chunked(chunk(BODY, b"00000000%x" % _SIZE), b"000\r\n\r\n"), _BOTH, (200, 200)),
    Row("an extension", chunked(chunk(BODY, b"%x;a=b" % _SIZE), b"0;c\r\n\r\n"), _BOTH, (200, 200)),
    Row("an extension in quotes", chunked(chunk(BODY, b'%x;a="b c"' % _SIZE), END), _BOTH, (200, 200)),
    Row("an extension with a quoted quote", chunked(chunk(BODY, b'%x;a="b\\"c"' % _SIZE), END), _BOTH, (200, 200)),
    Row("a long extension", chunked(chunk(BODY, b"%x;a=%b" % (_SIZE, b"b" * 4_000)), END), _BOTH, (200, 200)),
    Row("a trailer", chunked(chunk(BODY), b"0\r\nX-Checksum: 1\r\n\r\n"), _BOTH, (200, 200)),
    Row("a trailer that is a Host", chunked(chunk(BODY), b"0\r\nHost: other.test\r\n\r\n"), _BOTH, (200, 200)),
    Row(
        "a trailer that is a token",
        head(POST, HOST, JSON, CHUNKED) + chunk(BODY) + b"0\r\n" + TOKEN_LINE + b"\r\n\r\n",
        (400, 200),
        (200, 200),
    ),
)

UNWANTED_BODIES: Final = (
    Row("a body of a GET", get(_UNWANTED) + BEHIND, _BOTH, (200, 200)),
    Row("a chunked body of a GET", get(CHUNKED) + chunk(BEHIND) + END, _BOTH, (200, 200)),
    Row(
        "a body for a path that is not there",
        get_at(b"/nothing/at/all")[:-2] + _UNWANTED + b"\r\n\r\n" + BEHIND,
        (400, 200),
        (200, 200),
    ),
    Row("a body of a GET of a page", get_at(b"/docs")[:-2] + _UNWANTED + b"\r\n\r\n" + BEHIND, _BOTH, (200, 200)),
    Row("a body of a health check", get_at(b"/healthz")[:-2] + _UNWANTED + b"\r\n\r\n" + BEHIND, _BOTH, (200, 200)),
    Row("a body of OPTIONS", get(_UNWANTED).replace(b"GET", b"OPTIONS", 1) + BEHIND, _BOTH, (200, 200)),
    Row("a body of another method", get(_UNWANTED).replace(b"GET", b"PUT", 1) + BEHIND, (400, 200), (200, 200)),
    Row("a body without a token", head(POST, HOST, JSON, _UNWANTED) + BEHIND, (400, 200), (200, 200)),
    Row(
        "a chunked body without a token", head(POST, HOST, JSON, CHUNKED) + chunk(BEHIND) + END, (400, 200), (200, 200)
    ),
    Row("a body that is no JSON", post(_UNWANTED) + BEHIND, (400, 200), (200, 200)),
    Row("a body of 0 bytes", post(length(0)), (400, 200), (200, 200)),
    Row("no body", post(), (400, 200), (200, 200)),
)
