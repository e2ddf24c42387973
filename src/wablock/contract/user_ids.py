"""Business-scoped user ids: two letters for the country, a dot, then letters and digits."""

import re

_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
_PARENT_USER_ID = re.compile(r"[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}")
_LIKE_AN_ID = re.compile(r"[A-Za-z]{2}\.[A-Za-z0-9.]+")


def is_user_id(text: str) -> bool:
    return _USER_ID.fullmatch(text) is not None


def is_parent_user_id(text: str) -> bool:
    return _PARENT_USER_ID.fullmatch(text) is not None


def is_meant_as_user_id(text: str) -> bool:
    """Whether `text` looks like an id, valid or not. No phone number begins with two letters and a dot."""
    return _LIKE_AN_ID.fullmatch(text) is not None
