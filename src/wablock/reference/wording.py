"""Texts that OpenAPI has no place for, and the origin of each member."""

from typing import Final

AUTHORIZATION: Final = (
    "Bearer token for API authentication. This should be a valid access token obtained through the appropriate OAuth "
    "flow or system user token. Here it is a token from `wablock token create`, or the one that `wablock dev` prints."
)
CONTENT_TYPE: Final = "Media type of the request body"
CONTENT_TYPES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")

WABLOCK: Final = "wablock"
ELSEWHERE: Final = "Meta, elsewhere"

# The members on Meta's reference page of the Block API. "" stands for the operations' parameters.
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
# The members in Meta's guides and in its pages about Graph.
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
    """The origin of the member `name` of the schema `owner`.

    It is empty if Meta's page has the member, or if the page does not have the schema.
    """
    if owner not in _ON_THE_PAGE or name in _ON_THE_PAGE[owner]:
        return ""
    return ELSEWHERE if name in _ELSEWHERE.get(owner, ()) else WABLOCK
