"""What the event of a request's change records of the request."""

from typing import Final

from wablock.block_list.changes import Cause
from wablock.contract.errors import InvalidParameter
from wablock.contract.wire import ON_BEHALF_OF_HEADER
from wablock.printable import printable
from wablock.server.request import Request

_HEADER: Final = ON_BEHALF_OF_HEADER.encode()
_LONGEST: Final = 100


def cause_of(request: Request, reason: str | None = None) -> Cause:
    """The request's id, and the person that the caller acts for. Raises `InvalidParameter` for a bad name."""
    value = request.last_values.get(_HEADER)
    return Cause(request.ids.fbtrace_id, None if value is None else _person(value), reason)


def _person(value: bytes) -> str:
    try:
        person = value.decode().strip()
    except UnicodeDecodeError:
        person = ""
    if not person or len(person) > _LONGEST or printable(person) != person:
        raise InvalidParameter(
            f"The header {ON_BEHALF_OF_HEADER} must be a name of 1 to {_LONGEST} characters in UTF-8.",
            "It is the person that you act for, such as maria, and is stored with the change.",
        )
    return person
