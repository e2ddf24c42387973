"""The recipients of a request: all users that an upstream may read in its `to` and `recipient`.

`recipient_type` is ignored: the id of a group is never a phone number, and an upstream may send to a phone number even
if the type is group.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.errors import InvalidParameter
from wablock.contract.number_plans import is_number
from wablock.contract.typed_numbers import NotANumber, OneUser, read_recipient
from wablock.contract.user_ids import is_parent_user_id, is_user_id
from wablock.gate.send_request.names import RECIPIENTS
from wablock.gate.send_request.parameters import Parameter

_LONGEST_SHOWN: Final = 40
_BLANKS: Final = " \t\r\n"
_HOW_TO_WRITE_ONE: Final = (
    "Write a phone number with + and country code, such as +16505551234, a user_id or a group id."
)

# First Meta's groups API: base64 of `capi_group:`, the business's number and the group's id; `=` is written as ZD. Then
# WhatsApp's ids of newer and older groups, with or without their server; each has more digits than a phone number.
_NO_DIGITS = re.compile(r"[^0-9]")
_GROUP_ID = re.compile(
    r"Y2FwaV9ncm91cDo[A-Za-z0-9+/=_-]{1,200}"
    r"|120363[0-9]{12,14}(?:@g\.us)?"
    r"|[1-9][0-9]{6,14}-1[0-9]{9}(?:@g\.us)?"
)


class Recipients(msgspec.Struct, frozen=True):
    """All users in any reading of the request. `unreadable`: the error for a text that is no user and no group."""

    members: Sequence[Member]
    unreadable: InvalidParameter | None


def recipients_of(parameters: Sequence[Parameter], country: str | None) -> Recipients:
    """The recipients in `parameters`, in every reading; none if there is no recipient, or only a group.

    `country`: the ISO 3166 code of the business number; None: not known. Raises `InvalidParameter` if a recipient is
    not a text.
    """
    members: list[Member] = []
    unreadable = None
    for name, value in parameters:
        if name not in RECIPIENTS or value is None:
            continue
        text = _text(name, value)
        if not text or is_group_id(text):
            continue
        if is_user_id(text) or is_parent_user_id(text):
            # Meta prints parent ids in both formats, so it may be either.
            members.append(Member(text, None, text, text, parent_user_id=text))
            members += _by_digits_of(text)
            continue
        reading = read_recipient(text, country)
        if isinstance(reading, NotANumber):
            unreadable = unreadable_recipient(name, text, reading.why)
            continue
        wa_ids = (reading.wa_id,) if isinstance(reading, OneUser) else reading.wa_ids
        members.extend(Member(identity.key_of(wa_id), wa_id, None, text) for wa_id in wa_ids)
    return Recipients(members, unreadable)


def _by_digits_of(user_id: str) -> list[Member]:
    """The user with the digits of the id as a phone number, because an upstream may ignore letters.

    A real user_id has more digits than a phone number.
    """
    digits = _NO_DIGITS.sub("", user_id)
    return [Member(identity.key_of(digits), digits, None, user_id)] if is_number(digits) else []


def unreadable_recipient(name: str, text: str, why: str) -> InvalidParameter:
    """The error for a parameter `name` whose `text` is not a recipient. `why`: see `NotANumber`."""
    message = f'Param {name} cannot be read as a recipient: "{_escaped(text)}".'
    return InvalidParameter(message, f"Not a valid recipient: {why} {_HOW_TO_WRITE_ONE}")


def is_group_id(text: str) -> bool:
    return _GROUP_ID.fullmatch(text) is not None


def _text(name: str, value: Any) -> str:
    # Graph also reads JSON in the values of a form.
    if not isinstance(value, str) or value.lstrip().startswith(("[", "{")):
        raise InvalidParameter(f"Param {name} must be a string.", f"{_HOW_TO_WRITE_ONE} A message has one recipient.")
    text = value.strip(_BLANKS)
    return text[1:-1].strip(_BLANKS) if text[:1] == text[-1:] == '"' else text


def _escaped(text: str) -> str:
    """`text` in printable ASCII, so that it is safe in a terminal, a log or a header."""
    quoted = text[:_LONGEST_SHOWN].encode("unicode_escape").decode().replace('"', "'")
    return quoted if len(text) <= _LONGEST_SHOWN else f"{quoted}..."
