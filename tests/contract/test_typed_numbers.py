"""A text that people type, list or send means one user, no user for a reason, or several possible users."""

import json
import re
from pathlib import Path
from typing import Any, Final

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wablock.contract.typed_numbers import (
    NotANumber,
    OneUser,
    Reading,
    SeveralReadings,
    read,
    read_listed,
    read_recipient,
    wa_id_of,
)
from wablock.contract.typed_text import WITH_COUNTRY_CODE

TABLE: Final = Path(__file__).parent.parent / "spellings.json"
SPELLINGS: Final[list[dict[str, Any]]] = json.loads(TABLE.read_text("utf-8"))
MARKS: Final = "\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0f\ufeff"
ZEROS: Final = "٠۰߀०০੦૦୦௦౦೦൦๐໐༠０"
CODES: Final = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
COUNTRIES: Final = sorted(phonenumbers.SUPPORTED_REGIONS)


def examples(kind: int) -> list[tuple[str, phonenumbers.PhoneNumber]]:
    """libphonenumber's example of each country with one: Tristan da Cunha has only landlines."""
    all_examples = ((region, phonenumbers.example_number_for_type(region, kind)) for region in COUNTRIES)
    return [(region, example) for region, example in all_examples if example is not None]


MOBILES: Final = examples(phonenumbers.PhoneNumberType.MOBILE)
LANDLINES: Final = examples(phonenumbers.PhoneNumberType.FIXED_LINE)
PUNCTUATION: Final = st.lists(st.sampled_from(["", "", " ", "-", ".", "(", ")"]), min_size=15)

american = st.integers(2_000_000_000, 9_999_999_999).map(lambda number: f"1{number}")
typed = st.one_of(
    st.text(),
    st.text("+0123456789 -.()"),
    st.text("+0123456789 -.()eExX#;,/@:'\"telwacsp.n"),
    st.from_regex(r"\+?[0-9]*"),
)
number = st.from_regex(r"\+?[ (]?[0-9]{2,4}[ )-]{0,2}[0-9]{3,5}[ -]?[0-9]{2,6}", fullmatch=True)
country = st.sampled_from([None, "US", "GB", "BR", "IT", "DE", "MX", "AR", "RU", "CI"])


def why(reading: Reading) -> str:
    assert not isinstance(reading, OneUser)
    return reading.why


def readings(reading: Reading) -> set[str]:
    match reading:
        case OneUser(wa_id):
            return {wa_id}
        case SeveralReadings(wa_ids):
            return set(wa_ids)
        case NotANumber():
            return set()


@pytest.mark.parametrize("row", [row for row in SPELLINGS if "wa_id" not in row], ids=lambda row: ascii(row["typed"]))
def test_the_reason_for_a_spelling_is_in_whole_sentences(row: dict[str, Any]) -> None:
    reason = why(read(row["typed"], row["country"]))

    assert re.fullmatch(r"[^;]+\.", reason)
    assert not re.search(r"\. [a-z]", reason)


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: ascii(row["typed"]))
def test_a_real_spelling_is_read_as_its_source_means_it(row: dict[str, Any]) -> None:
    reading = read(row["typed"], row["country"])

    if "wa_id" in row:
        assert reading == OneUser(row["wa_id"])
    else:
        assert row["why"] in why(reading)


@given(text=typed, country=country)
def test_any_text_is_one_user_no_user_or_several(text: str, country: str | None) -> None:
    reading = read(text, country)

    match reading:
        case OneUser(wa_id):
            assert wa_id.isascii()
            assert read(f"+{wa_id}", None) == reading
        case NotANumber(reason):
            assert reason
            assert reason.isprintable()
        case SeveralReadings(wa_ids, reason):
            assert len(wa_ids) > 1
            assert all(f"+{wa_id}" in reason for wa_id in wa_ids)


