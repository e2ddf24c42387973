# mypy: ignore-errors
"""One call of PyWa; its own exceptions are a result, any other error is a crash."""

import os
import warnings

import httpx

warnings.simplefilter("ignore")  # the library's own deprecations
from pywa import WhatsApp, errors  # noqa: E402

session = httpx.Client(timeout=10)
wa = WhatsApp(
    phone_id=os.environ["WABLOCK_PHONE_NUMBER_ID"],
    token=os.environ["WABLOCK_TOKEN"],
    session=session,
    api_version="25.0",
)
session.base_url = f"{os.environ['WABLOCK_URL']}/v25.0"
users = os.environ["WABLOCK_USERS"].split(",")
try:
    if os.environ["WABLOCK_OPERATION"] == "list":
        page = wa.get_blocked_users()
        while page.has_next:
            page = page.next()
    else:
        (wa.block_users if os.environ["WABLOCK_OPERATION"] == "block" else wa.unblock_users)(users)
except (errors.WhatsAppError, httpx.HTTPError):
    pass
