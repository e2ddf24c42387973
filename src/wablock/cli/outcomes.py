"""The outcome of a command for many users: which are done, which failed, and which error ended it early."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from wablock.cli.api_server import Server
from wablock.cli.arguments import Refused
from wablock.cli.users import in_requests
from wablock.client import ApiError, Client, ClientError, FailedUser, NoAnswer, SomeUsersFailed
from wablock.client.users import MOST_IN_A_REQUEST

T = TypeVar("T")

_STILL: Final = ". The server may still process the last request, with {:,} of the users; the others were not sent"
_PERHAPS: Final = " The server may have processed the last request, with {:,} of the users"


@dataclass
class BulkOutcome(Generic[T]):
    """`cause` is the failure of a whole request, or Ctrl-C. Later users were not sent.

    `unknown` is the number of users of a request without a usable response: the server may have processed it.
    """

    done: list[T] = field(default_factory=list)
    failed: list[FailedUser] = field(default_factory=list)
    cause: ClientError | ValueError | KeyboardInterrupt | None = None
    refusal: Refused | KeyboardInterrupt | None = None
    unknown: int = 0

    def add(self, done: Sequence[T], failed: Sequence[FailedUser], unknown: int = 0) -> None:
        """Record the results of a request."""
        self.done += done
        self.failed += failed
        self.unknown = unknown

    def end(self, cause: ClientError | ValueError | KeyboardInterrupt, server: Server) -> None:
        """Record why no more users are sent."""
        self.cause = cause
        if isinstance(cause, KeyboardInterrupt):
            rest = _STILL.format(self.unknown) if self.unknown else ""
            self.refusal = KeyboardInterrupt(f"Interrupted{rest}")
        else:
            message = str(server.refusal(cause))
            if self.unknown:
                message += ("" if message.endswith((".", "?")) else ".") + _PERHAPS.format(self.unknown)
            self.refusal = Refused(message)

    @property
    def error(self) -> dict[str, Any] | None:
        """`cause` as JSON for programs; None if there is no error."""
        if self.cause is None:
            return None
        report: dict[str, Any] = {"message": str(self.refusal), "unknown": self.unknown or None}
        if isinstance(self.cause, ApiError):
            names = ("code", "subcode", "status", "details", "fbtrace_id", "retry_after")
            report |= {name: getattr(self.cause, name) for name in names}
        elif isinstance(self.cause, NoAnswer):
            report["status"] = self.cause.status
        return {name: value for name, value in report.items() if value is not None}


def outcome(
    users: Sequence[str],
    server: Server,
    send: Callable[[Client, Sequence[str]], Sequence[T]],
    doing: str,
    at_once: int = MOST_IN_A_REQUEST,
) -> BulkOutcome[T]:
    """Send all users, `at_once` in each request. Raise `Refused` if there is nothing else to report: the server refused
    the first request.
    """
    result: BulkOutcome[T] = BulkOutcome()
    try:
        with server.client() as client:
            for chunk in in_requests(users, doing, at_once):
                result.unknown = len(chunk)
                try:
                    result.add(send(client, chunk), ())
                except SomeUsersFailed as refusal:
                    result.add(refusal.done, refusal.failed)
                except ClientError as error:
                    result.add(error.done, error.failed, len(error.unknown))
                    if not (result.done or result.failed or result.unknown):
                        raise
                    result.end(error, server)
                    break
                except ValueError as error:  # the client did not send the request
                    result.add((), ())
                    if not (result.done or result.failed):
                        raise
                    result.end(error, server)
                    break
    except KeyboardInterrupt as interrupt:  # also after the last response
        result.end(interrupt, server)
    return result