@given(text=typed, country=country)
def test_any_recipient_is_one_user_no_user_or_several(text: str, country: str | None) -> None:
    reading = read_recipient(text, country)

    assert isinstance(reading, OneUser | NotANumber | SeveralReadings)


@given(text=number, country=country)
def test_a_text_that_blocks_one_user_finds_that_user_as_a_recipient(text: str, country: str | None) -> None:
    blocked, recipient = read(text, country), read_recipient(text, country)
    assert not isinstance(blocked, OneUser) or isinstance(recipient, NotANumber) or blocked.wa_id in readings(recipient)


@pytest.mark.parametrize("region, example", MOBILES)
def test_a_user_blocked_with_a_0_behind_the_calling_code_is_found_as_a_recipient(
    region: str, example: phonenumbers.PhoneNumber
) -> None:
    text = f"{example.country_code} 0{phonenumbers.national_significant_number(example)}"
    blocked, recipient = read(text, region), read_recipient(text, region)

    assert not isinstance(blocked, OneUser) or isinstance(recipient, NotANumber) or blocked.wa_id in readings(recipient)


@pytest.mark.parametrize("region", COUNTRIES)
def test_a_number_as_dialled_abroad_is_found_as_a_recipient(region: str) -> None:
    """libphonenumber has the prefixes that each country dials before a calling code; one of each beginning is tried."""
    table = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert table is not None
    abroad = re.compile(table.international_prefix or "")
    prefixes = {match[0] for start in range(10_000) if (match := abroad.match(f"{start:04}"))}
    for prefix in sorted({prefix[:3]: prefix for prefix in sorted(prefixes)}.values()):
        for wa_id in ("447700900101", "491711234567"):
            number = phonenumbers.parse(prefix + wa_id, region)
            reading = read_recipient(prefix + wa_id, region)
            meant = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
            assert isinstance(reading, NotANumber) or meant in readings(reading), prefix


@given(digits=american, marks=st.lists(st.sampled_from(["", *MARKS]), min_size=12, max_size=12))
def test_copied_marks_never_change_the_user(digits: str, marks: list[str]) -> None:
    text = "".join(mark + character for mark, character in zip(marks, f"+{digits}", strict=True))

    assert read(text, None) == OneUser(digits)


@given(digits=american, zero=st.sampled_from(ZEROS))
def test_digits_of_every_script_are_digits(digits: str, zero: str) -> None:
    text = "+" + "".join(chr(ord(zero) + int(digit)) for digit in digits)

    assert read(text, None) == OneUser(digits)


@given(digits=american, punctuation=PUNCTUATION)
def test_punctuation_behind_a_plus_never_changes_the_user(digits: str, punctuation: list[str]) -> None:
    text = "+" + "".join(sign + digit for sign, digit in zip(punctuation, digits, strict=False))
    assume("(0)" not in text)
    assume(text.count(".") != 1 or text.rpartition(".")[2].strip("0"))

    assert read(text, "DE") == OneUser(digits)


@given(digits=american, zeros=st.sampled_from([".0", ".00", ",0", ",00"]), plus=st.sampled_from(["", "+"]))
def test_a_decimal_is_not_a_user(digits: str, zeros: str, plus: str) -> None:
    assert "decimal" in why(read(plus + digits + zeros, "US"))


@pytest.mark.parametrize("text", ["+1.650.555.0100", "+1 650.555.0000", "+1.6505550100", "+1.650.555.01.00"])
def test_other_dots_group_digits(text: str) -> None:
    assert isinstance(read(text, None), OneUser)


def test_only_one_country_has_no_example_of_a_mobile() -> None:
    assert set(COUNTRIES) - {region for region, _ in MOBILES} == {"TA"}
    assert [region for region, _ in LANDLINES] == COUNTRIES


@pytest.mark.parametrize("example", [example for _, example in MOBILES + LANDLINES])
def test_mobiles_and_landlines_of_every_country_are_users(example: phonenumbers.PhoneNumber) -> None:
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]

    assert read(f"+{digits}", None) == OneUser(digits)
    assert read(digits, None) == OneUser(digits)


