"""Business-scoped user ids: two letters for the country, a dot, and what follows."""

import re

_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
_PARENT_USER_ID = re.compile(r"[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}")
_MEANT_AS_ONE = re.compile(r"[A-Za-z]{2}\.[A-Za-z0-9.]+")


def is_user_id(text: str) -> bool:
    return _USER_ID.fullmatch(text) is not None


def is_parent_user_id(text: str) -> bool:
    return _PARENT_USER_ID.fullmatch(text) is not None


def is_meant_as_user_id(text: str) -> bool:
    """Whether `text` can only be meant as an id, though it may be no valid one: no phone number begins like it."""
    return _MEANT_AS_ONE.fullmatch(text) is not None
