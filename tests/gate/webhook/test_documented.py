"""Bodies that are read in one pass, and bodies in another spelling."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.webhook.payloads import Json, change, contact, delivery, message, status
from tests.gate.webhook.reading import reading
from tests.gate.webhook.spelling import respelt
from tests.webhooks.corpus import Case, cases, files

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.canonical import canonical
from wablock.gate.webhook.documented import Webhook, as_documented, decoder

CASES = [case for file in files() for case in cases(file)]
WEBHOOK = delivery(change(contacts=[contact()], messages=[message()], statuses=[status()]))


def of(body: bytes, webhook: Webhook) -> Payload:
    return Payload(body, webhook, is_documented=False)


def compact(webhook: Json) -> bytes:
    return msgspec.json.encode(webhook)


@pytest.mark.parametrize("file", ["messages", "messages_statuses", "standby", "calls", "history", "user_preferences"])
def test_most_compact_webhooks_of_meta_are_read_in_one_pass(file: str) -> None:
    its = cases(file)

    assert sum(as_documented(compact(case.payload)) is not None for case in its) > len(its) * 0.8


@pytest.mark.parametrize(
    "now, then",
    [
        (b'"from":', b'"from": '),
        (b'"from":', b'"From":'),
        (b'"from":', rb'"\u0066rom":'),
        (b'"from":"16505551234"', b'"from":"1","from":"16505551234"'),
        (b'"from":', b'"of_the_future":1,"from":'),
        (b'"from":"16505551234"', b'"from":["16505551234"]'),
        (b'"timestamp":"1749416383"', b'"timestamp":1e5'),
        (b'"body":"', b'"body":"\xff'),
        (b'"body":"', rb'"body":"\ud83d'),
        (b'"phone_number_id":"106540352242922"', b'"phone_number_id":106540352242922'),
    ],
)
def test_another_spelling_is_not_read_in_one_pass(now: bytes, then: bytes) -> None:
    body = compact(WEBHOOK)
    assert as_documented(body) is not None
    assert now in body

    assert as_documented(body.replace(now, then, 1)) is None


@pytest.mark.parametrize("blanks", range(20))
def test_a_number_that_grows_hides_no_second_name(blanks: int) -> None:
    body = compact(WEBHOOK).replace(b'"timestamp":"1749416383"', b'"timestamp":1e15', 1)

    assert as_documented(body.replace(b'"from":', b'"From":"1"' + b" " * blanks + b',"from":', 1)) is None


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@settings(deadline=None)
@given(st.sampled_from(CASES), st.randoms(use_true_random=False), LEAVES, st.booleans())
def test_one_pass_reads_the_same_as_the_general_way(
    case: Case,
    random: Random,
    leaf: Any,
    spelt: bool,  # noqa: FBT001
) -> None:
    """Also if one value has an undocumented type."""
    webhook = _with_a_leaf(case.payload, random, leaf)
    body = respelt(webhook, random) if spelt else compact(webhook)

    webhook_in_one_pass = as_documented(body)

    assert webhook_in_one_pass is None or reading(of(body, webhook_in_one_pass)) == reading(
        of(body, decoder.decode(canonical(body)))
    )


@settings(deadline=None)
@given(st.sampled_from(CASES), st.binary(min_size=1, max_size=3), st.integers(0))
def test_one_pass_reads_only_utf_8(case: Case, spoilt: bytes, place: int) -> None:
    body = compact(case.payload)
    place %= len(body)
    body = body[:place] + spoilt + body[place:]

    if as_documented(body) is not None:
        body.decode()


def _with_a_leaf(value: Any, random: Random, leaf: Any) -> Any:
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not parts:
        return leaf
    place, part = random.choice(parts)
    inner = _with_a_leaf(part, random, leaf)
    if isinstance(value, dict):
        return value | {place: inner}
    return [*value[:place], inner, *value[place + 1 :]]
