"""What comes of asking about many users: who is done, who failed, and what ended it before all were asked about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from wablock.cli.api_server import ApiServer
from wablock.cli.console import Refused
from wablock.cli.users import in_requests
from wablock.client import ApiError, Client, ClientError, FailedUser, NoAnswer, SomeUsersFailed

T = TypeVar("T")


@dataclass
class BulkOutcome(Generic[T]):
    """`trouble` is the failure of a whole request; nobody was asked about after it."""

    done: list[T] = field(default_factory=list)
    failed: list[FailedUser] = field(default_factory=list)
    trouble: ClientError | ValueError | None = None
    refusal: Refused | None = None

    @property
    def error(self) -> dict[str, Any] | None:
        """`trouble` for programs; None where there was none."""
        if self.trouble is None:
            return None
        told: dict[str, Any] = {"message": str(self.refusal)}
        if isinstance(self.trouble, ApiError):
            names = ("code", "subcode", "status", "details", "fbtrace_id", "retry_after")
            told |= {name: getattr(self.trouble, name) for name in names}
        elif isinstance(self.trouble, NoAnswer):
            told["status"] = self.trouble.status
        return {name: value for name, value in told.items() if value is not None}


def outcome(
    users: Sequence[str], server: ApiServer, ask: Callable[[Client, Sequence[str]], Sequence[T]], doing: str
) -> BulkOutcome[T]:
    """Ask about all users, in as many requests as it takes. A failure of the first request is raised as `Refused`:
    there is nothing else to tell then.
    """
    found: BulkOutcome[T] = BulkOutcome()
    with server.asked() as client:
        for chunk in in_requests(users, doing):
            try:
                found.done += ask(client, chunk)
            except SomeUsersFailed as refusal:
                found.done += refusal.done
                found.failed += refusal.failed
            except (ClientError, ValueError) as trouble:
                if not found.done and not found.failed:
                    raise
                found.trouble, found.refusal = trouble, server.refusal(trouble)
                break
    return found
