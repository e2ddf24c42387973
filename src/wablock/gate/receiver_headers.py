"""The headers that a receiver may ask for with each webhook."""

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
    """`headers`, which may be set; raises `ValueError` with one line of advice."""
    if len(headers) > _MOST:
        raise ValueError(f"there may be up to {_MOST} headers, and these are {len(headers)}")
    for name, value in headers.items():
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            raise ValueError(
                f"the header {name[:_LONGEST_NAME]!r} is too long: its name may have {_LONGEST_NAME} characters, "
                f"its value {_LONGEST_VALUE}"
            )
    return checked_headers(headers)


def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """`headers`, which can be sent, also those that were set before they were bounded; raises as `headers_to_set`."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} must have a plain name and printable ASCII as its value")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is set by wablock itself")
    return headers
