"""The webhook in the document: Meta's words, which Meta's page about the Block API has not."""

from typing import Any, Final

from wablock import failures
from wablock.contract import errors
from wablock.reference.openapi.operations import OperationObject, query
from wablock.reference.openapi.responses import JSON, common, failed, success
from wablock.reference.openapi.schemas import reference
from wablock.server.endpoints.webhooks import LARGEST_BODY, PATH

_TAG: Final = "Gate"
_CHALLENGE: Final = "1158201444"
_SIGNATURE: Final = {
    "name": "X-Hub-Signature-256",
    "in": "header",
    "required": True,
    "description": "`sha256=` and the HMAC-SHA256 of the body's bytes under the account's app secret, in hex. Two of "
    "them are none.",
    "schema": {"type": "string", "pattern": "^sha256=[0-9a-fA-F]{64}$"},
}
_NOBODY: Final = failures.NotDelivered("The downstream 5f2c9a10 did not take it: it answered 500")
_UNROUTED: Final = failures.NotDelivered("106540352242922 has no downstream. Add one with: wablock downstream add")
_WEBHOOK: Final = {
    "object": "whatsapp_business_account",
    "entry": [
        {
            "id": "102290129340398",
            "changes": [
                {
                    "value": {
                        "messaging_product": "whatsapp",
                        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
                        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}],
                        "messages": [
                            {
                                "from": "16505551234",
                                "id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=",
                                "timestamp": "1749416383",
                                "type": "text",
                                "text": {"body": "Does it come in another color?"},
                            }
                        ],
                    },
                    "field": "messages",
                }
            ],
        }
    ],
}


def paths() -> dict[str, Any]:
    return {PATH: {"get": _handshake(), "post": _delivery()}}


def _handshake() -> OperationObject:
    token = query(
        "hub.verify_token", "As `wablock account set` was told.", {"type": "string", "minLength": 1}, required=True
    )
    token["example"] = "a-text-of-your-choice"
    challenge = query(
        "hub.challenge",
        "What is to be given back.",
        {"type": "string", "minLength": 1, "maxLength": 1_000},
        required=True,
    )
    challenge["example"] = _CHALLENGE
    answered = {
        "description": "The challenge",
        "content": {"text/plain": {"schema": {"type": "string"}, "examples": {"Handshake": {"value": _CHALLENGE}}}},
    }
    return {
        "tags": [_TAG],
        "operationId": "verifyWebhook",
        "summary": "Say that this address is the webhook",
        "description": "Meta asks before it sends anything, and whenever the callback URL is saved.",
        "security": [],
        "parameters": [
            query("hub.mode", "What Meta wants.", {"type": "string", "enum": ["subscribe"]}, required=True),
            challenge,
            token,
        ],
        "responses": common()
        | {
            "200": answered,
            "400": failed(
                "No handshake",
                {
                    "No challenge": errors.InvalidParameter(
                        "Param hub.mode must be subscribe, and hub.challenge is required."
                    )
                },
            ),
            "403": failed("No account has this verify token", {"Wrong verify token": failures.WrongVerifyToken()}),
        },
    }


def _delivery() -> OperationObject:
    body = {"schema": reference("Webhook"), "examples": {"A message": {"value": _WEBHOOK}}}
    return {
        "tags": [_TAG],
        "operationId": "deliverWebhook",
        "summary": "Hand a webhook over",
        "description": "Messages and calls of blocked users are taken out; what is left goes to the downstreams of its "
        "numbers. 200 once every required one has taken its part, or where nothing is left. After anything else the "
        f"sender is to send it again. Up to {LARGEST_BODY} bytes.",
        "security": [],
        "parameters": [_SIGNATURE],
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": common()
        | {
            "200": success("Handed over, or nothing was left", "WebhookTaken", {"Handed over": {"success": True}}),
            "400": failed("Not a webhook", {"Not JSON": errors.InvalidParameter("The body must be a JSON object.")}),
            "401": failed(
                "The account that it speaks of has not signed it", {"Not signed": failures.InvalidSignature()}
            ),
            "502": failed(
                "A required downstream did not take it, or the number has none",
                {"Not taken": _NOBODY, "No downstream": _UNROUTED},
            ),
            "503": failed(
                "The block list cannot be asked, or a secret not be read",
                {"Not asked": failures.Overloaded("The block list cannot be asked. Send the webhook again.")},
            ),
        },
    }
