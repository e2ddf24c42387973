"""The credentials in wablock's source code, which are public.

`wablock dev` keeps them in memory. Everywhere else wablock refuses them, and a production server does not start with a
database that contains one of them.
"""

from typing import Final

TOKEN: Final = "wablock-dev-token"
APP_SECRET: Final = "wablock-dev-app-secret"
VERIFY_TOKEN: Final = "wablock-dev-verify-token"

_PUBLIC: Final = frozenset((TOKEN, APP_SECRET, VERIFY_TOKEN))


def is_public(text: str) -> bool:
    """Whether `text` is one of these public credentials."""
    return text in _PUBLIC
