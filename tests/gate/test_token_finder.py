"""A token is found in every spelling that programs write, and no other text is taken for it."""

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from wablock.gate.token_finder import TokenFinder

TOKEN = "wablock_a/b+c~d%e-0123456789"
SHORT = "test"


def in_unicode_escapes(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f'{{"a":[{{"b":"see {TOKEN}!"}}]}}',
        json.dumps({TOKEN: 1}).replace("/", r"\/"),
        f'{{"a":"{in_unicode_escapes(TOKEN)}"}}',
        f'{{"a":"\\u00e9\\ud83d\\ude00 {in_unicode_escapes(TOKEN[:1])}{TOKEN[1:]}"}}',
        json.dumps(json.dumps({"a": in_unicode_escapes(TOKEN)})),
        f"a=b&c={quote(TOKEN, safe='')}",
        f"a=b&c={quote_plus(TOKEN).lower()}",
        "a=" + "".join(f"%{ord(character):02x}" for character in TOKEN),
        f"a={quote(json.dumps({'b': in_unicode_escapes(TOKEN)}))}",
        quote(quote(TOKEN, safe="")),
        *(f"Basic {b64encode(f'{user}:{TOKEN}'.encode()).decode()}" for user in ("", "a", "ab")),
        *(f"Basic {b64encode(f'{TOKEN}:{password}'.encode()).decode()}" for password in ("", "a", "ab")),
        urlsafe_b64encode(b"??" + TOKEN.encode() + b"??").decode(),
    ],
)
def test_a_token_is_found_in_every_spelling(text: str) -> None:
    assert TokenFinder(TOKEN).is_in(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN[1:],
        TOKEN.upper(),
        '{"a":"\\\\u0077ablock_"}',
        "%",
        "%zz",
        "\\u00",
        b64encode(TOKEN[:9].encode()).decode(),
    ],
)
def test_another_text_is_not_the_token(text: str) -> None:
    assert not TokenFinder(TOKEN).is_in(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        '{"a":[{"b":"test"}]}',
        '{"test":1}',
        '{"a":"t\\u0065st"}',
        "a=1&b=test&c",
        "a=t%65st",
        "Bearer test",
        "a=test; b",
    ],
)
def test_a_short_token_is_found_as_a_whole_value(text: str) -> None:
    assert TokenFinder(SHORT).is_in(text.encode())


@pytest.mark.parametrize("text", ["This is a test.", '{"a":"this is a test of it"}', "a=testing", "/v25.0/1/tests"])
def test_a_short_token_may_be_a_part_of_a_text(text: str) -> None:
    assert not TokenFinder(SHORT).is_in(text.encode())


def test_a_token_is_found_in_the_name_of_a_header() -> None:
    assert TokenFinder("Token-Of-A").is_in_header(b"x-token-of-a", b"1")
