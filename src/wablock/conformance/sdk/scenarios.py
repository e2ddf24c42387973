"""The scenarios for SDKs: the responses of each, in order. Their bodies are examples of the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from wablock.reference.openapi import document

TOKEN: Final = "wablock-sdk-token"
PHONE_NUMBER_ID: Final = "106540352242922"
USERS: Final = ("+16505551234", "+14155559876")
AFTER: Final = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"

_PATH: Final = "/{Version}/{Phone-Number-ID}/block_users"
_FIRST, _SECOND = (user[1:] for user in USERS)


class ScenarioAnswer(msgspec.Struct, frozen=True):
    """One response. `status` 0: the connection is closed without a response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Scenario(msgspec.Struct, frozen=True):
    """The responses `answers` in order; the last one repeats. `understood`: the values that the script should report.

    `no_retry`: the error is permanent, so a second request is wrong.
    """

    name: str
    operation: str
    sentence: str
    answers: Sequence[ScenarioAnswer]
    understood: Mapping[str, Any]
    no_retry: bool = False
    second_query: Mapping[str, str] = {}
    """Parameters that the second request's query must have."""


def scenarios() -> list[Scenario]:
    api = document()
    paths = api["paths"][_PATH]
    shared = api["components"]["responses"]

    def example(method: str, name: str, status: str = "200") -> Any:
        return paths[method]["responses"][status]["content"]["application/json"]["examples"][name]["value"]

    def failure(response: str, name: str) -> Any:
        return shared[response]["content"]["application/json"]["examples"][name]["value"]

    listed, changed = example("get", "Get blocked users"), example("get", "List changed while paging", "400")
    blocked, mixed = example("post", "Block user(s)"), example("post", "Block user(s): some users failed")
    unblocked, mixed_unblock = (example("delete", f"Unblock user(s){end}") for end in ("", ": some users failed"))
    too_many, unknown_number = example("post", "Too many users", "400"), example("get", "Unknown phone number", "400")
    wrong_token, expired_token = (failure("BadToken", f"{kind} access token") for kind in ("Unknown", "Expired"))
    no_permission, internal = failure("PermissionDenied", "No permission"), failure("InternalError", "Internal error")
    page, second_page = [_row(wa_id=_FIRST)], [_row(wa_id=_SECOND)]
    paging = {"cursors": {"after": AFTER, "before": AFTER}}
    next_page = {"next": f"https://graph.facebook.com/v25.0/{PHONE_NUMBER_ID}/block_users?limit=1&after={AFTER}"}
    bad_gateway = ScenarioAnswer(502, b"<html><h1>Bad gateway</h1></html>", {"Content-Type": "text/html"})
    limited = _of(too_many, 400, {"Retry-After": "1"})
    done, both = {"done": [_FIRST]}, {"done": [_FIRST], "failed": [_SECOND]}
    return [
        Scenario("list", "list", "The documented list, whose rows have no input", [_of(listed)], {"wa_ids": [_FIRST]}),
        Scenario("list-empty", "list", "An empty list, without paging", [_of({"data": []})], {"wa_ids": []}),
        Scenario("list-user-ids", "list", "A row with only a user_id", [_of({"data": [_row(user_id="US.1")]})], {}),
        Scenario(
            "list-pages",
            "list",
            "Two pages: the second is requested with the first page's cursor",
            [_of({"data": page, "paging": paging | next_page}), _of({"data": second_page, "paging": paging})],
            {"wa_ids": [_FIRST, _SECOND]},
            second_query={"after": AFTER},
        ),
        Scenario(
            "list-changed", "list", "139102: the list changed while paging", [_of(changed, 400)], {"error": 139102}
        ),
        Scenario("block", "block", "A user is blocked", [_of(blocked)], done),
        Scenario("block-mixed", "block", "One user is blocked, one failed, with status 200", [_of(mixed)], both),
        Scenario("block-mixed-400", "block", "The same with status 400", [_of(mixed, 400)], both),
        Scenario(
            "block-unknown-member", "block", "A response with an unknown member", [_of(blocked | {"new": 1})], done
        ),
        Scenario("unblock", "unblock", "A user is unblocked; DELETE has a body", [_of(unblocked)], done),
        Scenario(
            "unblock-mixed", "unblock", "One user is unblocked, one failed and has no wa_id", [_of(mixed_unblock)], done
        ),
        _permanent("token", "list", "190: the token is unknown", _of(wrong_token, 401), 190),
        _permanent("expired", "list", "190 with 463: the token has expired", _of(expired_token, 401), 190),
        _permanent("permission", "block", "10: the token does not allow this", _of(no_permission, 403), 10),
        _permanent("number", "list", "100 with 33: the number is unknown", _of(unknown_number, 400), 100),
        Scenario("rate", "block", "130429 with Retry-After, then success", [limited, _of(blocked)], {}),
        Scenario("internal", "block", "139103: a storage error", [_of(internal, 500)], {"error": 139103}),
        Scenario("html", "block", "A proxy's HTML page with status 502", [bad_gateway], {}),
        Scenario("hung-up", "block", "The connection closes without a response", [ScenarioAnswer(0, b"")], {}),
    ]


def _permanent(name: str, operation: str, sentence: str, answer: ScenarioAnswer, code: int) -> Scenario:
    return Scenario(name, operation, sentence, [answer], {"error": code}, no_retry=True)


def _row(**ids: str) -> dict[str, str]:
    return {"messaging_product": "whatsapp"} | ids


def _of(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> ScenarioAnswer:
    return ScenarioAnswer(status, msgspec.json.encode(body), {"Content-Type": "application/json"} | dict(headers or {}))
