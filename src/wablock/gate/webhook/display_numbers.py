"""The business number in a webhook's `metadata`: always with its country code, with any punctuation."""

from wablock.contract.number_plans import error_in
from wablock.gate.webhook.senders import ShownNumber, digits_of, remembered


@remembered
def display_wa_id(number: ShownNumber) -> str | None:
    """The digits of the number, with its country code; None if it is not a valid number. That is not an error."""
    wa_id = digits_of(number)
    return wa_id if wa_id is not None and error_in(wa_id) is None else None
