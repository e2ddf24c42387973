"""An HTTP request to a Graph path, taken apart once."""

import re
from typing import Any

import msgspec
from starlette.types import Receive, Scope

from wablock.contract.errors import BodyTooLarge

_PATH = re.compile(r"/(?:(v\d{1,4}\.\d{1,4})/)?([^/]+)/block_users/?")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


class Headers(msgspec.Struct):
    """The headers that anything here reads; None where not sent."""

    authorization: str | None = None
    content_type: str | None = None
    content_length: str | None = None
    transfer_encoding: str | None = None
    host: str | None = None
    if_none_match: str | None = None
    repeated_authorization: bool = False


class Target(msgspec.Struct, frozen=True):
    """Which number's block list a path names, and under which version, where one is named."""

    asked_version: str | None
    phone_number_id: str


def target(path: str) -> Target | None:
    """None where `path` is not one of a block list."""
    match = _PATH.fullmatch(path)
    return None if match is None else Target(match[1], match[2])


def headers(scope: Scope) -> Headers:
    sent = scope["headers"]
    found = dict(sent)
    # Fewer names than headers: some came twice. Of these only the Authorization matters to anybody here.
    repeated = len(found) < len(sent) and sum(name == b"authorization" for name, _ in sent) > 1
    return Headers(
        _text(found.get(b"authorization")),
        _text(found.get(b"content-type")),
        _text(found.get(b"content-length")),
        _text(found.get(b"transfer-encoding")),
        _text(found.get(b"host")),
        _text(found.get(b"if-none-match")),
        repeated,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


async def body(receive: Receive, sent: Headers, largest: int) -> bytes:
    """The request's body; raises `BodyTooLarge` as soon as it is known to be over `largest` bytes."""
    if sent.content_length is None and sent.transfer_encoding is None:
        return b""
    if sent.content_length is not None and int(sent.content_length) > largest:
        raise BodyTooLarge(largest)
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientWentAway
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > largest:
            raise BodyTooLarge(largest)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class ClientWentAway(Exception):
    """The connection closed before the request was whole: nobody is there to answer."""


def base_url(scope: Scope, sent: Headers) -> str:
    """The scheme and host that the caller used; the address it reached where its Host cannot be one."""
    host = sent.host
    if host is None or not _HOST.fullmatch(host):
        address, port = scope.get("server") or ("localhost", None)
        host = f"[{address}]" if ":" in address else address
        host = host if port is None else f"{host}:{port}"
    return f"{scope['scheme']}://{host}"
