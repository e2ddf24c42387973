"""A client for the Block API of wablock, of Meta, or of any compatible server.

`Client` and `AsyncClient` have the same calls; see `docs/reference/client.md`. The client does not import the server,
so it works without the server's dependencies.
"""

from wablock.client.answers import (
    BlockedUser,
    BlockingList,
    CheckedUser,
    FailedUser,
    ListMember,
    Number,
    Page,
    RecentDrop,
    RecentDropList,
    RemovedMember,
    UserDone,
)
from wablock.client.event_answers import Event, EventDetails, EventPage, EventUser, UndoneUser, UndoResult
from wablock.client.event_calls import NewEvents
from wablock.client.failures import (
    ApiError,
    BlocklistChanged,
    CannotUndo,
    ClientError,
    EventsUnsupported,
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
from wablock.client.list_answers import AttachedList, FreedUser, SharedList, UserEntry, UserOfLists
from wablock.client.retrying import Retries
from wablock.client.shells import AsyncClient, Client
from wablock.client.subscriptions import Subscription
from wablock.contract.wire import User

__all__ = [
    "Client",
    "AsyncClient",
    "Retries",
    "User",
    "UserDone",
    "UserEntry",
    "UserOfLists",
    "BlockedUser",
    "ListMember",
    "RemovedMember",
    "SharedList",
    "AttachedList",
    "BlockingList",
    "FreedUser",
    "Page",
    "Event",
    "EventDetails",
    "EventPage",
    "EventUser",
    "NewEvents",
    "UndoResult",
    "UndoneUser",
    "CheckedUser",
    "FailedUser",
    "Number",
    "RecentDrop",
    "RecentDropList",
    "Subscription",
    "ClientError",
    "ApiError",
    "InvalidAccessToken",
    "ExpiredAccessToken",
    "PermissionDenied",
    "UnknownObject",
    "NotListed",
    "MemberChanged",
    "InvalidParameter",
    "CannotUndo",
    "RateLimited",
    "BlocklistChanged",
    "ServerTrouble",
    "SomeUsersFailed",
    "NoAnswer",
    "ListsUnsupported",
    "EventsUnsupported",
]
