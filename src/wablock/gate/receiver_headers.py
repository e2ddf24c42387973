"""The extra headers that a receiver gets with each webhook, and their limits."""

import re
from collections.abc import Mapping
from typing import Final

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[ -~]*")
_MOST: Final = 20
_LONGEST_NAME: Final = 100
_LONGEST_VALUE: Final = 4_096
_OURS: Final = frozenset(
    (
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "x-hub-signature-256",
        "x-wablock-unchecked",
    )
)


def headers_to_set(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return `headers` if they may be set. Raises `ValueError` with a message of one line."""
    if len(headers) > _MOST:
        raise ValueError(f"there may be at most {_MOST} headers, but there are {len(headers)}")
    for name, value in headers.items():
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            raise ValueError(
                f"the header {name[:_LONGEST_NAME]!r} is too long: its name may have at most {_LONGEST_NAME} "
                f"characters, its value at most {_LONGEST_VALUE}"
            )
    return checked_headers(headers)


def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return `headers` if they can be sent. Raises `ValueError` as `headers_to_set` does.

    There is no limit here: older versions of wablock let callers set more and longer headers.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} must have a valid name and a value in printable ASCII")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is set by wablock itself")
    return headers
