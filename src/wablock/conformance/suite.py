"""All checks, run one after the other; what they change is put back, whatever happens."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from wablock.conformance import answers, conventions, failures, operations, paging, rules, user_ids
from wablock.conformance.assertions import Differs, Skipped
from wablock.conformance.check import Fact, FactOutcome, FactResult, Grade
from wablock.conformance.subject import CannotCheck, Subject

GROUPS: Final = {
    "Operations": operations.CHECKS,
    "Answers": answers.CHECKS,
    "Failures of a whole request": failures.CHECKS,
    "Rules": rules.CHECKS,
    "Paging": paging.CHECKS,
    "Graph conventions": conventions.CHECKS,
    "User ids": user_ids.CHECKS,
}
_OTHER_SHAPE: Final = (KeyError, IndexError, TypeError, AttributeError, ValueError)
"""What taking a body apart raises where it has another shape."""
_NO_STATE: Final = "The server answers POST with 200, but the user is not on the list: it keeps no state."


class Report(msgspec.Struct):
    """What came of all checks. `finding` says in a sentence what explains many of them."""

    url: str
    rules: str
    results: list[FactResult]
    requests: int = 0
    finding: str = ""

    def count(self, outcome: FactOutcome, grade: Grade | None = None) -> int:
        return sum(it.outcome is outcome and grade in (None, it.grade) for it in self.results)

    @property
    def has_failed(self) -> bool:
        return self.count(FactOutcome.FAILED) > 0


def run(subject: Subject, *, read_only: bool, anyway: bool, told: Callable[[FactResult], None]) -> Report:
    """Run every check, telling each result as it comes. Raises `CannotCheck` before anything is changed."""
    _begin(subject, read_only=read_only, anyway=anyway)
    report = Report(subject.settings.url, subject.settings.rules, [])
    try:
        report.finding = "" if read_only else _finding(subject)
        for result in _results(subject, read_only=read_only, finding=report.finding):
            report.results.append(result)
            told(result)
    finally:
        if not read_only:
            _put_back(subject, report)
    report.requests = subject.requests
    return report


def _put_back(subject: Subject, report: Report) -> None:
    """Unblock whoever may be blocked by now, and tell who still is."""
    subject.unblock(*subject.users)
    subject.unblock(answers.NOBODY)  # a server that took it for a number has blocked it
    try:
        left = subject.ours_listed()
    except (Differs, Skipped, *_OTHER_SHAPE):
        return
    if left and not report.finding:
        report.finding = f"{len(left)} of the users could not be unblocked again, and are on the list still."


def _begin(subject: Subject, *, read_only: bool, anyway: bool) -> None:
    if len(subject.users) < 5:
        raise CannotCheck("Name at least 5 users who may be blocked and unblocked: --users")
    answer = subject.get()
    if answer.status != 200:
        raise CannotCheck(f"{subject.origin} answers the list with {answer.status}: {answer.text[:200]}")
    try:
        there = [] if read_only else subject.ours_listed()
    except (Differs, *_OTHER_SHAPE) as trouble:
        raise CannotCheck(f"{subject.origin} does not answer as the Block API does: {trouble}") from None
    except Skipped as reason:
        raise CannotCheck(f"Who is on the list cannot be told: {reason}") from None
    if there and not anyway:
        raise CannotCheck(
            f"{len(there)} of the users to check with are on the list already, and would not be when it ends: "
            "name others with --users, or say --anyway"
        )


def _finding(subject: Subject) -> str:
    """Whether a list is kept at all: without one most other failures follow."""
    answer = subject.block(subject.users[0])
    if answer.status != 200:
        return ""
    try:
        is_listed = subject.wa_ids[0] in subject.listed()
        added = answer.data["block_users"]["added_users"]
    except (Differs, Skipped, *_OTHER_SHAPE):
        return ""
    return "" if is_listed or not added else _NO_STATE


def _results(subject: Subject, *, read_only: bool, finding: str) -> Iterator[FactResult]:
    for group, checks in GROUPS.items():
        for check in checks:
            yield _result(group, check, subject, read_only=read_only, finding=finding)


def _result(group: str, check: Fact, subject: Subject, *, read_only: bool, finding: str) -> FactResult:
    result = FactResult(
        group=group, name=check.name, sentence=check.sentence, grade=check.grade, outcome=FactOutcome.PASSED
    )
    if read_only and check.changes:
        return replace(result, outcome=FactOutcome.SKIPPED, why="it changes the list, and --read-only was said")
    if finding and check.needs_state and check is not operations.blocked_is_listed:
        return replace(result, outcome=FactOutcome.SKIPPED, why="it follows: the server keeps no state")
    token = subject.settings.token
    missed = FactOutcome.DIFFERS if check.grade is Grade.OURS else FactOutcome.FAILED
    try:
        check.run(subject)
    except Skipped as reason:
        return replace(result, outcome=FactOutcome.SKIPPED, why=str(reason))
    except Differs as difference:
        return replace(result, outcome=missed, expected=difference.expected, got=difference.got.replace(token, "…"))
    except _OTHER_SHAPE as trouble:
        return replace(
            result, outcome=missed, expected="a body of the documented shape", got=repr(trouble).replace(token, "…")
        )
    return result
