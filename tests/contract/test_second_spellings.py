"""Users of some countries have several spellings: these have equal keys, and no other users have."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wablock.contract.identity import of_user, of_wa_id
from wablock.contract.spellings import former_keys, one_spelling

eight_digits = st.text("0123456789", min_size=8, max_size=8)
ten_digits = st.text("0123456789", min_size=10, max_size=10)
area = st.from_regex(r"[1-9][1-9]", fullmatch=True)
six_digits = st.text("0123456789", min_size=6, max_size=6)

# The prefixes of Ivory Coast's operators on 30 January 2021, by the new plan's two digits: ITU's plan of December 2020.
# In it 60 to 63 (of GreenN, which had closed), 80 to 83, 90 to 93 and 99 are unassigned.
OPERATORS = {
    "01": ["01", "02", "03", "40", "41", "42", "43", "50", "51", "52", "53", "70", "71", "72", "73"],
    "05": [first + second for first in "04567" for second in "456"] + ["84", "85", "86", "94", "95", "96"],
    "07": [first + second for first in "0457" for second in "789"] + ["67", "68", "69", "87", "88", "89", "97", "98"],
}
BEGINNINGS = [(put, start) for put, starts in OPERATORS.items() for start in starts]
# From the mobile pattern of libphonenumber's region BJ, before 30 November 2024: 4[0-8], [56] and 9[013-9].
BENIN = [f"4{digit}" for digit in range(9)] + [f"{ten}{digit}" for ten in "56" for digit in range(10)]
BENIN += [f"9{digit}" for digit in range(10) if digit != 2]

AREAS = ["11", "220", "221", "223", "230", "237", "249", "261", "280", "299", "336", "341", "351", "364", "379", "388"]
AREAS += ["2221", "2320", "2477", "2902", "2966", "3327", "3400", "3468", "3541", "3715", "3783", "3894"]


@st.composite
def spellings_of_a_user(draw: st.DrawFn) -> list[str]:
    """All international spellings of one mobile number of a country with several spellings."""
    country = draw(st.sampled_from(["225", "229", "54", "52", "55"]))
    if country == "225":
        put, start = draw(st.sampled_from(BEGINNINGS))
        old = start + draw(six_digits)
        return [f"225{old}", f"225{put}{old}"]
    if country == "229":
        old = draw(st.sampled_from(BENIN)) + draw(six_digits)
        return [f"229{old}", f"22901{old}"]
    if country == "54":
        code = draw(st.sampled_from(AREAS))
        local = (draw(st.sampled_from("123456789")) + draw(ten_digits))[: 10 - len(code)]
        mobile = [f"549{code}{local}", f"54{code}15{local}"]
        return mobile if local[0] == "4" else [*mobile, f"54{code}{local}"]
    if country == "52":
        number = draw(st.sampled_from("23456789")) + draw(ten_digits)[1:]
        return [f"52{number}", f"521{number}"]
    old = draw(st.sampled_from("6789")) + draw(eight_digits)[1:]
    code = draw(area)
    return [f"55{code}{old}", f"55{code}9{old}"]


def key_of_the_version_before(digits: str) -> str:
    """The key by the rules of the earlier version, without Argentina's 15, Ivory Coast and Benin."""
    is_new = digits[:3] in ("225", "229") or len(digits) == 14
    return digits if is_new else one_spelling(digits)


def digits(user: str) -> str:
    return "".join(character for character in user if character.isdigit())


@pytest.mark.parametrize(
    "one, other",
    [
        ("+55 11 98765-4321", "+55 11 8765-4321"),
        ("+55 11 96666-6666", "+55 11 6666-6666"),
        ("+52 1 55 1234 5678", "+52 55 1234 5678"),
        ("+54 9 11 2345-6789", "+54 11 2345-6789"),
        ("+54 9 351 555-5555", "+54 351 555-5555"),
        ("+54 9 2902 55-6789", "+54 2902 55-6789"),
        ("+54 11 15 2345-6789", "+54 9 11 2345-6789"),
        ("+54 11 15 2345-6789", "+54 11 2345-6789"),
        ("+54 351 15 555-5555", "+54 9 351 555-5555"),
        ("+54 2902 15 55-6789", "+54 2902 55-6789"),
        ("+54 11 15 4123-4567", "+54 9 11 4123-4567"),  # without 9 and 15 it is a landline
        ("+225 07 12 34 56", "+225 07 07 12 34 56"),
        ("+225 47 12 34 56", "+225 07 47 12 34 56"),
        ("+225 05 12 34 56", "+225 05 05 12 34 56"),
        ("+225 86 12 34 56", "+225 05 86 12 34 56"),
        ("+225 01 12 34 56", "+225 01 01 12 34 56"),
        ("+225 73 12 34 56", "+225 01 73 12 34 56"),
        ("+229 97 12 34 56", "+229 01 97 12 34 56"),
        ("+229 40 12 34 56", "+229 01 40 12 34 56"),
    ],
)
def test_both_spellings_of_a_user_have_one_key(one: str, other: str) -> None:
    identities = of_user(one, None), of_user(other, None)

    assert identities[0].key == identities[1].key
    assert identities[0].wa_id != identities[1].wa_id


