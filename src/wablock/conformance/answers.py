"""The form of successful responses, and their headers."""

import re
from typing import Any, Final

from wablock.conformance.assertions import holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import WRONG_TOKEN, Subject, SubjectAnswer

GROUP: Final = FactGroup("Answers")
fact = GROUP.fact

NOT_A_NUMBER: Final = "123"
_TRACE: Final = re.compile(r"A[A-Za-z0-9_-]{22}")


def _mixed(subject: Subject) -> SubjectAnswer:
    subject.with_none_blocked()
    return subject.block(subject.users[0], NOT_A_NUMBER)


@fact("Keys are in the order of Meta's reference page", Grade.SEED)
def key_order(subject: Subject) -> None:
    text = subject.block(subject.users[0]).text
    keys = re.findall(r'"(block_users|added_users|input|wa_id|messaging_product)"\s*:', text)
    same("keys in the order", keys, ["block_users", "added_users", "input", "wa_id", "messaging_product"])


@fact("input is echoed unchanged, wa_id has digits only", Grade.SEED)
def input_is_echoed(subject: Subject) -> None:
    typed = _punctuated(subject.users[0])
    data = subject.block(typed).ok()
    same("user", data["block_users"]["added_users"], [{"input": typed, "wa_id": subject.wa_ids[0]}])


@fact("JSON is compact", Grade.OURS)
def compact(subject: Subject) -> None:
    text = subject.block(subject.users[0]).text
    holds('": ' not in text and "\n" not in text, "no spaces between", text)


@fact("A response lists failed users and blocked users side by side", Grade.DOCUMENTED, needs_state=True)
def mixed_outcome(subject: Subject) -> None:
    data = _mixed(subject).json()
    outcomes = data.get("block_users", {})
    same("added_users", [user.get("wa_id") for user in outcomes.get("added_users", [])], subject.wa_ids[:1])
    same("failed_users", [user.get("input") for user in outcomes.get("failed_users", [])], [NOT_A_NUMBER])
    same("our users on the list", subject.ours_listed(), subject.wa_ids[:1])


@fact("A failed user has errors with message, integer code and details", Grade.DOCUMENTED)
def failed_user(subject: Subject) -> None:
    error = _failed(_mixed(subject).json())
    holds(isinstance(error.get("message"), str), "a message", error)
    holds(type(error.get("code")) is int, "an integer code", error)
    holds(isinstance(error.get("error_data", {}).get("details"), str), "error_data.details", error)
    holds(not error["message"].startswith("("), "a message without (#code)", error)


@fact("A text that is not a phone number fails with 131047", Grade.DOCUMENTED)
def not_a_number(subject: Subject) -> None:
    same("code", _failed(_mixed(subject).json()).get("code"), 131047)


@fact("A response with failed_users also has error 139100", Grade.DOCUMENTED)
def error_139100(subject: Subject) -> None:
    error = _mixed(subject).error()
    error_members = error.get("code"), error.get("type"), error.get("message")
    same("error", error_members, (139100, "OAuthException", "(#139100) Failed to block/unblock users"))


@fact("On DELETE the error's details say unblock", Grade.DOCUMENTED)
def unblock_details(subject: Subject) -> None:
    details = subject.unblock(subject.users[0], NOT_A_NUMBER).error().get("error_data", {}).get("details")
    same("details", details, "Failed to unblock some users, see the block_users response list for details")


@fact("An empty list of users is omitted", Grade.DOCUMENTED)
def empty_lists_are_left_out(subject: Subject) -> None:
    data = subject.block(NOT_A_NUMBER).json()
    holds("added_users" not in data.get("block_users", {}), "no added_users", data)


@fact("A response in which some users failed has status 200", Grade.OURS)
def mixed_status(subject: Subject) -> None:
    same("status", _mixed(subject).status, 200)


@fact("Responses are application/json", Grade.SEEN, changes=False)
def content_type(subject: Subject) -> None:
    for answer in (subject.get(), subject.send("GET", token=WRONG_TOKEN)):
        kind = answer.headers.get("content-type", "").partition(";")[0]
        same("Content-Type", kind, "application/json")


@fact("fbtrace_id has 23 characters, begins with A, and equals x-fb-request-id", Grade.SEEN, changes=False)
def trace_id(subject: Subject) -> None:
    answer = subject.send("GET", token=WRONG_TOKEN)
    trace = str(answer.error().get("fbtrace_id"))
    holds(_TRACE.fullmatch(trace) is not None, "23 characters that begin with A", trace)
    same("x-fb-request-id", answer.headers.get("x-fb-request-id"), trace)


@fact("Responses forbid caching and allow every origin (CORS)", Grade.DOCUMENTED, changes=False)
def cache_headers(subject: Subject) -> None:
    headers = subject.get().headers
    holds(
        "no-store" in headers.get("cache-control", ""), "Cache-Control with no-store", headers.get("cache-control", "")
    )
    same("Access-Control-Allow-Origin", headers.get("access-control-allow-origin"), "*")
    same("Pragma", headers.get("pragma"), "no-cache")


@fact("facebook-api-version is the version of the response", Grade.OURS, changes=False)
def version_header(subject: Subject) -> None:
    same("facebook-api-version", subject.get().headers.get("facebook-api-version"), subject.settings.version)


@fact("GET has an ETag", Grade.DOCUMENTED, changes=False)
def etag(subject: Subject) -> None:
    headers = subject.get().headers
    holds("etag" in headers, "an ETag", sorted(headers))


def _failed(data: Any) -> Any:
    failed = data.get("block_users", {}).get("failed_users") or [{}]
    return (failed[0].get("errors") or [{}])[0]


def _punctuated(user: str) -> str:
    """The same number with punctuation: +16505550101 becomes +1 650-555-0101."""
    return f"{user[:-10]} {user[-10:-7]}-{user[-7:-4]}-{user[-4:]}"
