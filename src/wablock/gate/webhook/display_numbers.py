"""The business number that a webhook's `metadata` displays: always international, in whatever punctuation."""

from wablock.contract.number_plans import fault_of
from wablock.gate.webhook.senders import Shown, digits_of, remembered


@remembered
def display_wa_id(shown: Shown) -> str | None:
    """The digits of the number, with its country code; None for what is no such number, which is no failure."""
    wa_id = digits_of(shown)
    return wa_id if wa_id is not None and fault_of(wa_id) is None else None
