"""Graph API versions, and the choice of the version that answers a request."""

import re
from typing import Final

KNOWN: Final = ("v23.0", "v24.0", "v25.0", "v26.0")

_VERSION = re.compile(r"v(\d{1,4})\.(\d{1,4})")


def is_version(segment: str) -> bool:
    """Whether a path segment is a Graph version, known or not."""
    return segment in KNOWN or _VERSION.fullmatch(segment) is not None


def answering_version(requested: str | None) -> str:
    """The known version that answers a request. `requested`: a version that `is_version` accepts, or None.

    It is the newest known version that is not newer than the requested one; if there is none, it is the oldest known
    version. A request without a version gets the oldest, as at Graph.
    """
    if requested in KNOWN:
        return requested
    match = _VERSION.fullmatch(requested or "")
    if match is None:
        return KNOWN[0]
    number = int(match[1]), int(match[2])
    not_newer = [version for version in KNOWN if _number(version) <= number]
    return not_newer[-1] if not_newer else KNOWN[0]


def _number(version: str) -> tuple[int, int]:
    major, minor = version[1:].split(".")
    return int(major), int(minor)
