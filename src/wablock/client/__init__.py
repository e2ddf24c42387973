"""A client for the Block API of wablock, of Meta, or of any compatible server.

`Client` and `AsyncClient` have the same calls; see `docs/reference/client.md`. The client does not import the server,
so it works without the server's dependencies.
"""

from wablock.client.answers import (
    AttachedList,
    BlockedUser,
    BlockingList,
    CheckedUser,
    FailedUser,
    FreedUser,
    ListMember,
    Number,
    Page,
    RecentDrop,
    RecentDropList,
    RemovedMember,
    SharedList,
    UserDone,
)
from wablock.client.failures import (
    ApiError,
    BlocklistChanged,
    ClientError,
    ExpiredAccessToken,
    InvalidAccessToken,
    InvalidParameter,
    ListsUnsupported,
    MemberChanged,
    NoAnswer,
    NotListed,
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
    "ListMember",
    "RemovedMember",
    "SharedList",
    "AttachedList",
    "BlockingList",
    "FreedUser",
    "Page",
    "CheckedUser",
    "FailedUser",
    "Number",
    "RecentDrop",
    "RecentDropList",
    "ClientError",
    "ApiError",
    "InvalidAccessToken",
    "ExpiredAccessToken",
    "PermissionDenied",
    "UnknownObject",
    "NotListed",
    "MemberChanged",
    "InvalidParameter",
    "RateLimited",
    "BlocklistChanged",
    "ServerTrouble",
    "SomeUsersFailed",
    "NoAnswer",
    "ListsUnsupported",
]
