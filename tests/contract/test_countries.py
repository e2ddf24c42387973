"""The country of a business number, which decides how national numbers are read."""

from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.identity import of_user
from wablock.contract.number_plans import COUNTRIES, country_to_read_by

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
    assert country_to_read_by(wa_id) == country


@given(code=st.sampled_from(CALLING_CODES), rest=st.text("0123456789", min_size=6, max_size=12))
def test_any_number_with_a_calling_code_has_one_country_or_none(code: int, rest: str) -> None:
    country = country_to_read_by(f"{code}{rest}")

    assert country is None or country in COUNTRIES


def test_national_numbers_are_read_by_the_country_of_the_business_number() -> None:
    country = country_to_read_by("442071838750")

    assert of_user("020 7183 8750", country).wa_id == "442071838750"


@pytest.mark.parametrize(
    "wa_id, country",
    [
        ("15550783881", "US"),
        ("15551234567", "US"),
        ("16505551111", "US"),
        ("79990000000", "RU"),
        ("77010000000", "KZ"),
        ("447000000000", "GB"),
        ("447700900101", "GB"),
        ("18765550101", "JM"),
        ("5511987654321", "BR"),
    ],
)
def test_a_number_without_one_country_gets_the_main_country_of_its_calling_code(wa_id: str, country: str) -> None:
    assert country_to_read_by(wa_id) == country


@pytest.mark.parametrize("wa_id", ["80012345678", "88213000000", "1234567", "2105550101", "0"])
def test_a_number_without_an_existing_calling_code_has_no_country(wa_id: str) -> None:
    assert country_to_read_by(wa_id) is None


def _examples(region: str) -> Iterator[phonenumbers.PhoneNumber]:
    for kind in phonenumbers.PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            yield example


SIDE_REGIONS = [
    region
    for region in sorted(COUNTRIES)
    if phonenumbers.region_code_for_country_code(phonenumbers.country_code_for_region(region)) != region
]


@pytest.mark.parametrize("region", SIDE_REGIONS)
def test_the_main_country_of_a_calling_code_reads_no_national_number_of_another_as_a_stranger(
    region: str,
) -> None:
    main = phonenumbers.region_code_for_country_code(phonenumbers.country_code_for_region(region))

    for number in _examples(region):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        local = e164[-7:-4] + "-" + e164[-4:]
        for typed in (national, local):
            own, by_main = _reading(typed, region), _reading(typed, main)
            assert by_main in (None, own) or own is None or _is_a_service(by_main), (typed, main)


def _is_a_service(wa_id: str) -> bool:
    """Whether it is a number for companies, such as 310-1234 in all of Canada, which no person has."""
    return phonenumbers.number_type(phonenumbers.parse("+" + wa_id)) == phonenumbers.PhoneNumberType.UAN


def _reading(typed: str, country: str) -> str | None:
    try:
        return of_user(typed, country).wa_id
    except NotAWhatsAppUser:
        return None
