"""What Graph answers where Schemathesis expects HTTP's usual statuses, asked as strictly."""

import hashlib
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.core.failures import Failure
from tests.running_server import TOKEN

_WRONG = {"Authorization": "Bearer wrong"}
_STRANGERS: list[tuple[dict[str, str], int, int]] = [({}, 400, 104), (_WRONG, 401, 190)]
# What a schema cannot say: which texts are a cursor of this list or name a token, which moment is not over; and 5.0 is
# an integer to it.
_BEYOND_SCHEMAS = (
    "cursor is not one of this list",
    "Unsupported delete request. Object with ID '",
    "[expires_at] must be an integer",
    "Param expires_at must be an integer",
    "Param at must be an integer",
    "Send after or before, not both",
    "must be in the future",
    "Param at is in the future",
    "Param at must be seconds since 1970 or an ISO 8601 time",
)

_asked: set[str] = set()


@schemathesis.check
def refuses_strangers(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """Nothing is done without a token or with a wrong one; what succeeded once is tried again as a stranger."""
    if not case.operation.schema.raw_schema["paths"][case.path][case.operation.method].get("security", True):
        return
    if response.status_code >= 400:
        return
    if response.request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise Failure(operation=case.operation.label, title="Auth skipped", message="Success without the good token")
    if case.operation.label in _asked:
        return
    _asked.add(case.operation.label)
    for headers, status, code in _STRANGERS:
        answer = _ask_again(case, headers)
        if (answer.status_code, answer.json()["error"]["code"]) != (status, code):
            raise Failure(
                operation=case.operation.label,
                title="Auth skipped",
                message=f"A stranger got {answer.status_code}: {answer.text}",
            )


def _ask_again(case: Case[Any], headers: dict[str, str]) -> Response:
    stranger = case.operation.Case(
        path_parameters=case.path_parameters, query=case.query, body=case.body, media_type=case.media_type
    )
    answer: Response = stranger.call(headers=headers)
    return answer


@schemathesis.check
def accepts_what_the_document_allows(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that the document allows is refused for nothing that the document could have said."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    error: dict[str, Any] = response.json()["error"]
    said = error["message"] + " " + error.get("error_data", {}).get("details", "")
    sent_nothing = not response.request.body and "messaging_product is required" in said
    form_of_other_text = "json" not in (case.media_type or "") and "Param block_users must be an array" in said
    if sent_nothing or form_of_other_text or any(known in said for known in _BEYOND_SCHEMAS):
        return
    raise Failure(operation=case.operation.label, title="Allowed request refused", message=response.text)


@schemathesis.hook
def filter_path_parameters(_: Any, path_parameters: dict[str, Any] | None) -> bool:
    """Not our own token: after its revocation nothing more could be tried."""
    own = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]
    return not path_parameters or path_parameters.get("token_id") != own


@schemathesis.hook
def filter_query(_: Any, query: dict[str, Any] | None) -> bool:
    """No repeated parameters: a schema calls them wrong, in Graph the last one counts. They have tests of their own."""
    return not any(isinstance(value, list) for value in (query or {}).values())
