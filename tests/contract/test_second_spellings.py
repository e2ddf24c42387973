"""Brazil, Mexico and Argentina write one WhatsApp user in two ways: equal keys, for these and for nobody else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wablock.contract.identity import of_user, of_wa_id

eight_digits = st.text("0123456789", min_size=8, max_size=8)
ten_digits = st.text("0123456789", min_size=10, max_size=10)
area = st.from_regex(r"[1-9][1-9]", fullmatch=True)


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
        ("+54 9 351 412-3456", "+54 351 412-3456"),  # of Córdoba, the same
        ("+54 9 2902 45-6789", "+54 2902 45-6789"),
        ("+52 1 155 123 4567", "+52 155 123 4567"),  # no national number of Mexico begins with 1
        ("+52 1 055 123 4567", "+52 055 123 4567"),
        ("+55 10 98765-4321", "+55 10 8765-4321"),  # no area code of Brazil has a 0
        ("+54 9 011 234 5678", "+54 011 234 5678"),
    ],
)
def test_a_landline_and_a_look_alike_are_two_users(one: str, other: str) -> None:
    identities = of_wa_id(digits(one)), of_wa_id(digits(other))

    assert identities[0].key != identities[1].key


@pytest.mark.parametrize(
    "user",
    [
        "+551187654",  # too short for a number of the country
        "+559118765432100",  # too long for one
        "+52155123456",
        "+521551234567890",
        "+54911234567",
        "+549112345678900",
        "+16505551234",
        "+442071838750",
        "+595987654321",  # the neighbours' numbers
        "+50255123456",
        "+56987654321",
        "+53987654321",
        "+51987654321",
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
def test_a_landline_of_brazil_keeps_its_key_to_itself(area: str, number: str) -> None:
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
