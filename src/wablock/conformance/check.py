"""What a check is, and what can come of one."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from wablock.conformance.subject import Subject


class Grade(StrEnum):
    """How surely a fact is Meta's behaviour; see `docs/fidelity.md`. What is `ours` is a choice, and no failure."""

    SEED = "seed"
    DOCUMENTED = "documented"
    SEEN = "seen"
    OURS = "ours"


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """A choice of wablock's that the server does not share."""
    SKIPPED = "skipped"


class Differs(Exception):
    """A fact does not hold: what was expected, and what came."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Skipped(Exception):
    """A fact cannot be looked at here, for this reason."""


class Check(msgspec.Struct, frozen=True):
    """One fact. `changes`: whether it blocks or unblocks. `needs_state`: whether it means nothing without a list."""

    name: str
    sentence: str
    grade: Grade
    run: Callable[["Subject"], None]
    changes: bool = True
    needs_state: bool = False


class Result(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came of a check; `expected` and `got` where the fact does not hold, `why` where it was not looked at."""

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
    """Makes a check of a function that raises `Differs` where the fact does not hold. Its name is the function's."""

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
    """A value, short enough to be read."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else text[:300] + "…"
