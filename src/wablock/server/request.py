"""An HTTP request to a Graph path, taken apart once."""

import re
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope

from wablock.contract.errors import BodyTooLarge

_PATH = re.compile(r"/(?:(v\d{1,4}\.\d{1,4})/)?([^/]+)/block_users/?")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")

_READ_HEADERS: Final = frozenset(
    (b"authorization", b"content-type", b"content-length", b"transfer-encoding", b"host", b"if-none-match")
)


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
    found = Headers()
    for name, value in scope["headers"]:
        if name in _READ_HEADERS:
            attribute = name.decode().replace("-", "_")
            if attribute == "authorization" and found.authorization is not None:
                found.repeated_authorization = True
            setattr(found, attribute, value.decode("latin-1"))
    return found


async def body(receive: Receive, sent: Headers, largest: int) -> bytes:
    """The request's body; raises `BodyTooLarge` as soon as it is known to be over `largest` bytes."""
    if sent.content_length is None and sent.transfer_encoding is None:
        return b""
    if sent.content_length is not None and int(sent.content_length) > largest:
        raise BodyTooLarge(largest)
    read = b""
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientWentAway
        chunk: bytes = message.get("body", b"")
        read += chunk
        if len(read) > largest:
            raise BodyTooLarge(largest)
        if not message.get("more_body", False):
            return read


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
