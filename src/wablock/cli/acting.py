"""The servers of commands that change lists: with the person that the command acts for."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from wablock.cli.api_server import SERVER_OPTIONS, AccountServer, ApiServer
from wablock.cli.options import setting

OnBehalfOf = Annotated[
    str | None,
    setting(
        "ON_BEHALF_OF",
        "Name of the person that you act for, such as maria: recorded with the change. Only for wablock.",
        group=SERVER_OPTIONS,
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ActingApiServer(ApiServer):
    """See `ApiServer`."""

    on_behalf_of: OnBehalfOf = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ActingAccountServer(AccountServer):
    """See `AccountServer`."""

    on_behalf_of: OnBehalfOf = None

    def of_number(self, phone_number_id: str) -> ApiServer:
        return ActingApiServer(
            token=self.token, phone_number_id=phone_number_id, url=self.url, on_behalf_of=self.on_behalf_of
        )
