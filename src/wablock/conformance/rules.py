"""Rules: which users can be blocked, and the effect of a second block."""

from typing import Final

from wablock.conformance.assertions import Skipped, holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import Subject, request

GROUP: Final = FactGroup("Rules")
fact = GROUP.fact


@fact("An empty block_users does not fail", Grade.SEEN, changes=False)
def no_users(subject: Subject) -> None:
    same("status", subject.send("POST", request(())).status, 200)


@fact("Blocking a user twice succeeds, and the list shows the user once", Grade.OURS, needs_state=True)
def twice(subject: Subject) -> None:
    subject.with_blocked(1)
    holds("error" not in subject.block(subject.users[0]).ok(), "success", "a failure")
    same("our users on the list", subject.ours_listed(), subject.wa_ids[:1])


@fact("Unblocking a user who is not blocked succeeds", Grade.OURS)
def stranger_is_unblocked(subject: Subject) -> None:
    subject.with_none_blocked()
    data = subject.unblock(subject.users[0]).ok()
    same("removed_users", [user["wa_id"] for user in data["block_users"].get("removed_users", [])], subject.wa_ids[:1])


@fact("A user who is twice in a request has two results", Grade.OURS)
def doubled_in_a_request(subject: Subject) -> None:
    data = subject.block(subject.users[0], subject.users[0]).ok()
    same("added_users", [user["wa_id"] for user in data["block_users"]["added_users"]], [subject.wa_ids[0]] * 2)


@fact("Digits without + are an international number", Grade.SEEN)
def digits_alone(subject: Subject) -> None:
    data = subject.block(subject.wa_ids[0]).ok()
    same("user", data["block_users"]["added_users"], [{"input": subject.wa_ids[0], "wa_id": subject.wa_ids[0]}])


@fact("Spaces, dashes, dots and parentheses in a number are ignored", Grade.DOCUMENTED, needs_state=True)
def punctuation(subject: Subject) -> None:
    number = subject.users[0]
    code, area, middle, last = number[:-10], number[-10:-7], number[-7:-4], number[-4:]
    for typed in (f"{code} ({area}) {middle}-{last}", f"{code}.{area}.{middle}.{last}"):
        subject.with_none_blocked()
        subject.block(typed).ok()
        same(f"our users on the list after {typed!r}", subject.ours_listed(), subject.wa_ids[:1])


@fact("A user may be unblocked with another spelling of the number", Grade.SEED, needs_state=True)
def other_spelling(subject: Subject) -> None:
    subject.with_blocked(1)
    subject.unblock(subject.wa_ids[0])
    same("our users on the list", subject.ours_listed(), [])


@fact("Under Meta's rules, a user who has not written in the last 24 hours fails with 131047", Grade.DOCUMENTED)
def only_who_wrote(subject: Subject) -> None:
    if subject.settings.rules != "meta":
        raise Skipped("the server is checked under open rules")
    if subject.settings.stranger is None:
        raise Skipped("needs a user who has not written: --stranger")
    same("codes", _codes(subject, subject.settings.stranger), [131047])


@fact("The business's own number fails with 131021", Grade.DOCUMENTED)
def own_number(subject: Subject) -> None:
    if subject.settings.own_number is None:
        raise Skipped("needs the business's own number: --own-number")
    same("codes", _codes(subject, subject.settings.own_number), [131021])


def _codes(subject: Subject, user: str) -> list[int]:
    """The codes with which blocking `user` fails. If it succeeds, the user is unblocked again."""
    outcomes = subject.block(user).json().get("block_users", {})
    if outcomes.get("added_users"):
        subject.unblock(user)
    return [error.get("code") for failed in outcomes.get("failed_users", []) for error in failed.get("errors", [])]
