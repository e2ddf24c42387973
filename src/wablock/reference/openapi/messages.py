"""The send path in the document, with wablock's own answers. All other answers are the upstream's."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.failures import NotSent, UpstreamTimedOut
from wablock.gate.send_request import request
from wablock.gate.send_request.recipients import unreadable_recipient
from wablock.reference.openapi.block_users import PATH_PARAMETERS
from wablock.reference.openapi.operations import WA_ID
from wablock.reference.openapi.responses import JSON, REFUSED, failed, failures
from wablock.reference.openapi.schemas import reference

_MESSAGE: Final = {"messaging_product": "whatsapp", "to": WA_ID, "type": "text", "text": {"body": "Hello"}}
_FORM: Final = _MESSAGE | {"text": '{"body":"Hello"}'}
_ANSWER: Final = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": WA_ID, "wa_id": WA_ID}],
    "messages": [{"id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"}],
}
_NOT_SENT: Final[dict[str, GraphError]] = {
    "The user is blocked": errors.BlockedByBusiness(),
    "Two readings": errors.InvalidParameter("Param to is given twice."),
    "Unreadable recipient": unreadable_recipient(
        "to", "+1650555", "numbers of +1 have 10 digits after it, and this one has 6."
    ),
    "No upstream": errors.UnknownObject(
        "post", "106540352242922", "The number has no upstream. Set one with: wablock upstream set"
    ),
}
_NO_ANSWER: Final = NotSent("The request to the upstream failed: no connection: All connection attempts failed")
_LATE: Final = UpstreamTimedOut("The request to the upstream failed: it did not answer within 30 s")


def paths() -> dict[str, Any]:
    return {"/{Version}/{Phone-Number-ID}/messages": {"parameters": PATH_PARAMETERS, "post": _send()}}


def _send() -> dict[str, Any]:
    bodies = {request.JSON: _MESSAGE, request.FORM: _FORM, request.MULTIPART: _FORM}
    refusals = failures(REFUSED | _NOT_SENT)
    refusals["400"]["description"] = "Refused by wablock, and nothing was sent; or refused by the upstream"
    return {
        "operationId": "sendMessage",
        "summary": "Send a message through the number's upstream",
        "description": "A message to a blocked user is refused. All other requests are forwarded unchanged, except "
        "that the upstream's access token replaces the caller's. The caller's token must not be anywhere else in the "
        "request. The response has the upstream's status and body, and the headers that clients of Graph read. A "
        "browser must send its token as a header. Scope `send`.",
        "requestBody": {
            "required": False,  # all parameters may be in the query
            "content": {
                media: {"schema": reference("Message"), "examples": {"A text": {"value": example}}}
                for media, example in bodies.items()
            },
        },
        "responses": {
            "200": {
                "description": "The upstream's own response",
                "content": {JSON: {"schema": {}, "examples": {"Meta's": {"value": _ANSWER}}}},
            },
            "default": {"description": "The upstream's own response"},
        }
        | refusals
        | {
            "502": failed("The upstream did not answer; it may have sent the message", {"No answer": _NO_ANSWER}),
            "504": failed("The upstream did not answer in time; it may have sent the message", {"Too late": _LATE}),
        },
    }
