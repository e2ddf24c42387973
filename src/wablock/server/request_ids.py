"""How one request is named in its answer and in the log."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable

import msgspec


class RequestIds(msgspec.Struct, frozen=True):
    """`fbtrace_id` stands in bodies, header and log, `trace_id` in another header."""

    fbtrace_id: str
    trace_id: str


def request_ids(random_bytes: Callable[[int], bytes] = random.randbytes) -> RequestIds:
    """New ids: 23 characters that begin with A, and 11, both of the base64url alphabet. They are no secrets."""
    text = urlsafe_b64encode(random_bytes(25)).decode()
    return RequestIds("A" + text[:22], text[22:33])
