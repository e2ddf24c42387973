"""A webhook's request and response as ASGI messages."""

from typing import Final

import msgspec

from wablock.gate import delivery
from wablock.middleware.asgi import AsgiMessage, AsgiScope, Receive, Send

Headers = list[tuple[bytes, bytes]]

LARGEST_BODY: Final = 3 * 1_048_576 + 65_536  # Meta sends up to 3 MB

_SIGNATURE: Final = delivery.SIGNATURE.encode()
_MARK: Final = delivery.UNCHECKED.encode()
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding"))
_SIGNATURES: Final = frozenset((_SIGNATURE, b"x-hub-signature"))  # the second one is older and uses SHA-1


class ReceivedWebhook(msgspec.Struct, frozen=True):
    """A webhook: its headers and its body."""

    headers: Headers
    body: bytes

    @property
    def signature(self) -> str | None:
        """The signature; None if there is none. Also None if there are two: the app might check the other one."""
        signatures = [value for name, value in self.headers if name == _SIGNATURE]
        return signatures[0].decode("latin-1") if len(signatures) == 1 else None

    def marked(self) -> "ReceivedWebhook":
        """The same webhook with the header that marks it as unchecked."""
        return ReceivedWebhook([*self.headers, (_MARK, b"true")], self.body)

    def with_body(self, body: bytes, signature: str | None) -> "ReceivedWebhook":
        """The webhook with another body and its length. If `signature` is None, the old signature header stays."""
        stale = _FRAMING if signature is None else _FRAMING | _SIGNATURES
        headers = [(name, value) for name, value in self.headers if name not in stale]
        headers.append((b"content-length", str(len(body)).encode()))
        if signature is not None:
            headers.append((_SIGNATURE, signature.encode()))
        return ReceivedWebhook(headers, body)


class Reply(msgspec.Struct, frozen=True):
    """A response that the middleware sends itself."""

    status: int
    body: bytes
    headers: Headers = []

    async def send(self, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": [*headers, *self.headers]})
        await send({"type": "http.response.body", "body": self.body})


ACCEPTED: Final = Reply(200, b'{"success":true}')
TOO_LARGE: Final = Reply(413, b'{"error":{"message":"Request body too large"}}')
UNREADABLE: Final = Reply(400, b'{"error":{"message":"The body must be a JSON object"}}')
NOT_CHECKED: Final = Reply(
    503, b'{"error":{"message":"The block list cannot be read. Send the webhook again."}}', [(b"retry-after", b"1")]
)


class SenderDisconnected(Exception):
    """The connection closed before the request was complete, so no response can be sent."""


async def read(scope: AsgiScope, receive: Receive) -> ReceivedWebhook | None:
    """The complete request; None if it is too large. Raises `SenderDisconnected`.

    The header that marks an unchecked webhook is removed, because only the middleware may set it.
    """
    headers = [(name, value) for name, value in scope["headers"] if name != _MARK]
    if any(name == b"content-length" and value.isdigit() and int(value) > LARGEST_BODY for name, value in headers):
        return None
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderDisconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return ReceivedWebhook(headers, b"".join(pieces))


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body first, and then the server's messages, such as a disconnect."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> AsgiMessage:
        for message in messages:
            return message
        return await receive()

    return receive_again
