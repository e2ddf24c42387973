# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201
"""The asynchronous client of pywa: a request for each user at the same time, and none is lost."""

import asyncio
import os
import warnings

import httpx

warnings.simplefilter("ignore")  # the library's own deprecations
from pywa_async import WhatsApp, errors  # noqa: E402
from pywa_async.types import Pagination  # noqa: E402

BASE_URL, NUMBER, TOKEN = os.environ["BASE_URL"], os.environ["PHONE_NUMBER_ID"], os.environ["TOKEN"]
USERS = os.environ["USERS"].split(",")
WA_IDS = [user[1:] for user in USERS]


def client(token):
    session = httpx.AsyncClient(timeout=30)
    made = WhatsApp(phone_id=NUMBER, token=token, session=session, api_version="25.0")
    session.base_url = f"{BASE_URL}/v25.0"  # after the constructor, which sets Meta's address
    return made


def check(actual, expected):
    if actual != expected:
        raise SystemExit(f"found {actual!r}, expected {expected!r}")


async def main():
    whatsapp = client(TOKEN)
    results = await asyncio.gather(*(whatsapp.block_users([user]) for user in USERS))
    check([user.wa_id for result in results for user in result.added_users], WA_IDS)

    page = await whatsapp.get_blocked_users(pagination=Pagination(limit=2))
    wa_ids = [user.wa_id for user in page]
    while page.has_next:
        page = await page.next()
        wa_ids += [user.wa_id for user in page]
    check(sorted(wa_ids), sorted(WA_IDS))

    try:
        result = await whatsapp.block_users([USERS[0], "123"])
    except errors.BulkBlockingFailed as failure:
        check((failure.status_code, failure.code), (400, 139100))
    else:
        check([(user.input, user.errors[0].code) for user in result.failed_users], [("123", 131047)])

    try:
        await client("wrong").get_blocked_users()
    except errors.AuthorizationError as failure:
        check(failure.code, 190)
    else:
        raise SystemExit("a wrong token was accepted")

    result = await whatsapp.unblock_users(USERS)
    check([user.wa_id for user in result.removed_users], WA_IDS)


asyncio.run(main())
