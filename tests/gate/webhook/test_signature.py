"""`X-Hub-Signature-256`: exactly one text is a valid signature."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.gate.webhook.signature import is_signed, looks_signed, sign

SECRET = "an app secret"


def test_a_signature_is_the_hmac_of_the_raw_bytes() -> None:
    assert sign(SECRET, b"{}") == "sha256=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()


@given(st.text(), st.binary())
def test_a_signed_body_is_verified(secret: str, body: bytes) -> None:
    assert is_signed(secret, body, sign(secret, body))


@given(st.text(), st.binary(), st.text())
def test_any_other_text_is_not_a_signature(secret: str, body: bytes, header: str) -> None:
    assert not is_signed(secret, body, header)


@pytest.mark.parametrize(
    "header", [None, "", "sha256=", "sha256=é", "sha256=" + "\uff10" * 64, "sha256=" + "\ud83d" * 64]
)
def test_a_header_that_is_not_a_signature_is_refused_without_an_error(header: str | None) -> None:
    assert not looks_signed(header)
    assert not is_signed(SECRET, b"{}", header)


@pytest.mark.parametrize("secret, body", [("another", b"{}"), (SECRET, b"{ }")])
def test_a_signature_is_invalid_for_another_secret_or_another_byte(secret: str, body: bytes) -> None:
    assert not is_signed(SECRET, b"{}", sign(secret, body))


@pytest.mark.parametrize("spoilt", [" {}", "{}\n", "{}0"])
def test_a_signature_with_text_around_it_is_invalid(spoilt: str) -> None:
    assert not is_signed(SECRET, b"{}", spoilt.format(sign(SECRET, b"{}")))


def test_capital_hex_digits_are_the_same_signature() -> None:
    assert is_signed(SECRET, b"{}", "sha256=" + sign(SECRET, b"{}")[7:].upper())
