"""What people change of a stored business number. No I/O here."""

import msgspec
from msgspec import UNSET, UnsetType

from wablock.block_list.ports import Rules


class NumberChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The new values of a number's fields. A field that is UNSET does not change; None removes the value."""

    wa_id: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    rules: Rules | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    waba_id: str | UnsetType | None = UNSET
