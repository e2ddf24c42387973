"""Checks for Graph's statuses, as strict as those of Schemathesis for HTTP's usual statuses."""

import hashlib
import os
from typing import Any

import requests
import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.running_server import TOKEN

from wablock.gate.webhook.signature import looks_signed, sign

# The credentials of the tested server.
_APP_SECRET = os.environ["APP_SECRET"]
_OURS = {
    "token_id": hashlib.sha256(TOKEN.encode()).hexdigest()[:12],
    "downstream_id": os.environ["DOWNSTREAM_ID"],
}
_SIGNATURE = "X-Hub-Signature-256"

_WRONG = {"Authorization": "Bearer wrong"}
_STRANGERS: list[tuple[dict[str, str], int, int]] = [({}, 400, 104), (_WRONG, 401, 190)]
# A schema cannot express these: which texts are a cursor of this list, an ETag, a user or a public address, which bytes
# have two readings, which tokens, numbers, names and routes exist, which countries there are, who is blocked, what is
# in the future, which events can be undone; and 5.0 is an integer.
_BEYOND_SCHEMAS = (
    "cursor is not one of this list",
    "The account has a list named",
    "is attached to",
    "A number can have 50 attached lists",
    "The account has 1,000 shared lists already",
    "Object with ID '",
    "Param user must be a phone number with country code",
    "cannot be a parent user id",
    "The business has blocked the user",
    "The multipart/form-data body cannot be read",
    "A message has one recipient",
    "cannot be read as a recipient",
    "The name of a parameter has a control character",
    "follows a semicolon",
    "A parameter's name has a =",
    "Unknown parameter block_users[",
    "Param url cannot be used",
    "Param headers cannot be sent",
    "expires_at] must be",
    "Param expires_at must be",
    "Param at must be an integer",
    "Send after or before, not both",
    "Send after or since, not both",
    "is not a place among the events",
    "cannot be undone",
    "If-Match must be * or the ETag",
    "must be in the future",
    "Param at is in the future",
    "Param at must be seconds since 1970 or an ISO 8601 time",
    "is registered already",
    "Another number of the account has the name",
    "Param name must have 1 to 64 printable characters",
    "Param display_number must be the phone number itself",
    "Param country must be two letters of a country",
    "The account has 1,000 numbers already",
    "is not a list of the account",
    "An account may have 10 subscriptions",
)
_OF_BODY_OR_QUERY = ("blockUsers", "unblockUsers", "sendMessage")
_NAME_AN_ADDRESS = ("addDownstream", "addSubscription", "setUpstream")

_tried_operations: set[str] = set()


class _Signed(requests.auth.AuthBase):
    """Signs webhooks as Meta does, the bytes that are sent; what shall be missing or no signature stays so."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        body, signature = prepared.body or b"", prepared.headers.get(_SIGNATURE)
        assert isinstance(body, bytes | str)
        if isinstance(signature, str) and looks_signed(signature):
            prepared.headers[_SIGNATURE] = sign(_APP_SECRET, body if isinstance(body, bytes) else body.encode())
        return prepared


schemathesis.auth.set_from_requests(_Signed()).apply_to(path="/webhooks/whatsapp")  # type: ignore[attr-defined]


@schemathesis.check
def refuses_strangers(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request without a token or with a wrong one is refused: each operation that succeeded is repeated like that."""
    if not case.operation.schema.raw_schema["paths"][case.path][case.operation.method].get("security", True):
        return
    if response.status_code >= 400:
        return
    if response.request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise Failure(operation=case.operation.label, title="Auth skipped", message="Success without the good token")
    if case.operation.label in _tried_operations:
        return
    _tried_operations.add(case.operation.label)
    for headers, status, code in _STRANGERS:
        answer = _repeat(case, headers)
        if (answer.status_code, answer.json()["error"]["code"]) != (status, code):
            raise Failure(
                operation=case.operation.label,
                title="Auth skipped",
                message=f"A stranger got {answer.status_code}: {answer.text}",
            )


def _repeat(case: Case[Any], headers: dict[str, str]) -> Response:
    stranger = case.operation.Case(
        path_parameters=case.path_parameters, query=case.query, body=case.body, media_type=case.media_type
    )
    answer: Response = stranger.call(headers=headers)
    return answer


@schemathesis.check
def accepts_what_the_document_allows(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """The server refuses a request that the document allows only for reasons that the document cannot express."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    error: dict[str, Any] = response.json()["error"]
    text = error["message"] + " " + error.get("error_data", {}).get("details", "")
    # A parameter may be in the body or in the query, so neither requires it. With a body of its own kind, others do.
    may_lack_any = case.operation.definition.raw.get("operationId") in _OF_BODY_OR_QUERY or not case.body
    lacks_a_parameter = may_lack_any and "(#100) The parameter" in text and " is required" in text
    form_of_other_text = "json" not in (case.media_type or "") and "Param block_users must be an array" in text
    if lacks_a_parameter or form_of_other_text or any(known in text for known in _BEYOND_SCHEMAS):
        return
    raise Failure(operation=case.operation.label, title="Allowed request refused", message=response.text)


@schemathesis.check
def answers_with_the_status_alone(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """The check of one user is as documented; for a blocked user whose status alone was requested it has no body."""
    if case.operation.definition.raw.get("operationId") != "checkUser":
        return
    if response.status_code == 403 and (case.query or {}).get("as") == "status" and not response.content:
        return
    content_type_conformance(context, response, case)
    response_schema_conformance(context, response, case)


@schemathesis.hook
def filter_query(_: Any, query: dict[str, Any] | None) -> bool:
    """No repeated parameters: a schema forbids them, but in Graph the last one counts. Other tests cover them."""
    return not any(isinstance(value, list) for value in (query or {}).values())


@schemathesis.hook
def before_call(_: Any, case: Case[Any], __: Any) -> None:
    """Do not remove our own token and downstream, which later requests need, and send nothing to servers of others."""
    parameters = case.path_parameters or {}
    for name, own in _OURS.items():
        if parameters.get(name) == own:
            parameters[name] = own[::-1]
    if isinstance(case.body, dict) and case.operation.definition.raw.get("operationId") in _NAME_AN_ADDRESS:
        url = case.body.get("url", "https://")
        if isinstance(url, str) and url.lower().startswith("http"):
            case.body["url"] = "https://wablock.invalid"
