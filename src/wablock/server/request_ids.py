"""The ids of a request, for its answer and the log."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec

_LENGTH: Final = 33  # characters of both ids
_BYTES: Final = 1_584  # enough for 64 pairs of ids


class RequestIds(msgspec.Struct, frozen=True, gc=False):
    """`fbtrace_id` is in bodies, a header and the log; `trace_id` is in another header."""

    fbtrace_id: str
    trace_id: str


def endless_ids(random_bytes: Callable[[int], bytes] = random.randbytes) -> Iterator[RequestIds]:
    """Pairs of ids: 23 characters that begin with A, and 11, both in base64url. They are not secret.

    Many pairs are created together. Created one by one, they would take a twentieth of a short request's time.
    """
    while True:
        text = urlsafe_b64encode(random_bytes(_BYTES)).decode()
        for start in range(0, len(text), _LENGTH):
            yield RequestIds("A" + text[start : start + 22], text[start + 22 : start + _LENGTH])


request_ids: Final[Callable[[], RequestIds]] = partial(next, endless_ids())
"""The ids of the next request of this process."""
