"""The options and error messages shared by all commands that send requests to a server."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from cyclopts import Group, Parameter

from wablock.cli.arguments import Refused
from wablock.cli.number_names import NamedNumber, id_with_name, is_id
from wablock.cli.options import setting
from wablock.cli.secrets import secret_in
from wablock.client import (
    ApiError,
    Client,
    ClientError,
    InvalidAccessToken,
    ListsUnsupported,
    NoAnswer,
    NotListed,
    PermissionDenied,
    RateLimited,
    Retries,
    ServerTrouble,
    UnknownObject,
)
from wablock.printable import printable
from wablock.typed_secrets import secret

_ARGUMENT = re.compile(r"^(?:base_)?(token|url|on_behalf_of)\b")  # of `Client`
_NO_NUMBER: Final = "0"  # a request for all numbers needs none
_UNKNOWN_PATH: Final = 2500
SERVER_OPTIONS: Final = Group("Server", sort_key=10)
"""The options that say which server, and for which person."""
_LOCAL: Final = "http://127.0.0.1:8080"
_A_TOKEN: Final = "an access token: --token or WABLOCK_TOKEN (wablock dev prints one, wablock token create makes one)"
_AS_OTHERS: Final = "as Meta's API and older wablock servers"


_Token = Annotated[
    str | None,
    secret(
        "WABLOCK_TOKEN",
        "Access token (required). --token=- reads it from standard input.",
        otherwise="--token=-",
        group=SERVER_OPTIONS,
    ),
]


class Server(ABC):
    """The server and the access token of a command."""

    token: str | None
    url: str
    on_behalf_of: str | None = None

    @property
    def reads_token(self) -> bool:
        """Whether the token is read from standard input, which then cannot contain users."""
        return self.token == "-"

    @abstractmethod
    def credentials(self) -> tuple[str, str]:
        """The token and the number's id; raises `Refused` if one is missing."""

    @contextmanager
    def client(self, retries: Retries | None = None, *, timeout: float = 30.0) -> Iterator[Client]:
        """A client of the server. Its errors in this context become `Refused`, with a message of one line."""
        token, number_id = self.credentials()
        with self._client(token, number_id, retries, timeout) as client:
            yield client

    @contextmanager
    def _client(
        self, token: str, number_id: str, retries: Retries | None = None, timeout: float = 30.0
    ) -> Iterator[Client]:
        try:
            client = Client(
                token,
                number_id,
                base_url=self.url,
                retries=retries,
                timeout=timeout,
                on_behalf_of=self.on_behalf_of,
            )
        except ValueError as error:
            raise Refused(_ARGUMENT.sub(_flag, str(error))) from None
        with client:
            try:
                yield client
            except (ClientError, ValueError) as error:
                raise self.refusal(error) from None

    def refusal(self, error: ClientError | ValueError) -> Refused:
        """The cause of `error` and what to do, in one line."""
        return Refused(printable(self._message(error) if isinstance(error, ClientError) else str(error)))

    def _message(self, failure: ClientError) -> str:  # noqa: PLR0911 - one for each failure
        match failure:
            case InvalidAccessToken():
                return f"{self.url} refuses the token: {failure}. Create a token there with: wablock token create"
            case PermissionDenied():
                return f"{self.url} does not allow this with this token: {failure}"
            case UnknownObject():
                return f"{self.url} has no {self._object}, or the token has no access to it"
            case NotListed():
                return f"{self.url}: the user is not blocked, or the block has expired. Block with: wablock block"
            case ListsUnsupported():
                return f"{self.url} {self._without_lists}"
            case NoAnswer() if failure.status is None:
                return f"Cannot reach {self.url}: {failure}. Is it running, and is --url right?"
            case ApiError():
                return f"{self.url} returned {failure.status}: {failure}"
            case _:
                return f"{self.url}: {failure}"

    @property
    @abstractmethod
    def _object(self) -> str:
        """What the server does not know if it refuses an id."""

    @property
    @abstractmethod
    def _without_lists(self) -> str:
        """What the server has not, and what else one may do."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ApiServer(Server):
    """The server, the access token and the number of a command."""

    token: _Token = None
    phone_number_id: Annotated[
        str | None, setting("PHONE_NUMBER_ID", "Id or name of the business number (required).", group=SERVER_OPTIONS)
    ] = None
    url: Annotated[str, setting("URL", "URL of the server; Meta's works too.", group=SERVER_OPTIONS)] = _LOCAL

    def credentials(self) -> tuple[str, str]:
        missing = []
        if self.token is None:
            missing.append(_A_TOKEN)
        if self.phone_number_id is None:
            missing.append("a number: --phone-number-id or WABLOCK_PHONE_NUMBER_ID")
        if self.token is None or self.phone_number_id is None:
            raise Refused(f"Missing: {', and '.join(missing)}")
        token = secret_in(self.token, "--token")
        if is_id(self.phone_number_id, "--phone-number-id"):
            return token, self.phone_number_id
        return token, self._id_with_name(token, self.phone_number_id)

    def with_token(self) -> Self:
        """The same with the token itself and the number's id. See `AccountServer.with_token`."""
        token, phone_number_id = self.credentials()
        return replace(self, token=token, phone_number_id=phone_number_id)

    def _id_with_name(self, token: str, name: str) -> str:
        """The id of the server's number with this name."""
        with self._client(token, _NO_NUMBER) as client:
            try:
                numbers = client.numbers()
            except ApiError as error:
                if isinstance(error, InvalidAccessToken | PermissionDenied) or not is_missing(error):
                    raise
                raise Refused(
                    f"{self.url} has no names of numbers: use the id, such as --phone-number-id 106540352242922"
                ) from None
        named = [NamedNumber(it.phone_number_id, it.name) for it in numbers]
        return id_with_name(name, named, "Names are those of the token's numbers.")

    @property
    def _object(self) -> str:
        return f"number {self.phone_number_id}"

    @property
    def _without_lists(self) -> str:
        return (
            f"has no members of lists (/v1/lists), {_AS_OTHERS}. Upgrade it; or let wablock block use its Block API "
            "with --block-api, which may remove the end of users who are already blocked"
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AccountServer(Server):
    """The server and the access token of a command about all numbers of an account."""

    token: _Token = None
    url: Annotated[str, setting("URL", "URL of the server.", group=SERVER_OPTIONS)] = _LOCAL

    def credentials(self) -> tuple[str, str]:
        if self.token is None:
            raise Refused(f"Missing: {_A_TOKEN}")
        return secret_in(self.token, "--token"), _NO_NUMBER

    def with_token(self) -> Self:
        """The same with the token itself, for commands with several clients: standard input can be read once."""
        token, _ = self.credentials()
        return replace(self, token=token)

    def of_number(self, phone_number_id: str) -> ApiServer:
        """The same for commands about one number."""
        return ApiServer(token=self.token, phone_number_id=phone_number_id, url=self.url)

    @property
    def _object(self) -> str:
        return "such list or number"

    @property
    def _without_lists(self) -> str:
        return f"has no shared lists (/v1/lists), {_AS_OTHERS}. Upgrade it"


def _flag(argument: re.Match[str]) -> str:
    """The option for an argument of `Client`."""
    return f"--{argument[1].replace('_', '-')}"


def is_missing(error: ApiError) -> bool:
    """Whether the path does not exist at the server. Graph reads its first part as the id of an object."""
    return error.code == _UNKNOWN_PATH or error.status == 404 or isinstance(error, UnknownObject)


def is_temporary(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, NoAnswer):
        return error.status is None or error.status >= 500
    return isinstance(error, RateLimited | ServerTrouble)
