"""`X-Hub-Signature-256`: the HMAC-SHA256 of a webhook's raw bytes, which proves who sent it."""

import hmac
import re
from functools import lru_cache
from typing import Final

_FORM = re.compile(r"sha256=[0-9a-fA-F]{64}")
_PREFIX: Final = "sha256="


def sign(secret: str, body: bytes) -> str:
    """The header's value for `body`."""
    keyed = _keyed(secret).copy()
    keyed.update(body)
    return _PREFIX + keyed.hexdigest()


def is_signed(secret: str, body: bytes, header: str | None) -> bool:
    """Whether `header` is the signature of exactly these bytes. The time of the comparison reveals nothing."""
    if not looks_signed(header):
        return False
    return hmac.compare_digest(sign(secret, body), (header or "").lower())


def looks_signed(header: str | None) -> bool:
    """Whether `header` has the form of a signature. If not, the body need not be read."""
    return header is not None and _FORM.fullmatch(header) is not None


@lru_cache(1_000)
def _keyed(secret: str) -> hmac.HMAC:
    """An HMAC with the key. It is cached, because setting the key takes as long as hashing 2,000 bytes."""
    return hmac.new(secret.encode(), digestmod="sha256")
