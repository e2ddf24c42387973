"""`X-Hub-Signature-256`: who sent a webhook, by the HMAC-SHA256 of its raw bytes."""

import hmac
import re
from typing import Final

_FORM = re.compile(r"sha256=[0-9a-fA-F]{64}")
_PREFIX: Final = "sha256="


def sign(secret: str, body: bytes) -> str:
    """The header's value for `body`."""
    return _PREFIX + hmac.digest(secret.encode(), body, "sha256").hex()


def is_signed(secret: str, body: bytes, header: str | None) -> bool:
    """Whether `header` is the signature of exactly these bytes; how long it takes tells nothing about the right one."""
    if not looks_signed(header):
        return False
    return hmac.compare_digest(sign(secret, body), (header or "").lower())


def looks_signed(header: str | None) -> bool:
    """Whether `header` could be a signature at all: what cannot be is not worth a look at the body."""
    return header is not None and _FORM.fullmatch(header) is not None
