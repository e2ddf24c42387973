"""Answers: status, header lines and body, as Graph sends them."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec
from msgspec import UNSET

from wablock.contract import wire
from wablock.contract.errors import GraphError, InvalidAccessToken
from wablock.server.request import Request
from wablock.server.request_ids import RequestIds

encoded: Final = msgspec.json.Encoder().encode
"""The JSON of a response."""

_BREAKS_A_LINE: Final = re.compile(rb"[\r\n\0]")
_UNSAFE_IN_HEADER = re.compile(r"[^ !#-\[\]-~]")  # all but printable ASCII without " and \
_LONGEST_IN_HEADER = 300


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent. Raises `ValueError` for a header that contains a line break."""
    headers = list(headers)
    if any(_BREAKS_A_LINE.search(name + value) for name, value in headers):
        raise ValueError("a header contains a line break")
    return b"".join(b"%b: %b\r\n" % header for header in headers)


# Encoded once: joining them for each answer would take longer than writing the rest of its head.
_EVERY_ANSWER: Final = (
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
    (b"vary", b"Accept-Encoding"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Sat, 01 Jan 2000 00:00:00 GMT"),
    (b"x-content-type-options", b"nosniff"),
)
_SUCCESS: Final = header_lines((*_EVERY_ANSWER, (b"cache-control", b"private, no-cache, no-store, must-revalidate")))
_FAILURE: Final = header_lines((*_EVERY_ANSWER, (b"cache-control", b"no-store")))
_PREFLIGHT: Final = header_lines(
    (
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE, OPTIONS"),
        (b"access-control-allow-headers", b"Authorization, Content-Type, If-None-Match"),
        (
            b"access-control-expose-headers",
            b"facebook-api-version, x-fb-request-id, x-fb-trace-id, WWW-Authenticate, ETag",
        ),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"Origin"),
    )
)
_NOTHING: Final[Mapping[bytes, bytes]] = MappingProxyType({})
_IDS: Final = b"facebook-api-version: %b\r\nx-fb-request-id: %b\r\nx-fb-trace-id: %b\r\n"


class Removed(msgspec.Struct):
    success: bool


class Chunks(Protocol):
    """A streamed body. `aclose` is always called, even if no chunk was read."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Answer(msgspec.Struct):
    """An HTTP answer, whole or streamed. `headers` are lines (see `header_lines`), without Content-Length."""

    status: int
    headers: bytes
    body: bytes = b""
    code: int | None = None
    """The code of the Graph error, if there is one. The log and the metrics use it."""
    chunks: Chunks | None = None
    """A streamed body, used instead of `body`. If it raises, the connection is aborted."""

    def add(self, name: bytes, value: bytes) -> None:
        self.headers += header_lines(((name, value),))


def json_answer(request: Request, data: msgspec.Struct, status: int = 200) -> Answer:
    return success(data, request.ids, request.version, status)


def success(data: msgspec.Struct, ids: RequestIds, version: str, status: int = 200) -> Answer:
    return success_body(encoded(data), ids, version, status)


def success_body(body: bytes, ids: RequestIds, version: str, status: int = 200) -> Answer:
    """Like `success`, for a body that is already encoded."""
    return Answer(status, _SUCCESS + _ids(ids, version), body)


def page(request: Request, content: bytes, media_type: bytes, more: Mapping[bytes, bytes] = _NOTHING) -> Answer:
    """An answer outside of the Graph API, with `more` headers."""
    headers = {
        b"content-type": media_type,
        b"x-fb-request-id": request.ids.fbtrace_id.encode(),
        b"x-content-type-options": b"nosniff",
    }
    return Answer(200, header_lines((headers | dict(more)).items()), content)


def etag_of(body: bytes) -> bytes:
    return b'"' + hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() + b'"'


def with_etag(answer: Answer, etag: bytes, if_none_match: str | None) -> Answer:
    """`answer` with its ETag; 304 without a body if the caller already has it."""
    answer.headers += b"etag: %b\r\n" % etag
    if if_none_match is not None and (if_none_match.strip() == "*" or etag.decode() in if_none_match):
        return Answer(304, answer.headers)
    return answer


def failure(error: GraphError, ids: RequestIds, version: str, *, retry_after: int | None = None) -> Answer:
    """The Graph envelope of a failed request. Only here is an error encoded for the wire.

    `retry_after` replaces the error's own.
    """
    envelope = wire.ErrorEnvelope(
        messaging_product=wire.WHATSAPP if error.names_product else UNSET, error=error_body(error, ids)
    )
    answer = Answer(error.status, _FAILURE + _ids(ids, version), encoded(envelope), error.code)
    answer.add(b"www-authenticate", _challenge(error))
    retry_after = error.retry_after if retry_after is None else retry_after
    if retry_after is not None:
        answer.add(b"retry-after", str(retry_after).encode())
    return answer


def error_body(error: GraphError, ids: RequestIds) -> wire.Error:
    return wire.Error(
        error.message,
        error.type,
        error.code,
        error_subcode=UNSET if error.subcode is None else error.subcode,
        is_transient=error.is_transient or UNSET,
        error_data=_error_data(error),
        fbtrace_id=ids.fbtrace_id,
    )


def _error_data(error: GraphError) -> wire.ErrorData | msgspec.UnsetType:
    if error.details is None:
        return UNSET
    return wire.ErrorData(messaging_product=wire.WHATSAPP if error.data_names_product else UNSET, details=error.details)


def preflight(ids: RequestIds, version: str) -> Answer:
    """The answer to a browser's CORS preflight request."""
    return Answer(200, _PREFLIGHT + _ids(ids, version))


def _ids(ids: RequestIds, version: str) -> bytes:
    return _IDS % (version.encode(), ids.fbtrace_id.encode(), ids.trace_id.encode())


def _challenge(error: GraphError) -> bytes:
    kind = "invalid_token" if isinstance(error, InvalidAccessToken) else "invalid_request"
    message = _UNSAFE_IN_HEADER.sub("?", error.message)[:_LONGEST_IN_HEADER]
    return f'OAuth "Facebook Platform" "{kind}" "{message}"'.encode("ascii")
