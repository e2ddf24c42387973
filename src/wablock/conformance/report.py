"""A report as Markdown, to be pasted where people read. No token is in it."""

from typing import Final

from wablock.conformance.check import FactOutcome, FactResult, Grade
from wablock.conformance.suite import Report

_MARKS: Final = {FactOutcome.PASSED: "✓", FactOutcome.FAILED: "✗", FactOutcome.DIFFERS: "≠", FactOutcome.SKIPPED: "·"}


def markdown(report: Report) -> str:
    """The whole report."""
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
    lines += ["", "✓ holds, ✗ does not, ≠ is another choice than wablock's and no failure, · was not looked at.", ""]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """How many of each, and how the failures are graded."""
    failed = [f"{count} {grade}" for grade in Grade if (count := report.count(FactOutcome.FAILED, grade))]
    graded = f" ({', '.join(failed)})" if failed else ""
    return (
        f"{report.count(FactOutcome.PASSED)} passed, {report.count(FactOutcome.FAILED)} failed{graded}, "
        f"{report.count(FactOutcome.DIFFERS)} other choices, {report.count(FactOutcome.SKIPPED)} skipped"
    )


def detail(result: FactResult) -> str:
    """What is to be said of a result beside its mark."""
    if result.expected:
        return f"expected {result.expected}; got {result.got}"
    return result.why


def mark(result: FactResult) -> str:
    return _MARKS[result.outcome]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
