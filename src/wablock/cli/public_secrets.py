"""The check that a server's database has no public credentials."""

from wablock import public_credentials
from wablock.access import digest
from wablock.cli.arguments import Refused
from wablock.gate.routes import Routes
from wablock.storage import Store


async def refuse_public(store: Store, routes: Routes) -> None:
    """Raises `Refused` if the database has a public credential that is valid."""
    token = await store.find_token(digest(public_credentials.TOKEN))
    if token is not None and token.revoked_at is None:
        raise Refused(
            "The database has the access token of wablock dev, which is public: revoke it with "
            f"wablock token revoke {token.token_id}"
        )
    for name, flag, account_id in (
        ("app secret", "--app-secret", await routes.accounts.with_app_secret(public_credentials.APP_SECRET)),
        ("verify token", "--verify-token", await routes.accounts.with_verify_token(public_credentials.VERIFY_TOKEN)),
    ):
        if account_id is not None:
            raise Refused(
                f"Account {account_id} has the {name} of wablock dev, which is public: set the account's own with "
                f"wablock account set {account_id} {flag}=-"
            )
