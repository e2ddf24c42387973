"""The outcome of a command for many users: which are done, which failed, and which error ended it early."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from wablock.cli.api_server import ApiServer
from wablock.cli.arguments import Refused
from wablock.cli.users import in_requests
from wablock.client import ApiError, Client, ClientError, FailedUser, NoAnswer, SomeUsersFailed

T = TypeVar("T")

_INTERRUPTED: Final = (
    "Interrupted. The server may still process the last request, with {:,} of the users; the others were not sent"
)


@dataclass
class BulkOutcome(Generic[T]):
    """`cause` is the failure of a whole request, or Ctrl-C. Later users were not sent."""

    done: list[T] = field(default_factory=list)
    failed: list[FailedUser] = field(default_factory=list)
    cause: ClientError | ValueError | KeyboardInterrupt | None = None
    refusal: Refused | KeyboardInterrupt | None = None

    @property
    def error(self) -> dict[str, Any] | None:
        """`cause` as JSON for programs; None if there is no error."""
        if self.cause is None:
            return None
        report: dict[str, Any] = {"message": str(self.refusal)}
        if isinstance(self.cause, ApiError):
            names = ("code", "subcode", "status", "details", "fbtrace_id", "retry_after")
            report |= {name: getattr(self.cause, name) for name in names}
        elif isinstance(self.cause, NoAnswer):
            report["status"] = self.cause.status
        return {name: value for name, value in report.items() if value is not None}


def outcome(
    users: Sequence[str], server: ApiServer, send: Callable[[Client, Sequence[str]], Sequence[T]], doing: str
) -> BulkOutcome[T]:
    """Send all users, in as many requests as needed. If the first request fails, raise `Refused`: there is nothing
    else to report.
    """
    result: BulkOutcome[T] = BulkOutcome()
    with server.client() as client:
        for chunk in in_requests(users, doing):
            try:
                result.done += send(client, chunk)
            except SomeUsersFailed as refusal:
                result.done += refusal.done
                result.failed += refusal.failed
            except (ClientError, ValueError) as error:
                if not result.done and not result.failed:
                    raise
                result.cause, result.refusal = error, server.refusal(error)
                break
            except KeyboardInterrupt as interrupt:
                result.cause, result.refusal = interrupt, KeyboardInterrupt(_INTERRUPTED.format(len(chunk)))
                break
    return result
