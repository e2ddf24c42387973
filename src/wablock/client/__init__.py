"""A client of the Block API: wablock's, Meta's, or any server that speaks it.

`Client` and `AsyncClient` do the same; see `docs/reference/client.md`. Nothing here needs the server to be installed.
"""

from wablock.client.answers import BlockedUser, CheckedUser, FailedUser, Page, RecentDrop, RecentDropList, UserDone
from wablock.client.failures import (
    ApiError,
    BlocklistChanged,
    ClientError,
    ExpiredAccessToken,
    InvalidAccessToken,
    InvalidParameter,
    NoAnswer,
    PermissionDenied,
    RateLimited,
    ServerTrouble,
    SomeUsersFailed,
    UnknownObject,
)
from wablock.client.retrying import Retries
from wablock.client.shells import AsyncClient, Client
from wablock.contract.wire import User

__all__ = [
    "Client",
    "AsyncClient",
    "Retries",
    "User",
    "UserDone",
    "BlockedUser",
    "Page",
    "CheckedUser",
    "FailedUser",
    "RecentDrop",
    "RecentDropList",
    "ClientError",
    "ApiError",
    "InvalidAccessToken",
    "ExpiredAccessToken",
    "PermissionDenied",
    "UnknownObject",
    "InvalidParameter",
    "RateLimited",
    "BlocklistChanged",
    "ServerTrouble",
    "SomeUsersFailed",
    "NoAnswer",
]
