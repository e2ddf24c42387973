"""All printed text is printable: none has control characters for a terminal."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wablock.printable import printable, printable_json, printable_lines

DIRECTIONS = {
    "LRE",
    "RLE",
    "LRO",
    "RLO",
    "PDF",
    "LRI",
    "RLI",
    "FSI",
    "PDI",
}  # the controls of UAX #9; its marks are 061C, 200E, 200F


def is_obeyed(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}
        or unicodedata.bidirectional(character) in DIRECTIONS
        or character in "\u061c\u200e\u200f"
    )


@given(text=st.text(st.characters()))
def test_control_characters_are_replaced_and_the_rest_is_whole(text: str) -> None:
    assert printable(text) == "".join("\N{REPLACEMENT CHARACTER}" if is_obeyed(it) else it for it in text)


def test_every_character_that_a_terminal_obeys_is_replaced() -> None:
    obeyed = [chr(code) for code in range(0x110000) if is_obeyed(chr(code))]

    assert {printable(character) for character in obeyed} == {"\N{REPLACEMENT CHARACTER}"}


def test_line_breaks_of_our_own_text_stay() -> None:
    assert printable_lines("one\n\x1b[2Jtwo\r") == "one\n\N{REPLACEMENT CHARACTER}[2Jtwo\N{REPLACEMENT CHARACTER}"


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_json_means_the_same_and_has_nothing_that_a_terminal_obeys(text: str) -> None:
    escaped = printable_json(json.dumps({"text": text}, ensure_ascii=False))

    assert json.loads(escaped) == {"text": text}
    assert not any(map(is_obeyed, escaped))
