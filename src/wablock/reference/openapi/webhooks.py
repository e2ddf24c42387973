"""The webhook in the document, in Meta's words. Meta's page about the Block API does not have them."""

from typing import Any, Final

from wablock import failures
from wablock.contract import errors
from wablock.reference.openapi.operations import OperationObject, query
from wablock.reference.openapi.responses import JSON, common, failed, success
from wablock.reference.openapi.schemas import reference
from wablock.server.endpoints.webhooks import LARGEST_BODY, PATH

_CHALLENGE: Final = "1158201444"
_SIGNATURE: Final = {
    "name": "X-Hub-Signature-256",
    "in": "header",
    "required": True,
    "description": "`sha256=` and the HMAC-SHA256 of the body's bytes under the account's app secret, in hex. "
    "If a request has this header twice, it counts as unsigned.",
    "schema": {"type": "string", "pattern": "^sha256=[0-9a-fA-F]{64}$"},
}
_NOT_DELIVERED: Final = failures.NotDelivered("The downstream 5f2c9a10 did not accept it: it answered 500")
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
        "hub.verify_token",
        "The verify token from `wablock account set`.",
        {"type": "string", "minLength": 1},
        required=True,
    )
    token["example"] = "a-text-of-your-choice"
    challenge = query(
        "hub.challenge", "The text to return.", {"type": "string", "minLength": 1, "maxLength": 1_000}, required=True
    )
    challenge["example"] = _CHALLENGE
    answered = {
        "description": "The challenge",
        "content": {"text/plain": {"schema": {"type": "string"}, "examples": {"Handshake": {"value": _CHALLENGE}}}},
    }
    return {
        "operationId": "verifyWebhook",
        "summary": "Confirm the address of the webhook",
        "description": "Meta sends this before the first webhook, and whenever the callback URL is saved.",
        "security": [],
        "parameters": [
            query("hub.mode", "Always `subscribe`.", {"type": "string", "enum": ["subscribe"]}, required=True),
            challenge,
            token,
        ],
        "responses": common()
        | {
            "200": answered,
            "400": failed(
                "Not a handshake",
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
        "operationId": "deliverWebhook",
        "summary": "Deliver a webhook",
        "description": "Messages, calls and handovers of blocked users are dropped. The rest is forwarded to the "
        "receivers of its numbers. The status is 200 if every required receiver accepted its part, or if nothing is "
        "left. After any other status, the sender must send the webhook again. The body may have up to "
        f"{LARGEST_BODY} bytes.",
        "security": [],
        "parameters": [_SIGNATURE],
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": common()
        | {
            "200": success("Delivered, or nothing was left", "WebhookTaken", {"Delivered": {"success": True}}),
            "400": failed("Not a webhook", {"Not JSON": errors.InvalidParameter("The body must be a JSON object.")}),
            "401": failed("The signature is not that of the account", {"Not signed": failures.InvalidSignature()}),
            "502": failed(
                "A required receiver did not accept it, or the number has no receiver",
                {"Not accepted": _NOT_DELIVERED, "No downstream": _UNROUTED},
            ),
            "503": failed(
                "The block list or a secret cannot be read",
                {"Not checked": failures.Overloaded("The block list cannot be read. Send the webhook again.")},
            ),
        },
    }
