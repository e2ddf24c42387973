"""Failures of a whole request."""

from typing import Any, Final

from wablock.conformance.assertions import holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import WRONG_TOKEN, RawBody, Subject, SubjectAnswer
from wablock.contract.wire import WHATSAPP

GROUP: Final = FactGroup("Failures of a whole request")
fact = GROUP.fact

_UNKNOWN: Final = "999999999999999"
_PRODUCT_MISSING: Final = "(#100) The parameter messaging_product is required."


def _failure(answer: SubjectAnswer) -> tuple[Any, ...]:
    error = answer.error()
    return answer.status, error.get("type"), error.get("code"), error.get("error_subcode")


@fact("An error has message, type, integer code and fbtrace_id", Grade.SEEN, changes=False)
def envelope(subject: Subject) -> None:
    error = subject.send("GET", token=WRONG_TOKEN).error()
    for name in ("message", "type", "fbtrace_id"):
        holds(isinstance(error.get(name), str), f"{name}, a text", error)
    holds(type(error.get("code")) is int, "code, an integer", error)


@fact("WWW-Authenticate contains the error", Grade.SEEN, changes=False)
def www_authenticate(subject: Subject) -> None:
    header = subject.send("GET", token=WRONG_TOKEN).headers.get("www-authenticate", "")
    holds(
        header.startswith('OAuth "Facebook Platform" "invalid_token"'),
        'OAuth "Facebook Platform" "invalid_token" …',
        header,
    )


@fact("No token: 400, 104", Grade.SEEN, changes=False)
def no_token(subject: Subject) -> None:
    same("failure", _failure(subject.send("GET", token=None)), (400, "OAuthException", 104, None))


@fact("An unknown token: 401, 190", Grade.SEEN, changes=False)
def wrong_token(subject: Subject) -> None:
    same("failure", _failure(subject.send("GET", token=WRONG_TOKEN)), (401, "OAuthException", 190, None))


@fact("A number that is unknown or not allowed for the token: 400, 100 with subcode 33", Grade.SEEN, changes=False)
def unknown_number(subject: Subject) -> None:
    path = subject.path.replace(subject.settings.phone_number_id, _UNKNOWN)
    answer = subject.send("GET", path=path)
    if answer.status == 200:  # some servers create numbers on demand; a text that is not an id stays unknown
        answer = subject.send("GET", path=subject.path.replace(subject.settings.phone_number_id, "not-a-number-id"))
    same("failure", _failure(answer), (400, "GraphMethodException", 100, 33))


@fact("An unknown path: 400, 2500", Grade.SEEN, changes=False)
def unknown_path(subject: Subject) -> None:
    same(
        "failure", _failure(subject.send("GET", path=subject.path + "_unheard_of")), (400, "OAuthException", 2500, None)
    )


@fact("No messaging_product: 400, 100; the message contains the name", Grade.SEEN)
def no_product(subject: Subject) -> None:
    answer = subject.send("POST", {"block_users": [{"user": subject.users[0]}]})
    same("failure", (answer.status, answer.error().get("message")), (400, _PRODUCT_MISSING))


@fact("A missing body, or one that is not JSON, counts as a missing messaging_product", Grade.OURS, changes=False)
def no_json(subject: Subject) -> None:
    for content in (None, b"{nonsense"):
        answer = subject.send("POST", RawBody(content))
        same("failure", (answer.status, answer.error().get("message")), (400, _PRODUCT_MISSING))


@fact("Another messaging_product is refused, and the message contains it", Grade.OURS, changes=False)
def wrong_product(subject: Subject) -> None:
    answer = subject.send("POST", {"messaging_product": "telegram", "block_users": []})
    same("status and code", (answer.status, answer.error().get("code")), (400, 100))
    holds("telegram" in str(answer.error().get("message")), "a message that contains it", answer.error())


@fact("A wrong block_users is refused with 400 and 100, and no user is blocked", Grade.OURS, needs_state=True)
def wrong_users(subject: Subject) -> None:
    subject.with_none_blocked()
    for users in ("x", {"user": subject.users[0]}, [subject.users[0]], [{"user": subject.users[0]}, {"user": 1}], None):
        answer = subject.send("POST", {"messaging_product": WHATSAPP, "block_users": users})
        same("status and code", (answer.status, answer.error().get("code")), (400, 100))
    same("our users on the list", subject.ours_listed(), [])


@fact("More than 1,000 users in one request: 130429", Grade.DOCUMENTED)
def too_many_users(subject: Subject) -> None:
    users = [{"user": subject.users[0]}] * 1_001
    answer = subject.send("DELETE", {"messaging_product": WHATSAPP, "block_users": users})
    same("code", answer.error().get("code"), 130429)


@fact("A bad cursor and a bad limit: 400, 100", Grade.OURS, changes=False)
def bad_page(subject: Subject) -> None:
    for query in ({"after": "nonsense"}, {"before": "nonsense"}, {"limit": "0"}, {"limit": "x"}):
        answer = subject.send("GET", query=query)
        same(f"status and code with {query}", (answer.status, answer.error().get("code")), (400, 100))


@fact("A wrong method: 400, 100", Grade.OURS, changes=False)
def wrong_method(subject: Subject) -> None:
    same("failure", _failure(subject.send("PUT", {}))[:3], (400, "GraphMethodException", 100))
