"""Any JSON in any spelling: it has the same users as in the documented spelling, or is refused."""

import json
import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.webhook.payloads import ANNA, ANNAS_ID, BEN, OURS, change, contact, delivery, encoded, message
from tests.gate.webhook.reading import reading
from tests.gate.webhook.spelling import folded, is_subsequence, respelt
from tests.webhooks.corpus import cases, files

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.canonical import canonical
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.documented import decoder
from wablock.gate.webhook.raw_json import UnreadableBody

RESPELLINGS = 16
BODY = encoded(delivery(change(contacts=[contact(ANNA, ANNAS_ID)], messages=[message() | {"from_user_id": ANNAS_ID}])))


def read(body: bytes) -> WebhookChange:
    (change,) = Payload.parse(body).changes
    return change


@pytest.mark.parametrize("file", files())
def test_another_spelling_has_the_same_items_and_the_same_rest(file: str) -> None:
    """343 cases make more than 5,000 spellings."""
    random = Random(file)
    for case in cases(file):
        plain = Payload.parse(encoded(case.payload))
        items = [item for change in plain.changes for item in change.items]
        for _ in range(RESPELLINGS):
            body = respelt(case.payload, random)
            payload = Payload.parse(body)
            gone = [random.random() < 1 / 2 for _ in items]

            left, expected = _without(payload, gone), _without(plain, gone)

            assert reading(payload) == reading(plain), body
            if expected is None or left is None:
                assert left is expected, body
                continue
            assert folded(json.loads(left)) == folded(json.loads(expected)), body
            assert is_subsequence(left, body)


def _without(payload: Payload, gone: list[bool]) -> bytes | None:
    items = [item for change in payload.changes for item in change.items]
    leaving = {id(item) for item, goes in zip(items, gone, strict=True) if goes}
    return payload.body(payload.changes, lambda item: id(item) in leaving)


@pytest.mark.parametrize(
    "name",
    ["entry", "changes", "value", "messages", "from", "from_user_id", "contacts", "wa_id", "user_id"],
)
@pytest.mark.parametrize(
    "spelt",
    [
        str,
        str.upper,
        lambda name: name.replace("s", "\N{LATIN SMALL LETTER LONG S}"),
        lambda name: f"\\u{ord(name[0]):04x}{name[1:]}",
    ],
)
def test_a_repeated_name_on_the_path_to_a_sender_is_refused(name: str, spelt: Any) -> None:
    body = re.sub(rf'"{name}":', lambda it: f'"{spelt(name)}": 1, {it[0]}', BODY.decode(), count=1).encode()

    with pytest.raises(UnreadableBody, match=f'"{name}" occurs twice'):
        Payload.parse(body)


@pytest.mark.parametrize("name", ["id", "timestamp", "type"])
def test_a_harmless_name_may_be_repeated_and_the_last_one_counts(name: str) -> None:
    body = encoded(delivery(change(messages=[message()])))
    twice = body.replace(b'"messages": [{', b'"messages": [{"%b": "17", ' % name.encode())

    assert reading(Payload.parse(twice)) == reading(Payload.parse(body))


@pytest.mark.parametrize("name", ["messaging_product", "text", "body", "profile", "of_the_future"])
def test_a_name_that_is_not_read_may_be_repeated(name: str) -> None:
    body = re.sub(
        rb'"(messaging_product|text|body|profile)":', b'"%b": 1, "%b": 2, \\g<0>' % ((name.encode(),) * 2), BODY
    )

    assert reading(Payload.parse(body)) == reading(Payload.parse(BODY))


@pytest.mark.parametrize(
    "now, then",
    [
        (b'"metadata":', b'"metadata": {"phone_number_id": "1"}, "metadata":'),
        (b'"metadata":', b'"Metadata": null, "metadata":'),
        (b'"phone_number_id":', b'"phone_number_id": "1", "phone_number_id":'),
        (b'"phone_number_id":', b'"PHONE_NUMBER_ID": 1, "phone_number_id":'),
        (b'"106540352242922"', b"106540352242922"),
        (b'"106540352242922"', b"null"),
        (b'"106540352242922"', b'""'),
        (b'"106540352242922"', b"[]"),
        (b'"phone_number_id":', b'"phone_id":'),
        (b'"metadata":', b'"meta":'),
    ],
)
def test_an_unreadable_address_belongs_to_an_unknown_number(now: bytes, then: bytes) -> None:
    assert now in BODY

    webhook_change = read(BODY.replace(now, then))

    assert (webhook_change.phone_number_id, webhook_change.is_of_a_number) == (None, True)
    assert [item.wa_id for item in webhook_change.items] == [ANNA]


