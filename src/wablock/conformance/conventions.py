"""Conventions of the Graph API that generic clients rely on."""

from typing import Final
from urllib.parse import urlencode

import msgspec

from wablock.conformance.assertions import holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import RawBody, Subject, SubjectAnswer, fields, request
from wablock.contract.wire import WHATSAPP

GROUP: Final = FactGroup("Graph conventions")
fact = GROUP.fact

_FORM: Final = "application/x-www-form-urlencoded"


@fact("The token may be the parameter access_token in the query", Grade.SEEN, changes=False)
def token_in_the_query(subject: Subject) -> None:
    same("status", subject.send("GET", token=None, query={"access_token": subject.settings.token}).status, 200)


@fact("The token may be the field access_token of a form", Grade.SEEN)
def token_in_a_form(subject: Subject) -> None:
    sent = fields(subject.users[:1]) | {"access_token": subject.settings.token}
    answer = subject.send("POST", RawBody(urlencode(sent).encode(), _FORM), token=None)
    _one_done(subject, answer, "added_users")


@fact("A form may contain a user as block_users[0][user]=…", Grade.SEEN)
def brackets(subject: Subject) -> None:
    sent = {"messaging_product": WHATSAPP, "block_users[0][user]": subject.users[0]}
    answer = subject.send("POST", RawBody(urlencode(sent).encode(), _FORM))
    _one_done(subject, answer, "added_users")


@fact("DELETE may have every parameter in the query; a {} body is then ignored", Grade.SEEN)
def delete_in_the_query(subject: Subject) -> None:
    for content in (None, b"{}"):
        subject.block(subject.users[0])
        _one_done(subject, subject.send("DELETE", RawBody(content), query=fields(subject.users[:1])), "removed_users")


@fact("POST with method=delete is DELETE", Grade.SEEN)
def method_override(subject: Subject) -> None:
    subject.block(subject.users[0])
    answer = subject.send("POST", request(subject.users[:1]), query={"method": "delete"})
    _one_done(subject, answer, "removed_users")


@fact("A repeated parameter is accepted", Grade.SEEN)
def repeated_parameter(subject: Subject) -> None:
    content = urlencode([("messaging_product", WHATSAPP), *fields(subject.users[:1]).items()]).encode()
    _one_done(subject, subject.send("POST", RawBody(content, _FORM)), "added_users")


@fact("An unknown parameter is ignored", Grade.SEEN)
def unknown_parameter(subject: Subject) -> None:
    answer = subject.send("POST", request(subject.users[:1]) | {"unheard_of": 1})
    _one_done(subject, answer, "added_users")


@fact("A body without a Content-Type is read as JSON", Grade.OURS)
def body_without_a_type(subject: Subject) -> None:
    content = msgspec.json.encode(request(subject.users[:1]))
    _one_done(subject, subject.send("POST", RawBody(content, None)), "added_users")


@fact("JSON with curl's default Content-Type of a form is read as JSON", Grade.OURS)
def json_under_a_forms_type(subject: Subject) -> None:
    content = msgspec.json.encode(request(subject.users[:1]))
    _one_done(subject, subject.send("POST", RawBody(content, _FORM)), "added_users")


@fact("Another media type is refused with 400", Grade.OURS, changes=False)
def other_media_type(subject: Subject) -> None:
    answer = subject.send("POST", RawBody(b"<xml/>", "text/xml"))
    same("status and code", (answer.status, answer.error().get("code")), (400, 100))


@fact("If there are two tokens, the header wins", Grade.OURS, changes=False)
def header_wins(subject: Subject) -> None:
    same("status", subject.send("GET", query={"access_token": "wrong"}).status, 200)


def _one_done(subject: Subject, answer: SubjectAnswer, name: str) -> None:
    done = answer.ok().get("block_users", {}).get(name)
    holds(bool(done), f"{name} with one user", answer.text)
    same(name, [user.get("wa_id") for user in done], subject.wa_ids[:1])
