"""The operations on the numbers of an account, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.failures import NumberNameTaken, NumberTaken
from wablock.reference.openapi.operations import MOMENT, NUMBER, NUMBER_ID, OperationObject, Success, operation
from wablock.reference.openapi.responses import REFUSED

_ID: Final = "106540352242922"
_NUMBER: Final = {
    "phone_number_id": _ID,
    "name": "sales",
    "wa_id": "16505550100",
    "country": "US",
    "waba_id": "102290129340398",
    "created_at": MOMENT,
}
_TO_ADD: Final = {
    "phone_number_id": _ID,
    "name": "sales",
    "display_number": "+16505550100",
    "waba_id": "102290129340398",
}
_NO_TOKEN: Final[dict[str, GraphError]] = {"No access token": errors.MissingAccessToken()}
_TAKEN: Final[dict[str, GraphError]] = {
    "The number is taken": NumberTaken(_ID),
    "The name is taken": NumberNameTaken("sales"),
}


def paths() -> dict[str, Any]:
    return {
        "/v1/numbers": {"get": _list(), "post": _add()},
        NUMBER: {"parameters": [NUMBER_ID], "get": _get(), "patch": _change()},
    }


def _list() -> OperationObject:
    return operation(
        "listNumbers",
        "List the business numbers",
        Success("NumberList", {"data": [_NUMBER]}),
        description="The numbers of the token's account that the token covers. Scope `read`.",
        refusals=_NO_TOKEN,
    )


def _add() -> OperationObject:
    change = {"operationId": "changeNumber", "parameters": {"phone_number_id": "$response.body#/phone_number_id"}}
    return operation(
        "addNumber",
        "Add a business number",
        Success("NumberInfo", _NUMBER, "201", {"Change it": change}),
        description="The number is added to the token's account, with an empty block list. A token for some numbers "
        "cannot add one. An id that is registered already is refused, in whatever account it is. Scope `manage`.",
        request=("NumberToAdd", _TO_ADD),
        refusals=_NO_TOKEN | _TAKEN,
    )


def _get() -> OperationObject:
    return operation(
        "getNumber",
        "Show a business number",
        Success("NumberInfo", _NUMBER),
        description="Scope `read`.",
        refusals=REFUSED,
    )


def _change() -> OperationObject:
    return operation(
        "changeNumber",
        "Change a business number",
        Success("NumberInfo", _NUMBER),
        description="A member that is missing does not change; null removes the value. Scope `manage`.",
        request=("NumberToChange", {"name": "sales"}),
        refusals=REFUSED | {"The name is taken": NumberNameTaken("sales")},
    )
