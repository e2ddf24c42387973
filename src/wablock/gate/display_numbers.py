"""The business number that a webhook's `metadata` displays: always international, in whatever punctuation."""

import msgspec

from wablock.contract.number_plans import fault_of
from wablock.contract.typed_numbers import wa_id_of
from wablock.gate.pieces import UNREAD

_any = msgspec.json.Decoder(str | int)


def display_wa_id(raw: msgspec.Raw) -> str | None:
    """The digits of the number, with its country code; None for what is no such number, which is no failure."""
    try:
        text = str(_any.decode(raw)) if memoryview(raw) else ""
    except UNREAD:
        return None
    wa_id = wa_id_of(text)
    return wa_id if wa_id is not None and fault_of(wa_id) is None else None
