"""The generated part of docs/performance.md, between two markers."""

from typing import Final

from benchmarks.figures import Figure, Verdict
from benchmarks.results import Results, limits, medians, value

BEGIN: Final = "<!-- written by make bench: begin -->"
END: Final = "<!-- written by make bench: end -->"
_MARKS: Final = {Verdict.WANTED: "wanted", Verdict.REQUIRED: "required", Verdict.MISSED: "**missed**"}


def with_results(page: str, results: Results, plot: str) -> str:
    """The page with these results between its markers. `plot` is the path of the picture. Raises without markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page must contain {BEGIN} and then {END}.")
    return f"{before}{BEGIN}\n\n{_section(results, plot)}\n{END}{after}"


def _section(results: Results, plot: str) -> str:
    rows = "\n".join(map(_row, results.figures))
    machine = "\n".join(f"- {name}: {line}" for name, line in results.machine.lines().items())
    minutes = sum(results.seconds.values()) / 60
    return f"""\
| question | value | required | wanted | result | medians |
|---|---|---|---|---|---|
{rows}

![Each value, compared with what is required and wanted]({plot})

The machine, on which the run took {minutes:.0f} minutes:

{machine}
"""


def _row(figure: Figure) -> str:
    required, wanted = limits(figure)
    cells = (figure.question.text, value(figure), required, wanted, _MARKS[figure.verdict], medians(figure))
    return f"| {' | '.join(cells)} |"
