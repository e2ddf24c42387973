"""Figures: the answers to questions, with the medians of interleaved rounds that they are computed from."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec
from rich.console import Console
from rich.progress import track

from benchmarks.questions import Question


class Verdict(StrEnum):
    """How far an answer went."""

    WANTED = "wanted"
    REQUIRED = "required"
    MISSED = "missed"


class Figure(msgspec.Struct, frozen=True):
    """An answer, and the medians that it is computed from."""

    question: Question
    value: float
    medians: Mapping[str, float]

    @property
    def verdict(self) -> Verdict:
        if not self._reaches(self.question.required):
            return Verdict.MISSED
        wanted = self.question.wanted
        return Verdict.REQUIRED if wanted is None or not self._reaches(wanted) else Verdict.WANTED

    def _reaches(self, limit: float) -> bool:
        return self.value <= limit if self.question.at_most else self.value >= limit


def interleaved(measures: Mapping[str, Callable[[], float]], rounds: int, what: str) -> dict[str, float]:
    """The median of each measure. They are measured alternately, so that a busy machine affects all of them alike."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in shown(rounds, what):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def shown(rounds: int, what: str) -> Iterable[int]:
    """The numbers of the rounds, with a progress bar if a person looks."""
    console = Console(stderr=True)
    return track(range(rounds), what, transient=True, console=console, disable=not console.is_terminal)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that is not below `percent` % of them."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]