def test_a_repeated_display_number_is_ignored() -> None:
    webhook_change = read(
        BODY.replace(b'"display_phone_number":', b'"display_phone_number": "1", "display_phone_number":')
    )

    assert (webhook_change.phone_number_id, webhook_change.display_number or None) == (OURS, None)


@pytest.mark.parametrize("text", [rb"\ud83d", rb"\ude00\ud83d", rb"\u0000", rb"\uD83Dx", b"\x01"])
def test_half_a_surrogate_pair_hides_no_sender_from_the_gate(text: bytes) -> None:
    odd, plain = message() | {"id": "ODD", "text": {"body": "ODD"}}, message(BEN) | {"text": {"body": "Hello"}}
    body = encoded(delivery(change(messages=[odd, plain]))).replace(b"ODD", text)

    payload = Payload.parse(body)

    assert [item.wa_id for item in payload.changes[0].items] == [ANNA, BEN]
    assert text not in (payload.body(payload.changes, lambda item: item.wa_id == ANNA) or text)
    assert text in (payload.body(payload.changes, lambda item: item.wa_id == BEN) or b"")


@pytest.mark.parametrize("number, wa_id", [(16505551234, 16505551234), (1.5, None), (10**400, None), (-1, -1)])
def test_a_number_is_an_id_only_if_it_is_an_integer(number: float, wa_id: int | None) -> None:
    (item,) = read(encoded(delivery(change(messages=[message() | {"from": number}])))).items

    assert (item.wa_id or None) == wa_id


@pytest.mark.parametrize("name", ["from", "from_user_id", "id", "type", "timestamp", "contacts"])
@pytest.mark.parametrize("odd", [{}, [], None, True, 1.5, 10**400, {"from": BEN}, ""])
def test_a_member_of_another_type_equals_a_missing_one(name: str, odd: Any) -> None:
    plain = message() | {"from_user_id": ANNAS_ID}
    missing = {key: it for key, it in plain.items() if key != name}

    result, expected = (
        Payload.parse(encoded(delivery(change(messages=[it])))) for it in (plain | {name: odd}, missing)
    )

    assert reading(result) == reading(expected)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b"null", b"\xef\xbb\xbf{}", b"{} {}", b"{'a': 1}"])
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableBody, match="must be a JSON object"):
        Payload.parse(body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_another_encoding_than_utf_8_is_refused(encoding: str) -> None:
    with pytest.raises(UnreadableBody):
        Payload.parse(BODY.decode().encode(encoding))


@pytest.mark.parametrize("name", [b'"from": "', b'"body": "', b'"'])
def test_invalid_utf_8_is_refused_anywhere(name: bytes) -> None:
    with pytest.raises(UnreadableBody):
        Payload.parse(BODY.replace(name, name + b"\xff", 1))


@pytest.mark.parametrize("pair", [b"[]", b'{"a":}'])
def test_a_body_that_is_nested_too_deeply_is_refused(pair: bytes) -> None:
    opening, closing = pair[:-1], pair[-1:]
    with pytest.raises(UnreadableBody, match="nested too deeply"):
        Payload.parse(b'{"a":' + opening * 100_000 + b"1" + closing * 100_000 + b"}")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["from", "value", "id"]), inner),
)


@settings(deadline=None)
@given(ANYTHING)
def test_any_json_is_read_as_documented_or_refused(value: Any) -> None:
    for webhook in (value, {"entry": value}, {"entry": [{"changes": value}]}, delivery(change(messages=value))):
        try:
            documented = canonical(encoded(webhook))
        except UnreadableBody:
            continue
        decoder.decode(documented)


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_or_refused_as_unreadable(body: bytes) -> None:
    for it in (body, b'{"entry":[{"changes":[{"value":{"messages":[{"from":"' + body + b'"}]}}]}]}'):
        try:
            Payload.parse(it)
        except UnreadableBody:
            continue
