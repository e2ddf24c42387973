# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201
"""A client generated from wablock's own OpenAPI document, with every content type of its bodies."""

import importlib
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

BASE_URL, NUMBER, TOKEN = os.environ["BASE_URL"], os.environ["PHONE_NUMBER_ID"], os.environ["TOKEN"]
USERS = os.environ["USERS"].split(",")
WA_IDS = [user[1:] for user in USERS]


def check(actual, expected):
    if actual != expected:
        raise SystemExit(f"found {actual!r}, expected {expected!r}")


with tempfile.TemporaryDirectory() as folder:
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--meta", "none", "--output-path", f"{folder}/generated"]
    subprocess.run([generator, "generate", "--url", f"{BASE_URL}/openapi.json", *options], check=True)
    sys.path.insert(0, folder)
    for module in pkgutil.walk_packages(importlib.import_module("generated").__path__, "generated."):
        importlib.import_module(module.name)  # each operation, not only those below
    models = importlib.import_module("generated.models")
    from generated.api.block_api import block_users, get_blocked_users, unblock_users
    from generated.client import AuthenticatedClient

    client = AuthenticatedClient(base_url=BASE_URL, token=TOKEN)
    place = {"version": "v25.0", "phone_number_id": NUMBER, "client": client}

    def body(users):
        items = [{"user": user} for user in users]
        return models.UsersRequest.from_dict({"messaging_product": "whatsapp", "block_users": items})

    answer = block_users.sync(**place, body=body(USERS))
    check([(user.input_, user.wa_id) for user in answer.block_users.added_users], list(zip(USERS, WA_IDS, strict=True)))

    page = get_blocked_users.sync(**place, limit=2)
    wa_ids = [user.wa_id for user in page.data]
    while page.paging.next_:
        page = get_blocked_users.sync(**place, limit=2, after=page.paging.cursors.after)
        wa_ids += [user.wa_id for user in page.data]
    check(wa_ids, WA_IDS)

    for form in (models.UsersForm, models.UsersMultipart):
        text = f'[{{"user":"{USERS[0]}"}}]'
        answer = unblock_users.sync(
            **place, body=form.from_dict({"messaging_product": "whatsapp", "block_users": text})
        )
        check([user.wa_id for user in answer.block_users.removed_users], WA_IDS[:1])

    answer = block_users.sync_detailed(**place, body=body([USERS[0], "123"]))
    check(type(answer.parsed).__name__, "BlockUsersData")
    check([user.input_ for user in answer.parsed.block_users.failed_users], ["123"])
    check(answer.parsed.error.code, 139100)

    stranger = AuthenticatedClient(base_url=BASE_URL, token="wrong")
    answer = get_blocked_users.sync_detailed(**(place | {"client": stranger}))
    check((int(answer.status_code), answer.parsed.error.code), (401, 190))

    answer = unblock_users.sync(**place, body=body(USERS))
    check([user.wa_id for user in answer.block_users.removed_users], WA_IDS)
