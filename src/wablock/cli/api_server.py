"""What the commands that speak to a server have in common: where it is, who asks, and what its failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from wablock.cli.console import Refused, checked_number_id
from wablock.cli.secrets import typed
from wablock.client import (
    ApiError,
    Client,
    ClientError,
    InvalidAccessToken,
    NoAnswer,
    PermissionDenied,
    Retries,
    UnknownObject,
)
from wablock.printable import printable
from wablock.typed_secrets import secret

_SERVER = Group("Server", sort_key=10)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """Which server is asked, about which number, by whom."""

    token: Annotated[
        str | None,
        secret(
            "WABLOCK_TOKEN",
            "Access token, needed; =- reads it from a line.",
            otherwise="--token=-",
            group=_SERVER,
        ),
    ] = None
    phone_number_id: Annotated[
        str | None,
        Parameter(env_var="WABLOCK_PHONE_NUMBER_ID", group=_SERVER, help="Id of the business number, needed too."),
    ] = None
    url: Annotated[
        str, Parameter(env_var="WABLOCK_URL", group=_SERVER, help="Where the server is; Meta's is possible too.")
    ] = "http://127.0.0.1:8080"

    @property
    def reads_token(self) -> bool:
        """Whether the token comes from standard input, which then has nothing else."""
        return self.token == "-"

    def credentials(self) -> tuple[str, str]:
        """The token and the number's id; raises `Refused`, which says where they come from."""
        missing = []
        if self.token is None:
            missing.append(
                "an access token: --token or WABLOCK_TOKEN (wablock dev prints one, wablock token create makes one)"
            )
        if self.phone_number_id is None:
            missing.append("a number: --phone-number-id or WABLOCK_PHONE_NUMBER_ID")
        if self.token is None or self.phone_number_id is None:
            raise Refused(f"Say {', and '.join(missing)}")
        return typed(self.token, "--token"), checked_number_id(self.phone_number_id)

    @contextmanager
    def asked(self, retries: Retries | None = None, *, timeout: float = 30.0) -> Iterator[Client]:
        """A client of the server. In this block a failure becomes a `Refused` of one line."""
        token, number_id = self.credentials()
        try:
            client = Client(token, number_id, base_url=self.url, retries=retries, timeout=timeout)
        except ValueError as trouble:
            raise Refused(str(trouble)) from None
        with client:
            try:
                yield client
            except (ClientError, ValueError) as trouble:
                raise self.refusal(trouble) from None

    def refusal(self, trouble: ClientError | ValueError) -> Refused:
        """What went wrong, and what to do, in one line."""
        return Refused(printable(self._told(trouble) if isinstance(trouble, ClientError) else str(trouble)))

    def _told(self, failure: ClientError) -> str:
        match failure:
            case InvalidAccessToken():
                return f"{self.url} refuses the token: {failure}. Make one there with: wablock token create"
            case PermissionDenied():
                return f"{self.url} does not let this token do it: {failure}"
            case UnknownObject():
                return f"{self.url} has no number {self.phone_number_id}, or the token may not touch it"
            case NoAnswer() if failure.status is None:
                return f"Cannot reach {self.url}: {failure}. Is it running, and is --url right?"
            case ApiError():
                return f"{self.url} answers {failure.status}: {failure}"
            case _:
                return f"{self.url}: {failure}"
