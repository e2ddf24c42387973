"""The credentials that stand in wablock's source, so that everybody knows them.

`wablock dev` has them in memory. Wherever else they are set they are refused, and a production server does not start on
a database that has one.
"""

from typing import Final

TOKEN: Final = "wablock-dev-token"
APP_SECRET: Final = "wablock-dev-app-secret"
VERIFY_TOKEN: Final = "wablock-dev-verify-token"

_PUBLIC: Final = frozenset((TOKEN, APP_SECRET, VERIFY_TOKEN))


def is_public(text: str) -> bool:
    """Whether `text` is one of those that everybody knows."""
    return text in _PUBLIC
