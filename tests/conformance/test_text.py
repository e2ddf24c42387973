"""Odd texts: other encodings, other alphabets, bytes that are not text."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.caller import Caller, users_body

from wablock.server import parameters

FORM = "application/x-www-form-urlencoded"
USER = "+16505551234"


def _part(name: str, value: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)


@pytest.mark.parametrize(
    "query",
    [
        "messaging_product=%ff",
        "method=%ff",
        "fields=%ff",
        "messaging_product=whatsapp&block_users[0][user]=%2B16505551234&block_users[1][user]=%ff",
        "messaging_product=whatsapp&block_users[0][user]=%2B16505551234&block_users[0][reason]=%ff",
    ],
)
@pytest.mark.parametrize("place", ["query", "form"])
def test_bytes_that_are_not_utf_8_are_refused_and_change_nothing(caller: Caller, query: str, place: str) -> None:
    if place == "query":
        answer = caller.send("POST", path=f"{caller.path}?{query}")
    else:
        answer = caller.send("POST", content=query.encode(), headers={"Content-Type": FORM})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert caller.listed() == []


@pytest.mark.parametrize("member", ["reason", "note"])
def test_a_nul_in_a_stored_text_is_refused_and_changes_nothing(caller: Caller, member: str) -> None:
    answer = caller.block("+16505551235", {"user": USER, member: "spam\0"})

    problem = f"(#100) Param block_users[1][{member}] must not contain a NUL character."
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, problem)
    assert caller.listed() == []


def test_text_of_a_form_is_echoed_as_it_was_typed(caller: Caller) -> None:
    form = "messaging_product=whatsapp&block_users[0][user]=é"

    answer = caller.send("POST", content=form.encode(), headers={"Content-Type": FORM})

    assert answer.json()["block_users"]["failed_users"][0]["input"] == "é"


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "unicode_escape", "utf-7", "nosuch"])
def test_a_multipart_body_is_read_as_utf_8_with_any_charset(caller: Caller, charset: str) -> None:
    users = json.dumps([{"user": USER}]).encode()
    body = (
        _part("messaging_product", b"whatsapp") + _part("block_users", users) + _part("é", "ü".encode()) + b"--x--\r\n"
    )

    answer = caller.send(
        "POST", content=body, headers={"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    )

    assert answer.status_code == 200
    assert caller.listed() == ["16505551234"]


def test_a_byte_order_mark_before_json_is_ignored(caller: Caller) -> None:
    answer = caller.send("POST", content=b"\xef\xbb\xbf" + json.dumps(users_body([USER])).encode())

    assert answer.status_code == 200


def test_an_appended_item_follows_those_with_an_index(caller: Caller) -> None:
    form = "messaging_product=whatsapp&block_users[1][user]=16505550101&block_users[][user]=16505550102"

    answer = caller.send("POST", content=form.encode(), headers={"Content-Type": FORM})

    assert [user["input"] for user in answer.json()["block_users"]["added_users"]] == ["16505550101", "16505550102"]


def test_one_index_in_two_spellings_is_one_item(caller: Caller) -> None:
    form = "messaging_product=whatsapp&block_users[1][user]=16505550101&block_users[01][reason]=spam"

    caller.send("POST", content=form.encode(), headers={"Content-Type": FORM})

    assert caller.get(fields="reason").json()["data"][0]["reason"] == "spam"


@given(st.lists(st.sampled_from(["a", "limit", "=", "&", "25", "-", "~", "."]), max_size=20).map("".join))
def test_a_query_with_nothing_to_decode_is_read_like_any_other(query: str) -> None:
    plain = parameters._pairs(query.encode())

    assert plain == parse_qsl(query, keep_blank_values=True)
