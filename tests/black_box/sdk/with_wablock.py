"""One call of wablock's own client; it prints the result."""

import json
import os

from wablock.client import ApiError, Client, NoAnswer, Retries, SomeUsersFailed

result: dict[str, object] = {}
users = os.environ["WABLOCK_USERS"].split(",")
with Client(
    os.environ["WABLOCK_TOKEN"],
    os.environ["WABLOCK_PHONE_NUMBER_ID"],
    base_url=os.environ["WABLOCK_URL"],
    retries=Retries(most=2, first=0.01, longest=5),
) as client:
    try:
        if os.environ["WABLOCK_OPERATION"] == "list":
            result["wa_ids"] = [user.wa_id for user in client.blocked_users()]
        else:
            change = client.block if os.environ["WABLOCK_OPERATION"] == "block" else client.unblock
            result["done"] = [user.wa_id for user in change(users)]
    except SomeUsersFailed as failure:
        result["done"] = [user.wa_id for user in failure.done]
        result["failed"] = [user.wa_id for user in failure.failed]
    except ApiError as failure:
        result["error"] = failure.code
    except NoAnswer:
        result["error"] = None
print(json.dumps(result))  # noqa: T201 - the output is checked
