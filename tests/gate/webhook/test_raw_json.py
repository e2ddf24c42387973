"""JSON in its original bytes: the place of each part, and the bytes without some parts."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.webhook.spelling import is_subsequence, respelt

from wablock.gate.webhook.raw_json import GONE, Cut, Gone, Node, UnreadableBody, plain

NAMES = st.text(st.characters(codec="utf-8"), max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


@st.composite
def cuts(draw: st.DrawFn, value: Any) -> Cut:
    """A choice of parts of a value, at any depth."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    cut: dict[str | int, Cut | Gone] = {}
    for name, part in parts:
        key = plain(name) if isinstance(name, str) else name
        what = draw(st.sampled_from(["kept", "gone", "cut"]))
        if what != "kept":
            cut[key] = GONE if what == "gone" else draw(cuts(part))
    return cut


def without(value: Any, cut: Cut | Gone | None) -> Any:
    """The simple reference."""
    if not isinstance(cut, Mapping):
        return value
    if isinstance(value, dict):
        its = {name: (it, cut.get(plain(name))) for name, it in value.items()}
        return {name: without(it, inner) for name, (it, inner) in its.items() if inner is not GONE}
    if isinstance(value, list):
        return [without(it, cut.get(place)) for place, it in enumerate(value) if cut.get(place) is not GONE]
    return value


def left(body: bytes, cut: Cut) -> bytes:
    return b"".join(Node.of(body).without(cut))


@settings(deadline=None)
@given(st.data(), VALUES, st.randoms(use_true_random=False))
def test_the_rest_equals_the_reference_and_has_the_original_bytes(
    data: st.DataObject, value: Any, random: Random
) -> None:
    body = respelt(value, random, with_cases=False, in_order=True)
    cut = data.draw(cuts(value))

    kept = left(body, cut)

    assert json.loads(kept) == without(value, cut)
    assert is_subsequence(kept, body)


@settings(deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_all_bytes_stay_if_nothing_is_removed(value: Any, random: Random) -> None:
    body = respelt(value, random)

    assert left(body, {}) == body


@settings(deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_parts_and_their_bytes_equal_those_of_the_json_module(value: Any, random: Random) -> None:
    root = Node.of(b" " + respelt(value, random, with_cases=False, in_order=True))

    elements = [json.loads(it.body[it.start : it.end]) for it in root.elements]
    members = [(name, json.loads(it.body[it.start : it.end])) for name, it in root.members]

    assert elements == (value if isinstance(value, list) else [])
    assert members == ([(plain(name), it) for name, it in value.items()] if isinstance(value, dict) else [])


@pytest.mark.parametrize(
    "body, cut, kept",
    [
        (b'{ "a" : 1 , "b" : 2 , "c" : 3 }', {"a": GONE}, b'{ "b" : 2 , "c" : 3 }'),
        (b'{ "a" : 1 , "b" : 2 , "c" : 3 }', {"b": GONE}, b'{ "a" : 1 , "c" : 3 }'),
        (b'{ "a" : 1 , "b" : 2 , "c" : 3 }', {"c": GONE}, b'{ "a" : 1 , "b" : 2 }'),
        (b"[ 1 , 2 , 3 ]", {0: GONE, 1: GONE}, b"[ 3 ]"),
        (b"[ 1 , 2 , 3 ]", {0: GONE, 2: GONE}, b"[ 2 ]"),
        (b"[1,2]", {0: GONE, 1: GONE}, b"[]"),
        (b'{"a":[1,{"b":2,"c":3}]}', {"a": {1: {"b": GONE}}}, b'{"a":[1,{"c":3}]}'),
    ],
)
def test_a_part_is_removed_with_one_comma_and_other_blanks_stay(body: bytes, cut: Cut, kept: bytes) -> None:
    assert left(body, cut) == kept


@pytest.mark.parametrize("name", [rb"A", rb"\u0061", rb"\u0041"])
def test_a_name_is_found_in_every_case_and_with_every_escape(name: bytes) -> None:
    assert left(b'{"%b":1,"x":2}' % name, {"a": GONE}) == b'{"x":2}'


def test_all_members_of_a_repeated_name_are_removed() -> None:
    assert left(b'{"a":1,"x":2,"A":[3],"a":4}', {"a": GONE}) == b'{"x":2}'


ODD = [rb'"\ud83d"', rb'"\ud83d\ud83d\ude00"', b'"\xff"', b'"\x01"', b"1e999", b"9" * 5_000, b"-0.0", b"1.10", b"NaN"]


@pytest.mark.parametrize("odd", ODD)
def test_values_that_readers_round_keep_their_bytes(odd: bytes) -> None:
    assert left(b'{"a": 1, "b": %b}' % odd, {"a": GONE}) == b'{"b": %b}' % odd
    assert left(b"[1, %b, [%b]]" % (odd, odd), {0: GONE}) == b"[%b, [%b]]" % (odd, odd)


def test_values_that_readers_round_end_no_array_late() -> None:
    assert left(rb'{"a": [["\ud83d"], 1, [2]], "b": 3}', {"a": {0: {0: GONE}, 1: GONE}}) == b'{"a": [[], [2]], "b": 3}'


@pytest.mark.parametrize("odd", [rb"\ud83d", b"\xff", b"\x01"])
def test_a_name_that_readers_change_keeps_its_bytes(odd: bytes) -> None:
    assert left(b'{"a": 1, "%b": 2}' % odd, {"a": GONE}) == b'{"%b": 2}' % odd


@pytest.mark.parametrize("path", [("a",), ("b", 0, "c")])
def test_a_path_that_leads_nowhere_is_an_error(path: tuple[str | int, ...]) -> None:
    with pytest.raises(UnreadableBody):
        Node.of(b'{"b":[{}]}').at(path)


@pytest.mark.parametrize("body", [b'{"a', b'{"a":', b'{"a":1,"b":tru}', b"[tru]", b'{"a":' + b"[" * 100_000])
def test_parts_that_cannot_be_distinguished_are_an_error(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        left(body, {"a": GONE, 0: GONE})


def test_a_part_has_the_size_of_its_bytes() -> None:
    assert Node.of(b' {"a" : [ 1 ] }').at(("a",)).size == len(b"[ 1 ]")
