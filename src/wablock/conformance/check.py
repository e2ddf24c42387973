"""Checks and their results."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from wablock.conformance.subject import Subject


class Grade(StrEnum):
    """How sure it is that Meta behaves so; see `docs/fidelity.md`. A deviation from an `ours` fact is not a failure."""

    SEED = "seed"
    DOCUMENTED = "documented"
    SEEN = "seen"
    OURS = "ours"


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """The server differs from one of wablock's own choices."""
    SKIPPED = "skipped"


class Differs(Exception):
    """A fact does not hold; with the expected and the actual value."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Skipped(Exception):
    """A fact cannot be checked; the message is the reason."""


class Check(msgspec.Struct, frozen=True):
    """The check of one fact. `changes`: it blocks or unblocks. `needs_state`: it needs a server that keeps a list."""

    name: str
    sentence: str
    grade: Grade
    run: Callable[["Subject"], None]
    changes: bool = True
    needs_state: bool = False


class Result(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The result of a check: `expected` and `got` if the fact does not hold, `why` if the check was skipped."""

    group: str
    name: str
    sentence: str
    grade: Grade
    outcome: Outcome
    expected: str = ""
    got: str = ""
    why: str = ""


def fact(
    sentence: str, grade: Grade, *, changes: bool = True, needs_state: bool = False
) -> Callable[[Callable[["Subject"], None]], Check]:
    """Make a check of the same name from a function that raises `Differs` if the fact does not hold."""

    def made(run: Callable[["Subject"], None]) -> Check:
        return Check(run.__name__.strip("_"), sentence, grade, run, changes, needs_state)

    return made


def same(what: str, got: Any, expected: Any) -> None:
    """Raises `Differs` unless the two are equal."""
    if got != expected:
        raise Differs(f"{what} {shown(expected)}", shown(got))


def holds(true: bool, expected: str, got: Any) -> None:  # noqa: FBT001 - reads as a sentence
    """Raises `Differs` unless `true`."""
    if not true:
        raise Differs(expected, shown(got))


def shown(value: Any) -> str:
    """A value as a text of at most 300 characters."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else text[:300] + "…"