@pytest.mark.parametrize(
    "one, other",
    [
        ("+55 11 92345-6789", "+55 11 2345-6789"),  # a landline of São Paulo, and a mobile with its digits
        ("+55 11 95555-5555", "+55 11 5555-5555"),
        ("+54 9 11 4123-4567", "+54 11 4123-4567"),  # a landline of Buenos Aires, and a mobile with its digits
        ("+54 9 351 412-3456", "+54 351 412-3456"),  # the same for Córdoba
        ("+54 9 2902 45-6789", "+54 2902 45-6789"),
        ("+52 1 155 123 4567", "+52 155 123 4567"),  # no national number of Mexico begins with 1
        ("+52 1 055 123 4567", "+52 055 123 4567"),
        ("+55 10 98765-4321", "+55 10 8765-4321"),  # no area code of Brazil has a 0
        ("+54 9 011 234 5678", "+54 011 234 5678"),
        ("+54 9 546 580 9932", "+54 546 580 9932"),  # no area code of Argentina begins with 5
        ("+54 15 11 5234 5678", "+54 9 11 5234 5678"),  # the 15 comes after the area code
        ("+54 546 15 580 9932", "+54 9 546 580 9932"),
        ("+54 11 15 4123-4567", "+54 11 4123-4567"),  # a landline of Buenos Aires, and a mobile with its digits
        ("+225 07 12 34 56", "+225 05 07 12 34 56"),  # assigned since 2021 by another operator
        ("+225 07 12 34 56", "+225 01 07 12 34 56"),
        ("+225 01 12 34 56", "+225 07 01 12 34 56"),
        ("+225 20 30 12 34", "+225 27 20 30 12 34"),  # landlines
        ("+225 21 00 12 34", "+225 05 21 00 12 34"),
        ("+225 36 80 12 34", "+225 01 36 80 12 34"),
        ("+225 60 12 34 56", "+225 01 60 12 34 56"),  # of an operator that closed in 2016
        ("+229 21 30 12 34", "+229 01 21 30 12 34"),  # a landline
        ("+229 92 12 34 56", "+229 01 92 12 34 56"),  # unassigned in the old plan
        ("+229 97 12 34 56", "+229 02 97 12 34 56"),
    ],
)
def test_a_landline_and_a_look_alike_are_two_users(one: str, other: str) -> None:
    identities = of_wa_id(digits(one)), of_wa_id(digits(other))

    assert identities[0].key != identities[1].key


@pytest.mark.parametrize(
    "user",
    [
        "+551187654",  # too short for a number of the country
        "+559118765432100",  # too long for a number of the country
        "+52155123456",
        "+521551234567890",
        "+54911234567",
        "+549112345678900",
        "+16505551234",
        "+442071838750",
        "+595987654321",  # numbers of the neighbours
        "+50255123456",
        "+56987654321",
        "+53987654321",
        "+51987654321",
        "+22407123456",  # Guinea, Burkina Faso, Togo, Niger: the neighbours of Ivory Coast and Benin
        "+22670123456",
        "+22890123456",
        "+22796123456",
        "+2250712345",
        "+225071234567",
        "+22507071234567",
        "+2299712345",
        "+229971234567",
        "+541115234567",  # Buenos Aires, 1523-4567: without the 15 it would be too short
        "+541115234567890",  # and this would be too long
    ],
)
def test_any_other_number_is_its_own_key(user: str) -> None:
    assert of_wa_id(user[1:]).key == user[1:]


@given(area=area, number=eight_digits)
def test_a_mobile_of_brazil_with_and_without_its_ninth_digit_is_one_user(area: str, number: str) -> None:
    assume(number[0] in "6789")
    old, new = of_wa_id(f"55{area}{number}"), of_wa_id(f"55{area}9{number}")

    assert old.key == new.key


