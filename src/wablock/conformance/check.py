"""Checks of facts, and the results of running them."""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from wablock.conformance.subject import Subject


class Grade(StrEnum):
    """How surely a fact is Meta's behaviour; see `docs/fidelity.md`. What is `ours` is a choice, and no failure."""

    SEED = "seed"
    DOCUMENTED = "documented"
    SEEN = "seen"
    OURS = "ours"


class FactOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """A choice of wablock's that the server does not share."""
    SKIPPED = "skipped"


class Fact(msgspec.Struct, frozen=True):
    """One fact. `changes`: whether it blocks or unblocks. `needs_state`: whether it means nothing without a list."""

    name: str
    sentence: str
    grade: Grade
    run: Callable[[Subject], None]
    changes: bool = True
    needs_state: bool = False


class FactResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came of a check; `expected` and `got` where the fact does not hold, `why` where it was not looked at."""

    group: str
    name: str
    sentence: str
    grade: Grade
    outcome: FactOutcome
    expected: str = ""
    got: str = ""
    why: str = ""


def fact(
    sentence: str, grade: Grade, *, changes: bool = True, needs_state: bool = False
) -> Callable[[Callable[[Subject], None]], Fact]:
    """Makes a check of a function that raises `Differs` where the fact does not hold. Its name is the function's."""

    def made(run: Callable[[Subject], None]) -> Fact:
        return Fact(run.__name__.strip("_"), sentence, grade, run, changes, needs_state)

    return made
