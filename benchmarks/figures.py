"""Medians over interleaved rounds, and how they are told."""

import statistics
from collections.abc import Callable, Mapping

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table


class Figure(msgspec.Struct):
    """One ratio, with what it should be at least (or at most) and the medians it is made of."""

    question: str
    ratio: float
    wanted: float
    at_most: bool
    parts: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.ratio <= self.wanted if self.at_most else self.ratio >= self.wanted


def interleaved(measures: Mapping[str, Callable[[], float]], rounds: int, what: str) -> dict[str, float]:
    """The median of each measure, taken in turn: what disturbs the machine disturbs all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in track(range(rounds), what, transient=True):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def at_least(question: str, ratio: float, wanted: float, parts: dict[str, float]) -> Figure:
    return Figure(question, ratio, wanted, at_most=False, parts=parts)


def at_most(question: str, ratio: float, wanted: float, parts: dict[str, float]) -> Figure:
    return Figure(question, ratio, wanted, at_most=True, parts=parts)


def tell(figures: list[Figure]) -> None:
    table = Table("question", "ratio", "wanted", "medians")
    for figure in figures:
        bound = f"{'≤' if figure.at_most else '≥'} {figure.wanted:g}"
        parts = ", ".join(f"{name} {value:,.4g}" for name, value in figure.parts.items())
        table.add_row(figure.question, f"{figure.ratio:.2f}{'' if figure.holds else ' ✗'}", bound, parts)
    Console(width=160).print(table)
