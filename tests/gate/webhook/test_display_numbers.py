"""The business number that a webhook displays, in known shapes and in invalid ones."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wablock.gate.webhook.display_numbers import display_wa_id
from wablock.gate.webhook.senders import ShownNumber


@pytest.mark.parametrize(
    "displayed, wa_id",
    [
        ("15550783881", "15550783881"),
        ("+1 555-078-3881", "15550783881"),
        ("16505551111", "16505551111"),
        ("+1 (650) 555-1111", "16505551111"),
        ("1 650.555.1111", "16505551111"),
        ("+55 11 98765-4321", "5511987654321"),
        ("\u200e+1 650\u00a0555\u20111111\u202c", "16505551111"),
        ("+\u0669\u0666\u0666 50 123 4567", "966501234567"),
        (16505551111, "16505551111"),
    ],
)
def test_a_displayed_number_is_international_with_any_punctuation(displayed: ShownNumber, wa_id: str) -> None:
    assert display_wa_id(displayed) == wa_id


@pytest.mark.parametrize(
    "displayed",
    [
        "",
        "hello",
        "+1 650 555 1111 ext. 5",
        "+16505551111 / +16505552222",
        "1+6505551111",
        "016505551111",
        "049 30 123456",
        "12",
        "2105550101",
        "1234567890123456",
        "1" * 100_000,
        None,
        -16505551111,
        10**15,
    ],
)
def test_an_invalid_display_number_is_ignored(displayed: ShownNumber) -> None:
    assert display_wa_id(displayed) is None


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.booleans())
def test_the_mobile_number_of_every_country_is_read_as_meta_displays_it(region: str, with_plus: bool) -> None:  # noqa: FBT001
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assume(example is not None)  # Tristan da Cunha has landlines only
    assert example is not None
    displayed = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    wa_id = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")

    assert display_wa_id(displayed if with_plus else displayed.removeprefix("+")) == wa_id


@given(st.text())
def test_any_displayed_text_is_read_or_ignored(displayed: str) -> None:
    display_wa_id(displayed)
