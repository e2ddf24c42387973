"""A gate on a cluster with a worker that does not respond: the numbers of the other worker go on."""

from pathlib import Path

import httpx2
import pytest
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.graph import body
from tests.gate.webhook.payloads import Json, change, contact, delivery, encoded, message
from tests.postgres import bare_database
from tests.receiver import receiving
from tests.server.test_webhooks import signed
from tests.workers import DEAD, SILENT, Workers

_OTHER = PHONE_NUMBER_ID[:-1] + "3"
_ANNA, _ANNAS_ID = "16505550101", "US.13491208655302741918"


def _post(client: httpx2.Client, *messages: Json) -> int:
    sent = encoded(delivery(change(number=PHONE_NUMBER_ID, contacts=[contact(_ANNA, _ANNAS_ID)], messages=messages)))
    headers = {"content-type": "application/json", "x-hub-signature-256": signed(sent)}
    return client.post("/webhooks/whatsapp", content=sent, headers=headers).status_code


@pytest.mark.parametrize("how", [DEAD, SILENT])
def test_the_first_webhook_of_a_number_arrives_with_all_that_it_teaches(tmp_path: Path, how: str) -> None:
    workers = Workers(bare_database(tmp_path))
    with receiving() as receiver:
        deployment = GateDeployment(tmp_path, receiver.url, database=workers.url)
        deployment.add_number(_OTHER)
        with (
            deployment.server() as server,
            httpx2.Client(base_url=server.url, headers=deployment.headers, timeout=20) as client,
            workers.broken(2, how),
        ):
            first = _post(client, message(_ANNA, 1))
            blocked = client.post(BLOCK_USERS, json=body([_ANNA])).status_code
            second = _post(client, message(None, 2, from_user_id=_ANNAS_ID, type="text", text={"body": "Hi"}))

        assert (first, blocked, second) == (200, 200, 200)
        assert receiver.message_ids() == ["wamid.1"]
