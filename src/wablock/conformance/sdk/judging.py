"""The verdict on an SDK in one scenario: a point for its requests and a point for its result. No I/O."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from wablock.conformance.sdk.playing import SdkRequest
from wablock.conformance.sdk.scenarios import PHONE_NUMBER_ID, TOKEN, USERS, Scenario

_METHODS: Final = {"list": "GET", "block": "POST", "unblock": "DELETE"}
_PATH: Final = re.compile(rf"/(v\d+\.\d+/)?{PHONE_NUMBER_ID}/block_users/?")
_JSON: Final = "application/json"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict on an SDK in a scenario. An empty text means correct."""

    scenario: str
    sentence: str
    wrong_requests: str = ""
    misunderstood: str = ""

    @property
    def points(self) -> int:
        """Of 2."""
        return (not self.wrong_requests) + (not self.misunderstood)


def judged(scenario: Scenario, requests: Sequence[SdkRequest], status: int | None, output: str) -> Verdict:
    """The verdict. `status`: the exit status of the SDK's script; None if it timed out. `output`: what it printed."""
    return Verdict(
        scenario.name, scenario.sentence, _wrong_requests(scenario, requests), _misunderstood(scenario, status, output)
    )


def _wrong_requests(scenario: Scenario, requests: Sequence[SdkRequest]) -> str:
    if not requests:
        return "no request was sent"
    wrong = [fault for request in requests if (fault := _fault(scenario, request))]
    if wrong:
        return wrong[0]
    if scenario.no_retry and len(requests) > 1:
        return f"sent {len(requests)} requests, though the error is permanent"
    if scenario.second_query:
        query = _query(requests[1]) if len(requests) > 1 else {}
        missing = {name for name, value in scenario.second_query.items() if query.get(name) != value}
        if missing:
            return f"the second page was not requested with {', '.join(sorted(missing))}"
    return ""


def _fault(scenario: Scenario, request: SdkRequest) -> str:
    method = _METHODS[scenario.operation]
    if request.method != method:
        return f"{request.method} instead of {method}"
    if not _PATH.fullmatch(urlsplit(request.path).path):
        return f"the path {request.path[:100]}"
    if request.headers.get("authorization") != f"Bearer {TOKEN}" and _query(request).get("access_token") != TOKEN:
        return "no Authorization: Bearer with the token"
    return _body_fault(request) if method != "GET" else ""


def _body_fault(request: SdkRequest) -> str:
    """The error in the JSON body of a change. Forms are valid too, and are not checked."""
    if request.headers.get("content-type", _JSON).partition(";")[0].strip() != _JSON:
        return ""
    try:
        body = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeError):
        return "a body that is not JSON"
    if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
        return "no messaging_product in the body"
    users = body.get("block_users")
    if not isinstance(users, list) or not users:
        return "no block_users in the body"
    if not all(isinstance(user, dict) and isinstance(user.get("user") or user.get("user_id"), str) for user in users):
        return "block_users whose items have no user"
    return ""


def _misunderstood(scenario: Scenario, status: int | None, output: str) -> str:
    if status is None:
        return "it timed out"
    if status != 0:
        last = (output.strip().splitlines() or [""])[-1]
        return f"exit status {status}: {last[:200]}"
    result = _result(output)
    for name, expected in scenario.understood.items():
        if name in result and _plain(result[name]) != _plain(expected):
            return f"{name} is {result[name]!r}, expected {expected!r}"
    return ""


def _result(output: str) -> Mapping[str, Any]:
    """The JSON object in the last line that has one: the script's report of its result."""
    for line in reversed(output.strip().splitlines()):
        try:
            result = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError):
            continue
        if isinstance(result, dict):
            return result
    return {}


def _plain(value: Any) -> Any:
    """Users without the leading +."""
    if isinstance(value, list):
        return [re.sub(r"^\+", "", str(item)) for item in value]
    return value


def _query(request: SdkRequest) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.path).query).items()}


def environment(scenario: Scenario, url: str) -> dict[str, str]:
    """The environment variables of the script: server, credentials, operation and users."""
    return {
        "WABLOCK_URL": url,
        "WABLOCK_TOKEN": TOKEN,
        "WABLOCK_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
        "WABLOCK_SCENARIO": scenario.name,
        "WABLOCK_OPERATION": scenario.operation,
        "WABLOCK_USERS": ",".join(USERS),
    }
