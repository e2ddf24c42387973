"""JSON bodies and query parameters of wablock's own API, decoded to the types that its endpoints declare."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from wablock.access import Scope
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract.errors import InvalidParameter
from wablock.gate.broken_json import broken_json
from wablock.server.parameters import NOT_JSON
from wablock.server.request import Request
from wablock.server.schema_errors import invalid

_T = TypeVar("_T")


def decoded(body: bytes, kind: type[_T], choices: Sequence[str] | Mapping[str, Sequence[str]] = tuple(Scope)) -> _T:
    """The body as a `kind`. Raises `InvalidParameter`, which names the member.

    `choices`: the values of its enum; of several, by the name of their members.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise invalid(str(error), choices) from None
    except NOT_JSON as error:
        raise InvalidParameter("The body must be a JSON object.", broken_json("The body", error)) from None


def query_parameter(request: Request, name: str, default: str) -> str:
    """The last value of a query parameter."""
    return dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)).get(name, default)


def flag(request: Request, name: str) -> bool:
    """The value of a boolean query parameter. Raises `InvalidParameter` if it is neither true nor false."""
    value = query_parameter(request, name, "false")
    if value not in ("true", "false"):
        raise InvalidParameter(f"Param {name} must be true or false.")
    return value == "true"


def moment(at: int | str | None, name: str = "at") -> Microseconds | None:
    """`at`, in seconds since 1970 or as ISO 8601, in microseconds. Raises `InvalidParameter`, which names `name`."""
    if at is None or isinstance(at, int):
        return None if at is None else at * SECOND
    if at.isascii() and at.isdigit():  # as Meta's webhooks write it
        return int(at[:20]) * SECOND
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidParameter(f"Param {name} must be seconds since 1970 or an ISO 8601 time.") from None
    return int(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * SECOND)
