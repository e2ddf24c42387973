"""Identities: the user that a typed `user` or `user_id` stands for.

An identity is one user. Its `key` is the same for every spelling of that user's number, so equal keys mean one user.
The typed text and its `wa_id` are never rewritten. If a number might belong to another user, wablock refuses it and
does not guess, so that it never blocks the wrong user.
"""

import msgspec

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.number_plans import is_number
from wablock.contract.spellings import one_spelling
from wablock.contract.typed_numbers import OneUser, read, read_listed
from wablock.contract.user_ids import is_parent_user_id, is_user_id


class Identity(msgspec.Struct, frozen=True, gc=False):
    """One user: by number (`wa_id`), by business-scoped id (`user_id`), or both. All spellings share one `key`."""

    key: str
    wa_id: str | None = None
    user_id: str | None = None


def of_user(user: str, country: str | None, *, may_be_listed: bool = False) -> Identity:
    """The identity of `user`, a typed phone number. Raises `NotAWhatsAppUser` if the number is not certain.

    `country` is the business number's ISO 3166 code, used to read national numbers; with None, national numbers fail.
    With `may_be_listed`, `read_listed` reads the number.
    """
    digits = user[1:] if user[:1] == "+" else user
    if is_number(digits):  # nearly all users: this takes a third of the time
        return Identity(one_spelling(digits), digits)
    reading = read_listed(user, country) if may_be_listed else read(user, country)
    if isinstance(reading, OneUser):
        return of_wa_id(reading.wa_id)
    raise NotAWhatsAppUser(reading.why)


def of_wa_id(digits: str) -> Identity:
    """The identity of an international number, given as digits with the country code and without +."""
    return Identity(one_spelling(digits), digits)


def key_of(digits: str) -> str:
    """Only the key of that identity."""
    return one_spelling(digits)


def of_user_id(user_id: str) -> Identity:
    """The identity of a business-scoped user id. Raises `NotAWhatsAppUser` for a parent id and for any other text."""
    if is_user_id(user_id):
        return Identity(user_id, None, user_id)
    if is_parent_user_id(user_id):
        raise NotAWhatsAppUser(
            "a parent user id does not identify a user of this business. Send the user_id from the webhook."
        )
    raise NotAWhatsAppUser("a user_id is two capital letters, a dot, and up to 128 letters or digits.")


def of_item(user: str | None, user_id: str | None, country: str | None, *, may_be_listed: bool = False) -> Identity:
    """The identity of an item of `block_users`.

    If the item has both `user` and `user_id`, both mean one user, and the key comes from `user`.
    """
    if user is None:
        return of_user_id(user_id or "")
    identity = of_user(user, country, may_be_listed=may_be_listed)
    if user_id is None or not is_user_id(user_id):
        return identity
    return Identity(identity.key, identity.wa_id, user_id)
