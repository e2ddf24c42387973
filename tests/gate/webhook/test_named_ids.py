"""The accounts and numbers that a webhook may belong to, from its bytes."""

from typing import Any

import msgspec
import pytest

from wablock.gate.webhook.named_ids import entry_ids, number_ids

ACCOUNT, NUMBER = "102290129340398", "106540352242922"


def message(place: int) -> dict[str, Any]:
    return {"from": "16505551234", "id": f"wamid.{place}", "timestamp": "1749416383", "text": {"body": "x" * 900}}


def webhook(messages: int) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
    value = {"metadata": metadata, "messages": [message(place) for place in range(messages)]}
    entry = {"id": ACCOUNT, "changes": [{"value": value, "field": "messages"}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


@pytest.mark.parametrize("order", [None, "sorted"])
@pytest.mark.parametrize("messages", [1, 20, 3_000])
def test_the_account_is_found_in_metas_order_and_sorted(order: Any, messages: int) -> None:
    body = msgspec.json.encode(webhook(messages), order=order)
    assert ACCOUNT in set(entry_ids(body))


def test_the_number_is_found_in_metas_order() -> None:
    assert list(number_ids(msgspec.json.encode(webhook(3_000)))) == [NUMBER]


@pytest.mark.parametrize("name", ["phone_number_id", "phoneNumberId", "PHONE_NUMBER_ID"])
def test_names_are_found_in_other_spellings(name: str) -> None:
    assert list(number_ids(f'{{"{name}" :\n "{NUMBER}"}}'.encode())) == [NUMBER]


def test_an_id_may_be_a_number() -> None:
    assert list(entry_ids(b'{"entry":[{"id": 102290129340398}]}')) == [ACCOUNT]


def test_a_users_text_names_no_account_and_no_number() -> None:
    body = msgspec.json.encode({"text": {"body": f'"id":"{ACCOUNT}","phone_number_id":"{NUMBER}"'}})
    assert [*entry_ids(body), *number_ids(body)] == []


def test_at_most_two_ids_are_found_at_each_end() -> None:
    body = msgspec.json.encode([{"id": str(number), "x": "x" * 400} for number in range(10_000)])
    assert list(entry_ids(body)) == ["0", "1", "9999", "9998"]


def test_each_id_is_found_once() -> None:
    assert list(entry_ids(b'[{"id":"1"},{"id":"2"},{"id":"1"}]')) == ["1", "2"]


def test_the_number_in_metas_spelling_is_first() -> None:
    body = f'{{"phoneNumberId":"1","phone_number_id" : "2","phone_number_id":"{NUMBER}"}}'.encode()
    assert list(number_ids(body)) == [NUMBER, "1", "2"]
