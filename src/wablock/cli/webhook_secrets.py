"""The secrets of webhooks on the command line: an app secret and a verify token."""

from typing import Annotated

from wablock.cli.secrets import checked_secret, secrets_in
from wablock.typed_secrets import FromVariable, secret

AppSecret = Annotated[
    str | None,
    secret(
        "WABLOCK_APP_SECRET",
        "The app secret with which Meta signs webhooks. --app-secret=- reads it from standard input.",
        otherwise="--app-secret=-",
    ),
]
VerifyToken = Annotated[
    str | None,
    secret(
        "WABLOCK_VERIFY_TOKEN",
        "The verify token that you set at Meta. --verify-token=- reads it from standard input.",
        otherwise="--verify-token=-",
    ),
]


def webhook_secrets(app_secret: str | None, verify_token: str | None) -> dict[str, str]:
    """The secrets that were typed, by `app_secret` and `verify_token`; raises `Refused`.

    If one of the two flags is there, the other's variable is ignored: it may have been set for another account.
    """
    values = {"--app-secret": app_secret, "--verify-token": verify_token}
    flags = {name: value for name, value in values.items() if not isinstance(value, FromVariable)}
    chosen = values if all(value is None for value in flags.values()) else flags
    secrets = secrets_in({name: value for name, value in chosen.items() if value is not None})
    for name, value in secrets.items():
        checked_secret(value, name)
    return {name.removeprefix("--").replace("-", "_"): value for name, value in secrets.items()}
