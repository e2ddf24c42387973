"""The idempotency keys of a call that changes a list, so that a request that is repeated changes nothing again.

Meta's server, and a wablock of an earlier version, ignore them. No I/O here.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from wablock.client.retrying import Retries
from wablock.contract.wire import IDEMPOTENCY_KEY_HEADER

_KEY: Final = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")  # HTTP removes spaces at the ends

KeyHeaders = tuple[tuple[str, str], ...]


def random_key() -> str:
    return str(uuid4())


class RequestKeys:
    """The keys of the requests of one call: those of the caller or, if the client may retry them, new ones."""

    def __init__(self, key: str | None, retries: Retries, new_key: Callable[[], str]) -> None:
        """`key`: the caller's. Raises `ValueError` for one that cannot be sent."""
        if key is not None and not _KEY.fullmatch(key):
            raise ValueError("idempotency_key must be 1 to 255 printable ASCII characters, such as a UUID")
        self._key = key
        self._new_key = new_key if retries.most > 0 else None
        self._count = 0

    def headers(self) -> KeyHeaders:
        """The header of the next request. A repeated call has the same users, so its requests have the same keys."""
        key, count = self._key, self._count
        self._count += 1
        if key is None:
            return () if self._new_key is None else ((IDEMPOTENCY_KEY_HEADER, self._new_key()),)
        if count > 0:
            key = hashlib.sha256(f"{count} {key}".encode()).hexdigest()
        return ((IDEMPOTENCY_KEY_HEADER, key),)
