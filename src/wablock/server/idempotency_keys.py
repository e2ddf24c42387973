"""The header `Idempotency-Key`, and the mark on the answer to a repeated request."""

import re
from typing import Final

from wablock.contract.errors import InvalidParameter
from wablock.contract.wire import IDEMPOTENCY_KEY_HEADER, REPLAYED_HEADER
from wablock.server.answers import Answer, header_lines
from wablock.server.request import Request

_HEADER: Final = IDEMPOTENCY_KEY_HEADER.encode()
_KEY: Final = re.compile(r"[ -~]{1,255}")
_REPLAYED: Final = header_lines(((REPLAYED_HEADER.encode(), b"true"),))


def idempotency_key(request: Request) -> str | None:
    """The caller's key, exactly as it was sent; None without one. Raises `InvalidParameter`."""
    if _HEADER not in request.last_values:
        return None
    values = request.values(_HEADER)
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise InvalidParameter(
            "The header Idempotency-Key must be one key of 1 to 255 printable ASCII characters.",
            "Send a new random key, such as a UUID, with each new request, and the same key to repeat the request.",
        )
    return values[0]


def marked(answer: Answer, *, is_repeat: bool) -> Answer:
    """The answer, with a mark if it has the outcome of an earlier request with the same key."""
    if is_repeat:
        answer.headers += _REPLAYED
    return answer
