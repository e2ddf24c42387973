"""Business-scoped user ids: an item of `block_users` by `user_id`, by `user`, or by both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.identity import Identity, of_item, of_user_id

USER_ID = "US.13491208655302741918"
PARENT_USER_ID = "US.ENT.11815799212886844830"


def test_a_user_id_is_its_own_key_and_has_no_wa_id() -> None:
    assert of_user_id(USER_ID) == Identity(USER_ID, None, USER_ID)


@given(user_id=st.from_regex(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", fullmatch=True))
def test_two_letters_a_dot_and_up_to_128_letters_or_digits_are_a_user_id(user_id: str) -> None:
    identity = of_user_id(user_id)

    assert identity.user_id == user_id


def test_user_ids_that_differ_in_case_only_are_two_users() -> None:
    assert of_user_id("US.abc").key != of_user_id("US.ABC").key


def test_the_error_of_a_parent_user_id_has_advice() -> None:
    with pytest.raises(NotAWhatsAppUser, match="Send the user_id from the webhook"):
        of_user_id(PARENT_USER_ID)


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        "US",
        "US.",
        ".1349",
        "us.1349",
        "USA.1349",
        "U1.1349",
        "US-1349",
        "US.13 49",
        "US.13.49",
        "US.1349\n",
        "US.\u0661",
        "US.1349\x00",
        "\u00dcS.1349",
        "US." + "1" * 129,
        "US." + "1" * 1_000_000,
        "16505551234",
        "US.ENT.",
        "US.ENT.1.2",
        "us.ENT.1",
    ],
)
def test_any_other_text_is_not_a_user_id(user_id: str) -> None:
    with pytest.raises(NotAWhatsAppUser, match="a user_id is two capital letters"):
        of_user_id(user_id)


@given(user_id=st.text())
def test_any_text_is_a_user_id_or_refused_as_one(user_id: str) -> None:
    try:
        identity = of_user_id(user_id)
    except NotAWhatsAppUser:
        return

    assert identity.key == user_id


def test_an_item_with_user_is_the_user_of_the_number() -> None:
    identity = of_item("+16505551234", None, None)

    assert identity == Identity("16505551234", "16505551234", None)


def test_an_item_with_user_id_is_the_user_of_the_id() -> None:
    identity = of_item(None, USER_ID, None)

    assert identity == Identity(USER_ID, None, USER_ID)


def test_an_item_with_both_is_the_user_of_the_number_and_keeps_the_id() -> None:
    identity = of_item("+16505551234", USER_ID, None)

    assert identity == Identity("16505551234", "16505551234", USER_ID)


@pytest.mark.parametrize("user_id", [PARENT_USER_ID, "", "anna"])
def test_an_invalid_user_id_in_an_item_with_user_is_ignored(user_id: str) -> None:
    identity = of_item("+16505551234", user_id, None)

    assert identity == Identity("16505551234", "16505551234", None)


def test_an_item_with_an_invalid_user_is_refused_with_any_user_id() -> None:
    with pytest.raises(NotAWhatsAppUser, match="has no digits"):
        of_item("anna", USER_ID, None)


def test_an_item_with_neither_is_refused() -> None:
    with pytest.raises(NotAWhatsAppUser):
        of_item(None, None, None)