@given(area=area, number=eight_digits)
def test_a_landline_of_brazil_has_its_own_key(area: str, number: str) -> None:
    assume(number[0] in "2345")
    landline, mobile = of_wa_id(f"55{area}{number}"), of_wa_id(f"55{area}9{number}")

    assert landline.key != mobile.key


@given(number=ten_digits)
def test_a_mobile_of_mexico_with_and_without_its_old_1_is_one_user(number: str) -> None:
    assume(number[0] in "23456789")
    old, new = of_wa_id(f"521{number}"), of_wa_id(f"52{number}")

    assert old.key == new.key


@given(area=st.sampled_from(["11", "221", "341", "351", "2902", "3783"]), local=eight_digits)
def test_a_mobile_of_argentina_with_and_without_its_9_is_one_user(area: str, local: str) -> None:
    assume(local[0] not in "04")
    number = (area + local)[:10]
    with_9, without = of_wa_id(f"549{number}"), of_wa_id(f"54{number}")

    assert with_9.key == without.key


@given(
    country=st.sampled_from(["1", "44", "52", "521", "54", "549", "55"]),
    number=ten_digits,
    place=st.integers(min_value=0, max_value=9),
    digit=st.sampled_from("0123456789"),
)
def test_numbers_of_one_length_are_never_one_user(country: str, number: str, place: int, digit: str) -> None:
    assume(number[place] != digit)
    changed = number[:place] + digit + number[place + 1 :]

    assert of_wa_id(country + number).key != of_wa_id(country + changed).key


@given(spellings=spellings_of_a_user())
def test_all_spellings_of_a_user_have_one_key(spellings: list[str]) -> None:
    assert len({one_spelling(digits) for digits in spellings}) == 1


@given(spellings=spellings_of_a_user())
def test_the_key_of_a_key_is_the_key(spellings: list[str]) -> None:
    key = one_spelling(spellings[0])

    assert one_spelling(key) == key


@given(digits=st.from_regex(r"(?:5[245]|225|229|[1-9])[0-9]{6,12}", fullmatch=True))
def test_the_key_of_any_numbers_key_is_the_key(digits: str) -> None:
    key = one_spelling(digits)

    assert one_spelling(key) == key
    assert former_keys(key) == former_keys(digits)


@given(spellings=spellings_of_a_user())
def test_former_keys_are_the_different_keys_of_the_earlier_version(spellings: list[str]) -> None:
    key = one_spelling(spellings[0])
    before = {key_of_the_version_before(digits) for digits in spellings}

    for digits in spellings:
        assert sorted(former_keys(digits)) == sorted(before - {key})


@given(digits=st.from_regex(r"(?:54|225|229|[1-9])[0-9]{6,12}", fullmatch=True))
def test_a_former_key_leads_to_the_current_key(digits: str) -> None:
    for former in former_keys(digits):
        assert one_spelling(former) == one_spelling(digits) != former


@given(start=st.sampled_from("23"), rest=eight_digits, put=st.sampled_from(["01", "05", "07", "21", "25", "27"]))
def test_a_landline_of_ivory_coast_has_its_own_key(start: str, rest: str, put: str) -> None:
    old = f"225{start}{rest[1:]}"
    new = f"225{put}{start}{rest[1:]}"

    assert (one_spelling(old), one_spelling(new)) == (old, new)
    assert former_keys(old) == former_keys(new) == ()


@given(rest=eight_digits)
def test_a_landline_of_benin_has_its_own_key(rest: str) -> None:
    old, new = f"2292{rest[1:]}", f"229012{rest[1:]}"

    assert (one_spelling(old), one_spelling(new)) == (old, new)
    assert former_keys(old) == former_keys(new) == ()


@given(put=st.sampled_from(["01", "05", "07"]), rest=eight_digits)
def test_one_old_number_of_ivory_coast_is_at_most_one_new_one(put: str, rest: str) -> None:
    others = [f"225{other}{rest}" for other in OPERATORS if other != put]

    assert one_spelling(f"225{put}{rest}") not in map(one_spelling, others)


@pytest.mark.parametrize("digits", ["16505551234", "447071838750", "5511987654321", "5215512345678", "2348012345678"])
def test_other_countries_have_no_former_keys(digits: str) -> None:
    assert former_keys(digits) == ()
