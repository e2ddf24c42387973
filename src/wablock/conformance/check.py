"""Checks and their results."""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from wablock.conformance.subject import Subject


class Grade(StrEnum):
    """How certain it is that Meta behaves this way, see `docs/fidelity.md`. Deviations from `ours` are not failures."""

    SEED = "seed"
    DOCUMENTED = "documented"
    SEEN = "seen"
    OURS = "ours"


class FactOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """The server differs from one of wablock's own choices."""
    SKIPPED = "skipped"


class Fact(msgspec.Struct, frozen=True):
    """The check of one fact. `changes`: it blocks or unblocks. `needs_state`: it needs a server that keeps a list."""

    name: str
    sentence: str
    grade: Grade
    run: Callable[[Subject], None]
    changes: bool = True
    needs_state: bool = False


class FactResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The result of a check: `expected` and `got` if the fact does not hold, `why` if the check was skipped."""

    group: str
    name: str
    sentence: str
    grade: Grade
    outcome: FactOutcome
    expected: str = ""
    got: str = ""
    why: str = ""


class FactGroup:
    """The facts of one module, in the order in which they are checked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts: list[Fact] = []

    def fact(
        self, sentence: str, grade: Grade, *, changes: bool = True, needs_state: bool = False
    ) -> Callable[[Callable[[Subject], None]], Fact]:
        """Add a check of the same name from a function that raises `Differs` if the fact does not hold."""

        def add(run: Callable[[Subject], None]) -> Fact:
            self.facts.append(Fact(run.__name__, sentence, grade, run, changes, needs_state))
            return self.facts[-1]

        return add
