"""The country of a business number, by which national numbers are read."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.identity import COUNTRIES, country_of, of_user

CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@pytest.mark.parametrize(
    "wa_id, country",
    [
        ("16505550100", "US"),
        ("442071838750", "GB"),
        ("5511987654321", "BR"),
        ("525512345678", "MX"),
        ("5491123456789", "AR"),
    ],
)
def test_a_number_belongs_to_the_country_of_its_prefix(wa_id: str, country: str) -> None:
    assert country_of(wa_id) == country


@pytest.mark.parametrize("wa_id", ["80012345678", "1234567", "19995550100"])
def test_a_number_of_no_one_country_has_none(wa_id: str) -> None:
    assert country_of(wa_id) is None


@given(code=st.sampled_from(CALLING_CODES), rest=st.text("0123456789", min_size=6, max_size=12))
def test_any_number_with_a_calling_code_has_a_country_to_read_by_or_none(code: int, rest: str) -> None:
    country = country_of(f"{code}{rest}")

    assert country is None or country in COUNTRIES


def test_by_the_country_of_a_business_number_its_national_numbers_are_read() -> None:
    country = country_of("442071838750")

    assert of_user("020 7183 8750", country).wa_id == "442071838750"
