"""The operations on subscriptions to list events, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.public_address import NotPublic
from wablock.reference.openapi.operations import MOMENT, OperationObject, Success, operation, path

_ID: Final = "sub_5f2c9a10b7e34d86"
_SUBSCRIPTION: Final = {
    "subscription_id": _ID,
    "url": "https://hooks.example.com/list-events",
    "list_ids": ["106540352242922"],
    "created_at": MOMENT,
    "made_by": "crm",
}
_ADDED: Final = _SUBSCRIPTION | {"secret": "q3Jk0hLr8pBYv2uVn1sE5cTzWmXoAd7iGf4KbRy9HxM"}
_NO_TOKEN: Final[dict[str, GraphError]] = {"No access token": errors.MissingAccessToken()}
_UNKNOWN: Final[dict[str, GraphError]] = _NO_TOKEN | {"Unknown subscription": errors.UnknownObject("get", _ID)}
_REFUSED: Final[dict[str, GraphError]] = _NO_TOKEN | {
    "A private address": errors.InvalidParameter("Param url cannot be used.", str(NotPublic())),
    "An unknown list": errors.InvalidParameter("Param list_ids[0] is not a list of the account."),
}
_LINKS: Final = {
    name: {"operationId": operation_id, "parameters": {"subscription_id": "$response.body#/subscription_id"}}
    for name, operation_id in (("Show it", "getSubscription"), ("Remove it", "removeSubscription"))
}


def paths() -> dict[str, Any]:
    subscription_id = path(
        "subscription_id",
        "Id of the subscription.",
        {"type": "string", "pattern": "^sub_[0-9a-f]{16}$"},
        _ID,
    )
    return {
        "/v1/subscriptions": {"get": _list(), "post": _add()},
        "/v1/subscriptions/{subscription_id}": {"parameters": [subscription_id], "get": _get(), "delete": _remove()},
    }


def _list() -> OperationObject:
    return operation(
        "listSubscriptions",
        "List the subscriptions",
        Success("SubscriptionList", {"data": [_SUBSCRIPTION]}),
        description="The receivers of the account's list events, oldest first, without their secrets. The token must "
        "be for all numbers of the account, as for every operation on subscriptions. Scope `manage`.",
        refusals=_NO_TOKEN,
    )


def _add() -> OperationObject:
    return operation(
        "addSubscription",
        "Subscribe to list events",
        Success("SubscriptionAdded", _ADDED, "201", _LINKS),
        description="Every event that is committed after the response is posted to the URL, at least once, and in "
        "order for each list: `object` is `wablock_events`, `account_id` the account, and `data` has up to 100 events "
        "of one list, as `/v1/events` shows them. The header `X-Hub-Signature-256` is `sha256=` and the HMAC-SHA256 of "
        "the body with the secret, as Meta signs webhooks. The address must be public: private, link-local and "
        "metadata addresses are refused, now and for every connection. Scopes `manage` and `read`.",
        request=("SubscriptionToAdd", {"url": "https://hooks.example.com/list-events"}),
        refusals=_REFUSED,
    )


def _get() -> OperationObject:
    return operation(
        "getSubscription",
        "Show a subscription",
        Success("SubscriptionInfo", _SUBSCRIPTION),
        description="The answer never contains its secret. Scope `manage`.",
        refusals=_UNKNOWN,
    )


def _remove() -> OperationObject:
    return operation(
        "removeSubscription",
        "Remove a subscription",
        Success("Removed", {"success": True}),
        description="Events that the subscriber has not accepted are not sent any more. Scope `manage`.",
        refusals=_UNKNOWN,
    )
