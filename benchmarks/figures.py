"""Figures: ratios of medians over interleaved rounds, and their table."""

import statistics
from collections.abc import Callable, Mapping

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table


class Figure(msgspec.Struct):
    """One ratio, with its lower (or upper) limit and the medians that it is computed from."""

    comparison: str
    ratio: float
    limit: float
    at_most: bool
    parts: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.ratio <= self.limit if self.at_most else self.ratio >= self.limit


def interleaved(measures: Mapping[str, Callable[[], float]], rounds: int, what: str) -> dict[str, float]:
    """The median of each measure. They are measured alternately, so that a busy machine affects all of them alike."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in track(range(rounds), what, transient=True):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def at_least(comparison: str, ratio: float, limit: float, parts: dict[str, float]) -> Figure:
    return Figure(comparison, ratio, limit, at_most=False, parts=parts)


def at_most(comparison: str, ratio: float, limit: float, parts: dict[str, float]) -> Figure:
    return Figure(comparison, ratio, limit, at_most=True, parts=parts)


def print_table(figures: list[Figure]) -> None:
    table = Table("comparison", "ratio", "limit", "medians")
    for figure in figures:
        bound = f"{'≤' if figure.at_most else '≥'} {figure.limit:g}"
        parts = ", ".join(f"{name} {value:,.4g}" for name, value in figure.parts.items())
        table.add_row(figure.comparison, f"{figure.ratio:.2f}{'' if figure.holds else ' ✗'}", bound, parts)
    Console(width=160).print(table)
