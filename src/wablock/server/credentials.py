"""Where a request's access token is: header, query, or form. Cookies mean nothing here."""

from wablock.contract.errors import InvalidAccessToken
from wablock.server.request import Headers

_SCHEMES = ("bearer", "oauth")  # Graph reads `OAuth TOKEN` like `Bearer TOKEN`


def header_token(sent: Headers) -> str | None:
    """The token of the Authorization header; None where there is none in it.

    Two Authorization headers are refused: a proxy in front may have judged the other one.
    """
    if sent.repeated_authorization:
        raise InvalidAccessToken
    if sent.authorization is None:
        return None
    scheme, _, token = sent.authorization.partition(" ")
    return token.strip() or None if scheme.lower() in _SCHEMES else None
