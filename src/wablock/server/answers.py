"""What goes back: an answer's bytes and headers, as Graph sends them."""

import hashlib
import random
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET
from starlette.types import Send

from wablock.contract import wire
from wablock.contract.errors import GraphError, InvalidAccessToken

Headers = list[tuple[bytes, bytes]]

_encoder = msgspec.json.Encoder()

_EVERY_ANSWER: Final[Headers] = [
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
    (b"vary", b"Accept-Encoding"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Sat, 01 Jan 2000 00:00:00 GMT"),
    (b"x-content-type-options", b"nosniff"),
]
_SUCCESS: Final[Headers] = [*_EVERY_ANSWER, (b"cache-control", b"private, no-cache, no-store, must-revalidate")]
_FAILURE: Final[Headers] = [*_EVERY_ANSWER, (b"cache-control", b"no-store")]
_PREFLIGHT: Final[Headers] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, If-None-Match"),
    (b"access-control-expose-headers", b"facebook-api-version, x-fb-request-id, x-fb-trace-id, WWW-Authenticate, ETag"),
    (b"access-control-max-age", b"86400"),
    (b"vary", b"Origin"),
]

_UNSAFE_IN_HEADER = re.compile(r"[^ !#-\[\]-~]")  # all but printable ASCII without " and \
_LONGEST_IN_HEADER = 300


class Answer(msgspec.Struct):
    """An HTTP answer, whole."""

    status: int
    body: bytes
    headers: Headers
    code: int | None = None
    """The Graph error's code, where there is one: for the log and the metrics."""


class RequestIds(msgspec.Struct, frozen=True):
    """How one request is named: `fbtrace_id` in bodies, header and log, `trace_id` in another header."""

    fbtrace_id: str
    trace_id: str


def request_ids(random_bytes: Callable[[int], bytes] = random.randbytes) -> RequestIds:
    """New ids: 23 characters that begin with A, and 11, both of the base64url alphabet. They are no secrets."""
    text = urlsafe_b64encode(random_bytes(25)).decode()
    return RequestIds("A" + text[:22], text[22:33])


def success(data: msgspec.Struct, ids: RequestIds, version: str, status: int = 200) -> Answer:
    return success_body(encoded(data), ids, version, status)


def success_body(body: bytes, ids: RequestIds, version: str, status: int = 200) -> Answer:
    """The same of a body that is encoded already."""
    return Answer(status, body, _with_ids(_SUCCESS, ids, version))


def encoded(data: msgspec.Struct) -> bytes:
    return _encoder.encode(data)


def etag_of(body: bytes) -> bytes:
    return b'"' + hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() + b'"'


def with_etag(answer: Answer, etag: bytes, if_none_match: str | None) -> Answer:
    """`answer` with its ETag; 304 without a body where the caller has it already."""
    answer.headers.append((b"etag", etag))
    if if_none_match is not None and (if_none_match.strip() == "*" or etag.decode() in if_none_match):
        return Answer(304, b"", answer.headers)
    return answer


def failure(error: GraphError, ids: RequestIds, version: str) -> Answer:
    """The Graph envelope of a failed request. This is where an error is put into words for the wire."""
    envelope = wire.ErrorEnvelope(
        messaging_product=wire.WHATSAPP if error.names_product else UNSET, error=error_body(error, ids)
    )
    answer = Answer(error.status, _encoder.encode(envelope), _with_ids(_FAILURE, ids, version), error.code)
    answer.headers.append((b"www-authenticate", _challenge(error)))
    if error.retry_after is not None:
        answer.headers.append((b"retry-after", str(error.retry_after).encode()))
    if error.status in (413, 431):  # what is left of the request is not worth reading
        answer.headers.append((b"connection", b"close"))
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
    """The answer to a browser that asks whether it may send the real request."""
    return Answer(200, b"", _with_ids(_PREFLIGHT, ids, version))


async def send_answer(send: Send, answer: Answer) -> None:
    if answer.status not in (204, 304):  # its length would be said to be that of what the caller has
        answer.headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _with_ids(headers: Headers, ids: RequestIds, version: str) -> Headers:
    return [
        *headers,
        (b"facebook-api-version", version.encode()),
        (b"x-fb-request-id", ids.fbtrace_id.encode()),
        (b"x-fb-trace-id", ids.trace_id.encode()),
    ]


def _challenge(error: GraphError) -> bytes:
    kind = "invalid_token" if isinstance(error, InvalidAccessToken) else "invalid_request"
    said = _UNSAFE_IN_HEADER.sub("?", error.message)[:_LONGEST_IN_HEADER]
    return f'OAuth "Facebook Platform" "{kind}" "{said}"'.encode("ascii")
