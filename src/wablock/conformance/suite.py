"""The run of all checks. At the end, also after an exception, all test users are unblocked."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from wablock.conformance import answers, conventions, failures, operations, paging, rules, user_ids
from wablock.conformance.assertions import Differs, Skipped
from wablock.conformance.check import Fact, FactOutcome, FactResult, Grade
from wablock.conformance.subject import CannotCheck, Subject

GROUPS: Final = (
    operations.GROUP,
    answers.GROUP,
    failures.GROUP,
    rules.GROUP,
    paging.GROUP,
    conventions.GROUP,
    user_ids.GROUP,
)
_OTHER_SHAPE: Final = (KeyError, IndexError, TypeError, AttributeError, ValueError)
"""Exceptions from reading a body that has another shape than expected."""
_NO_STATE: Final = "The server answers POST with 200, but the user is not on the list: it keeps no state."


class Report(msgspec.Struct):
    """The results of all checks. `finding` is a sentence that explains many failures at once."""

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


def run(subject: Subject, *, read_only: bool, anyway: bool, on_result: Callable[[FactResult], None]) -> Report:
    """Run every check, and call `on_result` after each. Raises `CannotCheck` before anything is changed."""
    _begin(subject, read_only=read_only, anyway=anyway)
    report = Report(subject.settings.url, subject.settings.rules, [])
    try:
        report.finding = "" if read_only else _finding(subject)
        for group in GROUPS:
            for check in group.facts:
                result = _result(group.name, check, subject, read_only=read_only, finding=report.finding)
                report.results.append(result)
                on_result(result)
    finally:
        if not read_only:
            _put_back(subject, report)
    report.requests = subject.requests
    return report


def _put_back(subject: Subject, report: Report) -> None:
    """Unblock all users that the checks may have blocked, and report those that are still on the list."""
    subject.unblock(*subject.users)
    subject.unblock(answers.NOT_A_NUMBER)  # a server may have accepted it as a number
    try:
        remaining = subject.ours_listed()
    except (Differs, Skipped, *_OTHER_SHAPE):
        return
    if remaining and not report.finding:
        report.finding = f"{len(remaining)} of the test users could not be unblocked, and are still on the list."


def _begin(subject: Subject, *, read_only: bool, anyway: bool) -> None:
    if len(subject.users) < 5:
        raise CannotCheck(f"--users has {len(subject.users)} test users: pass at least 5")
    answer = subject.get()
    if answer.status != 200:
        raise CannotCheck(f"{subject.origin} returned {answer.status} for the list: {answer.text[:200]}")
    try:
        listed = [] if read_only else subject.ours_listed()
    except (Differs, *_OTHER_SHAPE) as error:
        raise CannotCheck(f"{subject.origin} sent a response that is not one of the Block API: {error}") from None
    except Skipped as reason:
        raise CannotCheck(f"The list cannot be read: {reason}") from None
    if listed and not anyway:
        raise CannotCheck(
            f"{len(listed)} of the test users are already on the list, and would be unblocked at the end: "
            "pass other users with --users, or add --anyway"
        )


def _finding(subject: Subject) -> str:
    """The finding that the server keeps no list, which explains most other failures; otherwise empty."""
    answer = subject.block(subject.users[0])
    if answer.status != 200:
        return ""
    try:
        is_listed = subject.wa_ids[0] in subject.listed()
        added = answer.data["block_users"]["added_users"]
    except (Differs, Skipped, *_OTHER_SHAPE):
        return ""
    return "" if is_listed or not added else _NO_STATE


def _result(group: str, check: Fact, subject: Subject, *, read_only: bool, finding: str) -> FactResult:
    result = FactResult(
        group=group, name=check.name, sentence=check.sentence, grade=check.grade, outcome=FactOutcome.PASSED
    )
    if read_only and check.changes:
        return replace(result, outcome=FactOutcome.SKIPPED, why="it changes the list, and --read-only is set")
    if finding and check.needs_state and check is not operations.blocked_is_listed:
        return replace(result, outcome=FactOutcome.SKIPPED, why="the server keeps no state")
    token = subject.settings.token
    missed = FactOutcome.DIFFERS if check.grade is Grade.OURS else FactOutcome.FAILED
    try:
        check.run(subject)
    except Skipped as reason:
        return replace(result, outcome=FactOutcome.SKIPPED, why=str(reason))
    except Differs as difference:
        return replace(result, outcome=missed, expected=difference.expected, got=difference.got.replace(token, "…"))
    except _OTHER_SHAPE as error:
        return replace(
            result, outcome=missed, expected="a body of the documented shape", got=repr(error).replace(token, "…")
        )
    return result
