# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201
"""pywa against wablock: block, list all pages and back, unblock, some users failing, a wrong token."""

import os
import warnings

import httpx

warnings.simplefilter("ignore")  # the library's own deprecations
from pywa import WhatsApp, errors  # noqa: E402
from pywa.types import Pagination  # noqa: E402

BASE_URL, NUMBER, TOKEN = os.environ["BASE_URL"], os.environ["PHONE_NUMBER_ID"], os.environ["TOKEN"]
USERS = os.environ["USERS"].split(",")
WA_IDS = [user[1:] for user in USERS]


def client(token):
    session = httpx.Client(timeout=30)
    made = WhatsApp(phone_id=NUMBER, token=token, session=session, api_version="25.0")
    session.base_url = f"{BASE_URL}/v25.0"  # after the constructor, which sets Meta's address
    return made


def check(actual, expected):
    if actual != expected:
        raise SystemExit(f"found {actual!r}, expected {expected!r}")


def listed(page):
    pages = [[user.wa_id for user in page]]
    while page.has_next:
        page = page.next()
        pages.append([user.wa_id for user in page])
    return pages, page


whatsapp = client(TOKEN)
result = whatsapp.block_users(USERS)
check([(user.input, user.wa_id) for user in result.added_users], list(zip(USERS, WA_IDS, strict=True)))
check((list(result.failed_users or []), result.errors), ([], None))

pages, last = listed(whatsapp.get_blocked_users(pagination=Pagination(limit=2)))
check(pages, [WA_IDS[start : start + 2] for start in range(0, len(WA_IDS), 2)])
check([user.wa_id for user in last.all()], WA_IDS)

result = whatsapp.unblock_users(USERS[:1])
check([(user.input, user.wa_id) for user in result.removed_users], [(USERS[0], WA_IDS[0])])
check(listed(whatsapp.get_blocked_users())[0], [WA_IDS[1:]])

try:
    result = whatsapp.block_users([USERS[0], "123"])
except errors.BulkBlockingFailed as failure:
    check((failure.status_code, failure.code), (400, 139100))
else:
    check([user.input for user in result.added_users], USERS[:1])
    check([(user.input, user.errors[0].code) for user in result.failed_users], [("123", 131047)])

try:
    client("wrong").get_blocked_users()
except errors.AuthorizationError as failure:
    check((failure.code, failure.type), (190, "OAuthException"))
else:
    raise SystemExit("a wrong token was taken")

check(len(whatsapp.unblock_users(USERS).removed_users), len(USERS))
