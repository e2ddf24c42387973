"""The results of a run: in the terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figure, Verdict
from benchmarks.machine import Machine

_STYLES: Final = {Verdict.WANTED: "green", Verdict.REQUIRED: "yellow", Verdict.MISSED: "bold red"}

_NARROW: Final = 72  # columns


class Results(msgspec.Struct, frozen=True):
    """The figures of one run, the machine, and the seconds that each step took."""

    machine: Machine
    figures: Sequence[Figure]
    seconds: Mapping[str, float]


def as_json(results: Results) -> bytes:
    figures = [
        msgspec.to_builtins(figure.question)
        | {"value": _rounded(figure.value), "verdict": figure.verdict}
        | {"medians": {name: _rounded(median) for name, median in figure.medians.items()}}
        for figure in results.figures
    ]
    content = {
        "machine": results.machine,
        "figures": figures,
        "seconds": {name: round(each, 1) for name, each in results.seconds.items()},
    }
    return msgspec.json.format(msgspec.json.encode(content)) + b"\n"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")  # more digits would be noise


def print_results(results: Results, console: Console) -> None:
    """Print a table; on a narrow terminal, three lines for each figure."""
    if console.width < _NARROW:
        for figure in results.figures:
            limit = ", wanted ".join(filter(None, limits(figure)))
            line = f"\n  {value(figure)} (required {limit}): "
            console.print(Text.assemble(figure.question.text, line, _verdict(figure), _medians(figure, "\n  ")))
    else:
        console.print(_table(results.figures))
    for name, line in results.machine.lines().items():
        console.print(f"{name}: {line}", highlight=False)
    steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in results.seconds.items())
    console.print(f"time: {sum(results.seconds.values()) / 60:.1f} minutes: {steps}", highlight=False)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("question", show_lines=True)
    for heading in ("value", "required", "wanted", "result"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures:
        question = Text.assemble(figure.question.text, _medians(figure, "\n"))
        table.add_row(question, value(figure), *limits(figure), _verdict(figure))
    return table


def _verdict(figure: Figure) -> Text:
    return Text(figure.verdict, style=_STYLES[figure.verdict])


def _medians(figure: Figure, before: str) -> Text:
    return Text(before + medians(figure) if figure.medians else "", style="dim")


def value(figure: Figure) -> str:
    """Its number, with three digits and its unit."""
    return f"{number(figure.value)} {figure.question.unit}".rstrip()


def limits(figure: Figure) -> tuple[str, str]:
    """What is required and what is wanted; without a wish, that is empty."""
    question = figure.question
    sign = "≤" if question.at_most else "≥"
    wanted = "" if question.wanted is None else f"{sign} {question.wanted:g}"
    return f"{sign} {question.required:g}", wanted


def medians(figure: Figure) -> str:
    return ", ".join(f"{name} {number(median)}" for name, median in figure.medians.items())


def number(value: float) -> str:
    """With at least three digits."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"
