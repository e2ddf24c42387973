"""Graph API versions: which one answers a request that names any other."""

import re
from typing import Final

KNOWN: Final = ("v23.0", "v24.0", "v25.0", "v26.0")

_VERSION = re.compile(r"v(\d{1,4})\.(\d{1,4})")


def is_version(segment: str) -> bool:
    """Whether a path segment names a Graph version, known or not."""
    return segment in KNOWN or _VERSION.fullmatch(segment) is not None


def answering_version(asked: str | None) -> str:
    """The version that serves a request for `asked`, a text that `is_version` accepts, or None where none was named.

    A version between two known ones, too old or too new is served by the nearest known one that is not newer, else by
    the oldest. No version means the oldest, as Graph does.
    """
    if asked in KNOWN:
        return asked
    match = _VERSION.fullmatch(asked or "")
    if match is None:
        return KNOWN[0]
    wanted = int(match[1]), int(match[2])
    not_newer = [version for version in KNOWN if _number(version) <= wanted]
    return not_newer[-1] if not_newer else KNOWN[0]


def _number(version: str) -> tuple[int, int]:
    major, minor = version[1:].split(".")
    return int(major), int(minor)
