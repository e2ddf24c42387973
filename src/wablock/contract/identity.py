"""`user` and `user_id` as typed -> who is meant.

An identity is one user. Its `key` is the same for every spelling of that user's number, so equal keys mean one user;
what was typed and the `wa_id` it gives are never rewritten. A number that might be somebody else's is refused, not
guessed at: a stranger must not be blocked.
"""

import msgspec

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.number_plans import COUNTRIES, country_to_read_by, is_number
from wablock.contract.spellings import one_spelling
from wablock.contract.typed_numbers import OneUser, read, read_listed
from wablock.contract.user_ids import is_parent_user_id, is_user_id

__all__ = [
    "COUNTRIES",
    "Identity",
    "country_to_read_by",
    "key_of",
    "of_item",
    "of_user",
    "of_user_id",
    "of_wa_id",
]


class Identity(msgspec.Struct, frozen=True):
    """One user: by number (`wa_id`), by business-scoped id (`user_id`), or both. `key` is what two spellings share."""

    key: str
    wa_id: str | None = None
    user_id: str | None = None


def of_user(user: str, country: str | None, *, may_be_listed: bool = False) -> Identity:
    """Who `user` is, a phone number as typed; raises `NotAWhatsAppUser` where that is not certain.

    `country` is the business number's ISO 3166 code, by which a national number is read; None: national numbers fail.
    `may_be_listed`: as `read_listed` reads it.
    """
    digits = user[1:] if user[:1] == "+" else user
    if is_number(digits):  # as nearly all are: in a third of the time
        return Identity(one_spelling(digits), digits)
    reading = read_listed(user, country) if may_be_listed else read(user, country)
    if isinstance(reading, OneUser):
        return of_wa_id(reading.wa_id)
    raise NotAWhatsAppUser(reading.why)


def of_wa_id(digits: str) -> Identity:
    """Who an international number is, given as its digits, with the country code and without +."""
    return Identity(one_spelling(digits), digits)


def key_of(digits: str) -> str:
    """The key alone of that identity."""
    return one_spelling(digits)


def of_user_id(user_id: str) -> Identity:
    """Who a business-scoped user id means; raises `NotAWhatsAppUser` for a parent id and for any other text."""
    if is_user_id(user_id):
        return Identity(user_id, None, user_id)
    if is_parent_user_id(user_id):
        raise NotAWhatsAppUser("a parent user id names no user of this business; send the user_id of its webhook")
    raise NotAWhatsAppUser("a user_id is two capital letters, a dot, and up to 128 letters or digits")


def of_item(user: str | None, user_id: str | None, country: str | None, *, may_be_listed: bool = False) -> Identity:
    """Who an item of `block_users` means: `user` wins where both are given, and then they are known to be one user."""
    if user is None:
        return of_user_id(user_id or "")
    identity = of_user(user, country, may_be_listed=may_be_listed)
    if user_id is None or not is_user_id(user_id):
        return identity
    return Identity(identity.key, identity.wa_id, user_id)
