"""How one request is named in its answer and in the log."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

_LENGTH: Final = 33  # characters of both ids
_BYTES: Final = 1_584  # make 64 of them


class RequestIds(msgspec.Struct, frozen=True):
    """`fbtrace_id` stands in bodies, header and log, `trace_id` in another header."""

    fbtrace_id: str
    trace_id: str


def endless_ids(random_bytes: Callable[[int], bytes] = random.randbytes) -> Iterator[RequestIds]:
    """Ids of 23 characters that begin with A, and of 11, both of the base64url alphabet. They are no secrets.

    Many are made at once: one by one they would be a twentieth of a short request.
    """
    while True:
        text = urlsafe_b64encode(random_bytes(_BYTES)).decode()
        for start in range(0, len(text), _LENGTH):
            yield RequestIds("A" + text[start : start + 22], text[start + 22 : start + _LENGTH])


request_ids: Final[Callable[[], RequestIds]] = partial(next, endless_ids())
"""The ids of the next request of this process."""
