"""The words that OpenAPI has no place for, and which member is whose."""

from typing import Final

AUTHORIZATION: Final = (
    "Bearer token for API authentication. This should be a valid access token obtained through the appropriate OAuth "
    "flow or system user token. Here it is one that `wablock token create` made, or the one that `wablock dev` prints."
)
CONTENT_TYPE: Final = "Media type of the request body"
CONTENT_TYPES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")

WABLOCK: Final = "wablock"
ELSEWHERE: Final = "Meta, elsewhere"

# What Meta's reference page of the Block API shows; "" stands for the operations' parameters.
_ON_THE_PAGE: Final = {
    "": {"Version", "Phone-Number-ID", "User-Agent"},
    "GetBlockedUsersData": {"data", "paging"},
    "BlockedUser": {"messaging_product", "wa_id"},
    "Paging": {"cursors"},
    "PaginationCursors": {"after", "before"},
    "BlockUsersData": {"block_users", "messaging_product"},
    "BlockUsersResult": {"added_users"},
    "UnblockUsersData": {"block_users", "messaging_product"},
    "UnblockUsersResult": {"removed_users"},
    "BlockedUserOperation": {"input", "wa_id"},
    "User": {"user"},
    "UsersRequest": {"block_users", "messaging_product"},
    "UsersForm": {"block_users", "messaging_product"},
    "UsersMultipart": {"block_users", "messaging_product"},
}
# What Meta tells in its guides and its pages about Graph.
_ELSEWHERE: Final = {
    "": {"limit", "after", "before", "If-None-Match"},
    "BlockedUser": {"user_id"},
    "Paging": {"next", "previous"},
    "BlockUsersData": {"error"},
    "UnblockUsersData": {"error"},
    "BlockUsersResult": {"failed_users"},
    "UnblockUsersResult": {"failed_users"},
    "BlockedUserOperation": {"user_id"},
    "User": {"user_id"},
}


def origin(owner: str, name: str) -> str:
    """Whose the member `name` of the schema `owner` is; empty where Meta's page has it or knows no `owner`."""
    if owner not in _ON_THE_PAGE or name in _ON_THE_PAGE[owner]:
        return ""
    return ELSEWHERE if name in _ELSEWHERE.get(owner, ()) else WABLOCK