@pytest.mark.parametrize("code", CODES)
def test_every_length_of_a_calling_code_is_accepted_and_no_other(code: int) -> None:
    for length in range(4, 15):
        digits = f"{code}".ljust(len(str(code)) + length, "2")
        if not 7 <= len(digits) <= 15:
            continue
        number = phonenumbers.PhoneNumber(country_code=code, national_number=int("2" * length))
        possible = phonenumbers.is_possible_number_with_reason(number)
        accepted = isinstance(read(f"+{digits}", None), OneUser)

        assert accepted == (possible == phonenumbers.ValidationResult.IS_POSSIBLE) or (code, length) in OLD_LENGTHS


OLD_LENGTHS: Final = [(225, 8), (229, 8), (52, 11)]
"""Of second spellings, which libphonenumber holds to be too short or too long."""


@pytest.mark.parametrize("text", ["+5215512345678", "+52 1 55 1234 5678", "+225 07 12 34 56", "+229 97 12 34 56"])
def test_second_spellings_of_any_length_are_accepted(text: str) -> None:
    assert isinstance(read(text, None), OneUser)


@pytest.mark.parametrize(
    "text, lengths",
    [
        ("+1 650 555", "10"),
        ("+65 612 345 678", "8, 10 or 11"),
        ("+44 20 7946 01", "7, 9 or 10"),
        ("+225 07 12", "8 or 10"),
    ],
)
def test_the_error_of_a_wrong_length_has_the_valid_lengths(text: str, lengths: str) -> None:
    assert f"have {lengths} digits after it" in why(read(text, None))


@pytest.mark.parametrize("text", ["+2101234567", "+9991234567", "+3841234567", "+8891234567", "9991234567"])
def test_a_calling_code_that_does_not_exist_is_refused(text: str) -> None:
    assert why(read(text, "US")).endswith("its country code does not exist.")


@pytest.mark.parametrize(
    "text",
    [
        "+390669812345",
        "+3780549886377",
        "+2250712345678",
        "+2290195123456",
        "+24106031234",
        "+242061234567",
        "+22601234567",
        "+25006123456",
        "+992033452170",
    ],
)
def test_a_0_behind_the_calling_code_stays_if_the_plan_has_it(text: str) -> None:
    assert read(text, None) == OneUser(text[1:])


@pytest.mark.parametrize("text", ["6505551234", "9876543210", "89161234567"])
def test_digits_without_a_country_code_fail_with_advice(text: str) -> None:
    assert why(read(text, "US")).startswith(f"perhaps its country code is missing. {WITH_COUNTRY_CODE} Read as +")
    assert "missing" not in why(read(f"+{text}", "US"))


@pytest.mark.parametrize("text", ["+4407700900101", "+49 0151 23456789", "+81 090 1234 5678", "+61 0412 345 678"])
def test_a_trunk_0_behind_any_other_calling_code_is_refused(text: str) -> None:
    assert "Leave out the 0." in why(read(text, None))


@pytest.mark.parametrize(
    "text, country, either",
    [
        ("49 151 23456789", "DE", ("494915123456789", "4915123456789")),
        ("390 755438", "IT", ("39390755438", "390755438")),
        ("628 81448132", "ID", ("6262881448132", "62881448132")),
    ],
)
def test_a_number_whose_country_code_may_be_its_area_code_blocks_neither_user(
    text: str, country: str, either: tuple[str, ...]
) -> None:
    reading = read(text, country)

    assert reading == SeveralReadings(either, f"it may be +{either[0]} or +{either[1]}. {WITH_COUNTRY_CODE}")


@pytest.mark.parametrize("text", ["1234567", "4407700900101", "16505550101234"])
def test_a_listed_wa_id_is_checked_by_its_shape(text: str) -> None:
    assert read_listed(text, None) == OneUser(text)


