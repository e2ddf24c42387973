"""The user that a typed `user` means: the accepted spellings, and the refused texts."""

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.identity import Identity, of_user, of_wa_id
from wablock.contract.typed_text import COUNTRY_UNCERTAIN

CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@st.composite
def international(draw: st.DrawFn) -> str:
    """The digits of a number with an existing calling code and a valid length for it."""
    code = draw(st.sampled_from(CALLING_CODES))
    region = phonenumbers.region_code_for_country_code(code)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    assert metadata is not None
    assert metadata.general_desc is not None
    lengths = [length for length in metadata.general_desc.possible_length if 7 <= len(str(code)) + length <= 15]
    first, length = draw(st.sampled_from("123456789")), draw(st.sampled_from(lengths))
    return f"{code}{first}" + draw(st.text("0123456789", min_size=length - 1, max_size=length - 1))


@pytest.mark.parametrize(
    "user",
    [
        "+16505551234",
        "16505551234",
        "+1 650 555 1234",
        "+1-650-555-1234",
        "+1.650.555.1234",
        "+1 (650) 555-1234",
        "+1(650)5551234",
        "(+1) 650 555 1234",
        " +16505551234 ",
        "+ 1 6 5 0 5 5 5 1 2 3 4",
    ],
)
def test_every_documented_punctuation_means_the_same_user(user: str) -> None:
    identity = of_user(user, None)

    assert identity == Identity("16505551234", "16505551234")


@pytest.mark.parametrize(
    "user, country, wa_id",
    [
        ("(650) 555-0100", "US", "16505550100"),
        ("1-650-555-0100", "US", "16505550100"),
        ("650.555.0100", "CA", "16505550100"),
        ("020 7183 8750", "GB", "442071838750"),
        ("02071838750", "GB", "442071838750"),
        ("(11) 98765-4321", "BR", "5511987654321"),
        ("55 1234 5678", "MX", "525512345678"),
        ("011 2345-6789", "AR", "541123456789"),
        ("011 15-2345-6789", "AR", "5491123456789"),
    ],
)
def test_a_national_number_is_one_of_the_business_numbers_country(user: str, country: str, wa_id: str) -> None:
    identity = of_user(user, country)

    assert identity.wa_id == wa_id


@pytest.mark.parametrize("country", ["US", "GB", "BR", None])
def test_digits_alone_are_a_wa_id_in_every_country(country: str | None) -> None:
    identity = of_user("16505551234", country)

    assert identity.wa_id == "16505551234"


@pytest.mark.parametrize("country", ["US", "GB", "BR", None])
def test_with_a_plus_the_country_does_not_matter(country: str | None) -> None:
    identity = of_user("+44 20 7183 8750", country)

    assert identity.wa_id == "442071838750"


@pytest.mark.parametrize(
    "user, country",
    [
        ("00 44 20 7183 8750", "DE"),
        ("00442071838750", "DE"),
        ("0044 20 7183 8750", "GB"),
        ("011 44 20 7183 8750", "US"),
        ("0011 44 20 7183 8750", "AU"),
        ("010 44 20 7183 8750", "JP"),
        ("810 44 20 7183 8750", "RU"),
        ("0015 44 20 7183 8750", "BR"),
    ],
)
def test_a_number_with_an_international_prefix_is_refused(user: str, country: str) -> None:
    with pytest.raises(NotAWhatsAppUser, match="country code"):
        of_user(user, country)


@pytest.mark.parametrize(
    "user, country",
    [
        ("(650) 555-0100", None),
        ("020 7183 8750", None),
        ("02071838750", None),
        ("(650) 555-0100", "XX"),
        ("(650) 555-0100", ""),
        ("(650) 555-0100", "GB"),
        ("020 7183 8750", "US"),
        ("044 55 1234 5678", "MX"),
        ("(650) 555", "US"),
        ("0", "US"),
        ("0-0", "GB"),
        ("00000000000", "US"),
        ("1 2", "US"),
    ],
)
def test_an_uncertain_national_number_is_refused_with_a_hint_at_its_country_code(
    user: str, country: str | None
) -> None:
    with pytest.raises(NotAWhatsAppUser) as refused:
        of_user(user, country)

    assert refused.value.details == f"Not a valid WhatsApp user: {COUNTRY_UNCERTAIN}"


@pytest.mark.parametrize(
    "user", ["+", "+1", "+165055", "165055", "+1650555123412345", "1650555123412345", "+06505551234", "+0 1650555123"]
)
def test_an_international_number_that_is_too_short_too_long_or_begins_with_0_is_refused(user: str) -> None:
    with pytest.raises(NotAWhatsAppUser):
        of_user(user, "US")


@given(digits=international())
def test_with_and_without_a_plus_a_number_is_the_same_user(digits: str) -> None:
    with_plus, without = of_user(f"+{digits}", None), of_user(digits, None)

    assert with_plus == without


@given(digits=international())
@example("5511987654321")
@example("5215512345678")
@example("5491123456789")
def test_a_wa_id_is_the_digits_as_typed(digits: str) -> None:
    identity = of_user(f"+{digits}", None)

    assert identity.wa_id == digits


@given(digits=international(), punctuation=st.lists(st.sampled_from(["", "", " ", "-", ".", "(", ")"]), min_size=15))
def test_punctuation_never_changes_the_user_of_a_number_with_a_plus(digits: str, punctuation: list[str]) -> None:
    typed = "+" + "".join(sign + digit for sign, digit in zip(punctuation, digits, strict=False))
    assume("(0)" not in typed)
    assume(typed.count(".") != 1 or typed.rpartition(".")[2].strip("0"))  # 16505550101.0 is a decimal

    identity = of_user(typed, "US")

    assert identity == of_wa_id(digits)


def test_a_trunk_zero_is_refused() -> None:
    with pytest.raises(NotAWhatsAppUser, match=r"Leave out the \(0\)"):
        of_user("+44 (0)20 7183 8750", "GB")


@given(digits=international())
def test_the_key_of_a_key_is_that_key(digits: str) -> None:
    key = of_wa_id(digits).key

    assert of_wa_id(key).key == key


@given(user=st.one_of(st.text(), st.text("+0123456789 -.()")), country=st.sampled_from([None, "US", "GB", "BR", "IT"]))
def test_any_text_is_a_user_or_refused_as_one(user: str, country: str | None) -> None:
    try:
        identity = of_user(user, country)
    except NotAWhatsAppUser:
        return

    assert identity.wa_id is not None
    assert of_wa_id(identity.wa_id) == identity


@given(user=st.text("+0123456789 -.()"), country=st.sampled_from([None, "US", "GB", "BR", "IT", "MX", "AR"]))
def test_a_number_that_is_accepted_ends_in_the_digits_that_were_typed_last(user: str, country: str | None) -> None:
    try:
        identity = of_user(user, country)
    except NotAWhatsAppUser:
        return

    typed = "".join(character for character in user if character.isdigit())
    assert identity.wa_id is not None
    assert identity.wa_id[-6:] == typed[-6:]
