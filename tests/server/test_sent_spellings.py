"""The table of spellings from the field, as recipients: no spelling of a blocked user's number gets a message out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID
from tests.server.sending_gate import FORM, JSON, MULTIPART, Message, SendingGate, sending_gate

from wablock.block_list.ports import BusinessNumber

TABLE: Final = Path(__file__).parent.parent / "spellings.json"
SPELLINGS: Final[list[dict[str, Any]]] = json.loads(TABLE.read_text("utf-8"))
BLOCKED: Final = [row for row in SPELLINGS if "wa_id" in row]
# These can be read as a recipient: a user_id, a group's id, digits of the business's country. Some are blocked.
READABLE: Final = {
    "US.13491208655302741918": 0,
    "120363000000000001@g.us": 0,
    "0044 20 7946 0101": 130403,
    "011 44 20 7946 0101": 0,
    "1 (650) 555-0101": 130403,
    "tel:16505550101": 130403,
    "50912345": 0,
    "7700900101": 0,
}
NUMBERS: Final = {
    country: BusinessNumber(str(106_540_352_260_000 + place), ACCOUNT_ID, None, country)
    for place, country in enumerate(sorted({row["country"] for row in SPELLINGS}))
}


def as_json(recipient: str) -> Message:
    body = {"messaging_product": "whatsapp", "to": recipient, "type": "text", "text": {"body": "Hi"}}
    return Message(JSON, "", json.dumps(body).encode())


def as_form(recipient: str) -> Message:
    return Message(FORM, "", f"messaging_product=whatsapp&to={quote_plus(recipient)}".encode())


def as_multipart(recipient: str) -> Message:
    part = f'--xYz\r\nContent-Disposition: form-data; name="to"\r\n\r\n{recipient}\r\n'
    return Message(MULTIPART, "", f"{part}--xYz--\r\n".encode())


def as_query(recipient: str) -> Message:
    return Message(None, f"to={quote_plus(recipient)}")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendingGate]:
    """A gate that blocks, for each number, all users that the table lists for it."""
    with sending_gate(tmp_path_factory.mktemp("sent"), numbers=list(NUMBERS.values())) as running:
        for country, number in NUMBERS.items():
            users = [{"user": f"+{row['wa_id']}"} for row in BLOCKED if row["country"] == country]
            answer = httpx2.post(
                f"{running.server.url}/v25.0/{number.phone_number_id}/block_users",
                json={"messaging_product": "whatsapp", "block_users": users},
                headers={"authorization": f"Bearer {running.server.token}"},
            )
            assert "failed_users" not in answer.json()["block_users"]
        yield running


@pytest.mark.parametrize("sent_as", [as_json, as_form, as_multipart, as_query])
@pytest.mark.parametrize("row", BLOCKED, ids=lambda row: ascii(row["typed"]))
def test_a_blocked_user_gets_no_message_in_any_spelling(
    gate: SendingGate, row: dict[str, Any], sent_as: Callable[[str], Message]
) -> None:
    assert gate.refusal(sent_as(row["typed"]), NUMBERS[row["country"]].phone_number_id) == 130403


@pytest.mark.parametrize("row", BLOCKED, ids=lambda row: ascii(row["typed"]))
def test_a_blocked_user_gets_no_message_by_the_bare_wa_id(gate: SendingGate, row: dict[str, Any]) -> None:
    assert gate.refusal(as_json(row["wa_id"]), NUMBERS[row["country"]].phone_number_id) == 130403


@pytest.mark.parametrize("sent_as", [as_json, as_form, as_multipart, as_query])
@pytest.mark.parametrize(
    "row", [row for row in SPELLINGS if "why" in row and row["typed"]], ids=lambda row: ascii(row["typed"])
)
def test_a_text_that_is_not_a_number_reaches_no_blocked_user(
    gate: SendingGate, row: dict[str, Any], sent_as: Callable[[str], Message]
) -> None:
    assert gate.refusal(sent_as(row["typed"]), NUMBERS[row["country"]].phone_number_id) == READABLE.get(
        row["typed"], 100
    )