@pytest.mark.parametrize("text", ["+1650555", "628115550101.0", "21012345678", "+1650555010123"])
def test_any_other_listed_text_is_read_as_usual(text: str) -> None:
    assert read_listed(text, None) == read(text, None)


@pytest.mark.parametrize(
    "text, country, wa_ids",
    [
        ("+16505550101", "IN", ("16505550101",)),
        ("16505550101", None, ("16505550101",)),
        ("16505550101", "US", ("16505550101",)),
        ("6505550101", "US", ("16505550101",)),
        ("4155551212", "US", ("14155551212",)),
        ("447700900101", "US", ("447700900101",)),
        ("5551234567", "BR", ("5551234567", "555551234567")),
        ("919876543210", "IN", ("919876543210", "91919876543210")),
        ("1 (631) 555-1234", "IN", ("16315551234", "9116315551234")),
        ("(631) 555-1234", "IN", ("916315551234",)),
        ("0151 23456789", "DE", ("15123456789", "4915123456789")),
        ("00442071838750", "DE", ("442071838750", "49442071838750")),
        ("01144 2071838750", "US", ("442071838750",)),
        ("8 912 345-67-89", "RU", ("79123456789",)),
        ("11 15 5555-0101", "AR", ("5491155550101", "54111555550101")),
        ("49 0151 23456789", "DE", ("4915123456789",)),
        ("4901711234567", "DE", ("491711234567",)),
        ("9109876543210", "IN", ("919876543210",)),
        ("6208115550101", "ID", ("628115550101",)),
        ("430664123456", "DE", ("43664123456",)),
        ("0014 44 7700 900101", "BR", ("447700900101",)),
        ("002 82 10 2000 0101", "KR", ("821020000101",)),
        ("009573211230101", "CO", ("573211230101",)),
        ("990 46 70 123 01 01", "FI", ("46701230101",)),
        ("4917112:34567@s.whatsapp.net", None, ("4917112", "491711234567")),
        ("49171123.4:567@s.whatsapp.net", "DE", ("49171123", "491711234567")),
    ],
)
def test_a_recipient_without_a_plus_has_every_reading_that_an_upstream_may_take(
    text: str, country: str | None, wa_ids: tuple[str, ...]
) -> None:
    reading = read_recipient(text, country)

    assert set(wa_ids) <= readings(reading)


@pytest.mark.parametrize("text", ["(650) 555-0101", "06505550101", "00442071838750", "650 555 0101", "tel:6505550101"])
def test_a_recipient_that_needs_a_country_cannot_be_read_without_one(text: str) -> None:
    assert "country of the business number is not known" in why(read_recipient(text, None))


@pytest.mark.parametrize("country", ["GB", "US", None])
def test_a_recipient_with_a_trunk_0_and_no_other_reading_is_not_a_user(country: str | None) -> None:
    assert isinstance(read_recipient("4407700900101", country), NotANumber)


@pytest.mark.parametrize("text", ["", "anna", "628115550101.0", "+1650555", "+16505550101 / +16505550102", "🙂"])
def test_a_recipient_that_is_not_a_number_is_not_a_user(text: str) -> None:
    assert isinstance(read_recipient(text, "US"), NotANumber)


@pytest.mark.parametrize("text", ["1" * 1_000_000, "+" * 1_000_000, "x" * 1_000_000])
def test_a_huge_text_is_refused_at_once(text: str) -> None:
    assert "1000000 characters" in why(read(text, "US"))


@pytest.mark.parametrize("text", ["1650555\n0101", "+1650555\x000101", "\ud800+16505550101", "+16505550101\x85"])
def test_the_error_of_a_control_character_is_harmless(text: str) -> None:
    reason = why(read(text, "US"))

    assert reason.isprintable()
    assert reason.isascii()


@given(text=typed)
def test_a_webhooks_sender_is_a_wa_id_or_none(text: str) -> None:
    wa_id = wa_id_of(text)

    assert wa_id is None or wa_id_of(wa_id) == wa_id
