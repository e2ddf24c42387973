# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201
"""whatsapp-cloud-api-sdk, generated from Meta's collection: its typed models read every answer."""

import json
import os
import warnings

warnings.simplefilter("ignore")  # the library's own deprecations
from whatsappcloudapi.configuration import Configuration, Environment, Server  # noqa: E402
from whatsappcloudapi.exceptions.api_exception import APIException  # noqa: E402
from whatsappcloudapi.http.auth.o_auth_2 import BearerAuthCredentials  # noqa: E402
from whatsappcloudapi.models.block_user import BlockUser  # noqa: E402
from whatsappcloudapi.models.block_user_s_request import BlockUserSRequest  # noqa: E402
from whatsappcloudapi.models.block_users_2 import BlockUsers2  # noqa: E402
from whatsappcloudapi.models.unblock_user_s_request import UnblockUserSRequest  # noqa: E402
from whatsappcloudapi.whatsappcloudapi_client import WhatsappcloudapiClient  # noqa: E402

BASE_URL, NUMBER, TOKEN = os.environ["BASE_URL"], os.environ["PHONE_NUMBER_ID"], os.environ["TOKEN"]
USERS = os.environ["USERS"].split(",")
WA_IDS = [user[1:] for user in USERS]

# Its constructor takes no address, so the address goes into the table of servers.
Configuration.environments[Environment.PRODUCTION][Server.SERVER_1] = BASE_URL + "/{Version}"


def client(token):
    credentials = BearerAuthCredentials(access_token=token)
    return WhatsappcloudapiClient(version="v25.0", bearer_auth_credentials=credentials).block_users


def check(actual, expected):
    if actual != expected:
        raise SystemExit(f"found {actual!r}, expected {expected!r}")


api = client(TOKEN)
answer = api.block_user_s(BlockUserSRequest("whatsapp", [BlockUser(user) for user in USERS]), NUMBER)
check([(user.input, user.wa_id) for user in answer.block_users.added_users], list(zip(USERS, WA_IDS, strict=True)))

answer = api.get_blocked_users(NUMBER)
check([user.wa_id for user in answer.data], WA_IDS)
check(bool(answer.paging.cursors.after and answer.paging.cursors.before), True)

try:
    answer = api.block_user_s(BlockUserSRequest("whatsapp", [BlockUser(USERS[0]), BlockUser("123")]), NUMBER)
except APIException as failure:
    body = json.loads(failure.response.text)
    check((failure.response_code, body["error"]["code"]), (400, 139100))
    check([user["input"] for user in body["block_users"]["failed_users"]], ["123"])
else:
    check([user.wa_id for user in answer.block_users.added_users], WA_IDS[:1])

try:
    client("wrong").get_blocked_users(NUMBER)
except APIException as failure:
    check((failure.response_code, json.loads(failure.response.text)["error"]["code"]), (401, 190))
else:
    raise SystemExit("a wrong token was taken")

answer = api.unblock_user_s(UnblockUserSRequest("whatsapp", [BlockUsers2(user) for user in USERS]), NUMBER)
check([user.wa_id for user in answer.block_users.removed_users], WA_IDS)
