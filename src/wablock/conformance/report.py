"""A report as Markdown, for example for an issue. It contains no token."""

from typing import Final

from wablock.conformance.check import FactOutcome, FactResult, Grade
from wablock.conformance.suite import Report

_MARKS: Final = {FactOutcome.PASSED: "✓", FactOutcome.FAILED: "✗", FactOutcome.DIFFERS: "≠", FactOutcome.SKIPPED: "·"}


def markdown(report: Report) -> str:
    lines = [f"# Block API conformance of {report.url}", "", f"Rules: `{report.rules}`. {summary(report)}", ""]
    if report.finding:
        lines += [f"**{report.finding}**", ""]
    group = ""
    for result in report.results:
        if result.group != group:
            group = result.group
            lines += ["", f"## {group}", "", "| | fact | grade | |", "|---|---|---|---|"]
        lines.append(
            f"| {_MARKS[result.outcome]} | {_cell(result.sentence)} | {result.grade} | {_cell(detail(result))} |"
        )
    lines += ["", "✓ holds, ✗ does not hold, ≠ differs from wablock's own choice (not a failure), · was skipped.", ""]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """The number of checks with each outcome, and the grades of the failed ones."""
    failed = [f"{count} {grade}" for grade in Grade if (count := report.count(FactOutcome.FAILED, grade))]
    graded = f" ({', '.join(failed)})" if failed else ""
    return (
        f"{report.count(FactOutcome.PASSED)} passed, {report.count(FactOutcome.FAILED)} failed{graded}, "
        f"{report.count(FactOutcome.DIFFERS)} other choices, {report.count(FactOutcome.SKIPPED)} skipped"
    )


def detail(result: FactResult) -> str:
    """The explanation of a result; empty if there is none."""
    if result.expected:
        return f"expected {result.expected}; got {result.got}"
    return result.why


def mark(result: FactResult) -> str:
    return _MARKS[result.outcome]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
