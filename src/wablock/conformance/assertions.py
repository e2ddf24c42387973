"""Assertions about a server's answers. Each raises `Differs`, with the expected and the actual value."""

from typing import Any

import msgspec


class Differs(Exception):
    """A fact does not hold. The exception has the expected and the actual value."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Skipped(Exception):
    """A fact cannot be checked on this server. The message gives the reason."""


def same(what: str, got: Any, expected: Any) -> None:
    """Raises `Differs` unless the two are equal."""
    if got != expected:
        raise Differs(f"{what} {shown(expected)}", shown(got))


def holds(condition: bool, expected: str, got: Any) -> None:  # noqa: FBT001 - reads as a sentence
    """Raises `Differs` unless `condition` holds."""
    if not condition:
        raise Differs(expected, shown(got))


def shown(value: Any) -> str:
    """A value, short enough to be read."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else text[:300] + "…"
