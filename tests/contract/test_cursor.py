"""A place in a list, and the text of `after` and `before` for it."""

import hashlib
import re
from base64 import b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wablock.contract.cursor import BadCursor, Cursor, decode, encode

LIST = "106540352242922"
SEED_TEXT = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"
SEED_CURSOR = Cursor(offset=0, version=1_737_679_688_383_584, seq=1_737_679_688_383_584)

list_ids = st.text("0123456789", min_size=1, max_size=32)


@st.composite
def cursors(draw: st.DrawFn) -> Cursor:
    """Any cursor that a list can have: only its newest row, which is its first, can equal its version."""
    version = draw(st.integers(min_value=1, max_value=2**63 - 1))
    seq = draw(st.integers(min_value=1, max_value=version))
    offset = 0 if seq == version else draw(st.integers(min_value=0, max_value=2**63 - 1))
    return Cursor(offset, version, seq)


anchored_cursors = cursors().filter(lambda cursor: cursor.seq != cursor.version)


def _escaped(plain: bytes) -> str:
    """The bytes in the form of a cursor, without any check."""
    text = b64encode(plain).decode()
    return re.sub("[Z=+/]", lambda match: {"Z": "ZA", "=": "ZD", "+": "ZB", "/": "ZC"}[match[0]], text)


def test_the_newest_row_of_a_list_gives_the_text_of_the_reference_page() -> None:
    text = encode(SEED_CURSOR, LIST)

    assert text == SEED_TEXT


def test_the_text_of_the_reference_page_marks_the_newest_row() -> None:
    cursor = decode(SEED_TEXT, LIST)

    assert cursor == SEED_CURSOR


def test_the_text_is_base64_of_compact_json_with_z_and_padding_escaped() -> None:
    text = _escaped(b'{"offset":0,"versionId":"1737679688383584"}')

    assert text == SEED_TEXT


@given(cursor=cursors(), list_id=list_ids)
def test_decoding_what_was_encoded_gives_the_same_cursor(cursor: Cursor, list_id: str) -> None:
    text = encode(cursor, list_id)

    assert decode(text, list_id) == cursor


@given(cursor=cursors(), list_id=list_ids)
def test_a_cursor_is_short_and_needs_no_escaping_in_a_url(cursor: Cursor, list_id: str) -> None:
    text = encode(cursor, list_id)

    assert re.fullmatch(r"[A-Za-z0-9]{1,256}", text)


@given(cursor=anchored_cursors, one=list_ids, other=list_ids)
def test_a_cursor_of_another_list_is_refused(cursor: Cursor, one: str, other: str) -> None:
    assume(one != other)
    text = encode(cursor, one)

    with pytest.raises(BadCursor):
        decode(text, other)


@given(cursor=anchored_cursors, place=st.integers(min_value=0), character=st.characters(codec="ascii"))
def test_a_cursor_with_one_changed_character_is_refused(cursor: Cursor, place: int, character: str) -> None:
    text = encode(cursor, LIST)
    index = place % len(text)
    assume(text[index] != character)
    tampered = text[:index] + character + text[index + 1 :]

    with pytest.raises(BadCursor):
        decode(tampered, LIST)


@given(cursor=cursors(), cut=st.integers(min_value=1))
def test_a_cursor_that_was_cut_short_is_refused(cursor: Cursor, cut: int) -> None:
    text = encode(cursor, LIST)
    rest = text[: len(text) - 1 - cut % len(text)]

    with pytest.raises(BadCursor):
        decode(rest, LIST)


@given(text=st.text())
def test_any_text_is_a_cursor_or_refused_as_one(text: str) -> None:
    try:
        cursor = decode(text, LIST)
    except BadCursor:
        return

    assert encode(cursor, LIST) == text


@given(plain=st.binary())
def test_any_escaped_bytes_are_a_cursor_or_refused_as_one(plain: bytes) -> None:
    text = _escaped(plain)

    try:
        cursor = decode(text, LIST)
    except BadCursor:
        return
    assert encode(cursor, LIST) == text


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"eyJv"',
        b"[" * 700,
        b"\xff\xfe",
        b'{"offset":0}',
        b'{"versionId":"1737679688383584"}',
        b'{"offset":"0","versionId":"1737679688383584"}',
        b'{"offset":0,"versionId":1737679688383584}',
        b'{"offset":0,"versionId":""}',
        b'{"offset":0,"versionId":"now"}',
        b'{"offset":0,"versionId":"0"}',
        b'{"offset":0,"versionId":"-5"}',
        b'{"offset":0,"versionId":"9223372036854775808"}',
        b'{"offset":0,"versionId":" 1737679688383584"}',
        b'{"offset":0,"versionId":"01737679688383584"}',
        b'{"offset":0,"versionId":"1_737_679"}',
        '{"offset":0,"versionId":"\u0661\u0667"}'.encode(),
        b'{"versionId":"1737679688383584","offset":0}',
        b'{"offset": 0, "versionId": "1737679688383584"}',
        b'{"offset":0,"versionId":"1737679688383584","more":1}',
        b'{"offset":0,"versionId":"1737679688383584"}\n',
        b'{"offset":0,"versionId":"1737679688383584","seq":"","list":""}',
        b'{"offset":0,"versionId":"1737679688383584","seq":"five"}',
        b'{"offset":0,"versionId":"1737679688383584","seq":"1737679688383583"}',
        b'{"offset":0,"versionId":"1737679688383584","seq":"1737679688383583","list":"0123456789ab"}',
        b'{"offset":0,"versionId":"1737679688383584","list":"0123456789ab"}',
    ],
)
def test_a_cursor_that_encode_would_not_write_is_refused(plain: bytes) -> None:
    with pytest.raises(BadCursor):
        decode(_escaped(plain), LIST)


@pytest.mark.parametrize("offset", [1, 25, -1])
def test_metas_short_form_marks_nothing_but_the_first_row(offset: int) -> None:
    text = _escaped(b'{"offset":%d,"versionId":"1737679688383584"}' % offset)

    with pytest.raises(BadCursor):
        decode(text, LIST)


@pytest.mark.parametrize(
    "offset, version, seq",
    [
        (0, 5, 2**63),
        (0, 5, 2**200),
        (0, 5, -1),
        (0, 5, 0),
        (0, 5, 6),
        (-1, 5, 4),
        (2**63, 5, 4),
        (10**300, 5, 4),
    ],
)
def test_a_forged_check_value_brings_in_no_number_that_a_list_cannot_have(offset: int, version: int, seq: int) -> None:
    check = hashlib.blake2b(f"{LIST}:{offset}:{version}:{seq}".encode(), digest_size=6).hexdigest()
    forged = f'{{"offset":{offset},"versionId":"{version}","seq":"{seq}","list":"{check}"}}'

    with pytest.raises(BadCursor):
        decode(_escaped(forged.encode()), LIST)


@pytest.mark.parametrize(
    "text",
    [
        SEED_TEXT.replace("ZD", "="),
        SEED_TEXT.replace("ZA", "Z"),
        SEED_TEXT + "ZD",
        SEED_TEXT + "Z",
        SEED_TEXT + "\n",
        SEED_TEXT + "\x00",
        " " + SEED_TEXT,
        SEED_TEXT.lower(),
        SEED_TEXT + "\ud800",
        "Z",
        "ZE",
        "\u0661\u0662\u0663\u0664",
        "undefined",
        "A" * 1_025,
        SEED_TEXT * 1_000,
    ],
)
def test_a_text_that_is_not_written_like_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        decode(text, LIST)
