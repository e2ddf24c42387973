"""The ids in a webhook -> whom a block list would know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.payloads import ANNA, ANNAS_ID, BEN

from wablock.block_list.ports import Member
from wablock.gate.webhook.senders import member_of, members_of, names_of


def test_digits_are_a_number() -> None:
    assert member_of(ANNA, None) == Member(ANNA, ANNA, None, ANNA)


def test_a_user_id_alone_is_its_own_key() -> None:
    assert member_of(None, ANNAS_ID) == Member(ANNAS_ID, None, ANNAS_ID, ANNAS_ID)


def test_with_both_the_number_is_the_key_and_the_id_is_linked() -> None:
    member = member_of(ANNA, ANNAS_ID)

    assert member == Member(ANNA, ANNA, ANNAS_ID, ANNA)
    assert member.links


def test_both_spellings_of_a_number_have_one_key() -> None:
    longer, shorter = member_of("5511987654321", None), member_of("551187654321", None)

    assert longer is not None and shorter is not None  # noqa: PT018
    assert longer.key == shorter.key


@pytest.mark.parametrize(
    "wa_id", ["", "0", "1", 7, "016505551234", "1 650", "9" * 16, "21012345678", "16505551234@g.us", "16505551234@lid"]
)
def test_what_is_no_number_is_passed_over_for_the_user_id(wa_id: str | int) -> None:
    assert member_of(wa_id, ANNAS_ID) == Member(ANNAS_ID, None, ANNAS_ID, ANNAS_ID)
    assert member_of(wa_id, None) is None


@pytest.mark.parametrize(
    "wa_id",
    [
        "+16505551234",
        "1 650 555 1234",
        " 16505551234 ",
        16505551234,
        "0016505551234",
        "16505551234@s.whatsapp.net",
        "16505551234:7@s.whatsapp.net",
        "16505551234@c.us",
        "whatsapp:+16505551234",
        "tel:+1-650-555-1234",
        "+1 (650) 555-1234",
        "\u202a+16505551234\u202c",
        "١٦٥٠٥٥٥١٢٣٤",
    ],
)
def test_a_sender_in_another_spelling_is_the_user_of_the_digits(wa_id: str | int) -> None:
    assert member_of(wa_id, None) == Member("16505551234", "16505551234", None, "16505551234")


@pytest.mark.parametrize("user_id", ["", "US.ENT.13491208655302741918", "us.1", "16505551234"])
def test_a_parent_id_and_any_other_text_name_nobody(user_id: str) -> None:
    assert member_of(None, user_id) is None
    assert member_of(ANNA, user_id) == Member(ANNA, ANNA, None, ANNA)


@given(st.none() | st.text(), st.none() | st.text())
def test_no_text_is_an_error(wa_id: str | None, user_id: str | None) -> None:
    member = member_of(wa_id, user_id)

    assert member is None or member.key in names_of(wa_id, user_id)


def test_a_notice_is_about_one_user_before_and_after() -> None:
    assert members_of((ANNA, ANNAS_ID), (BEN, None)) == (
        Member(ANNA, ANNA, ANNAS_ID, ANNA),
        Member(BEN, BEN, None, BEN),
    )


@pytest.mark.parametrize("previous, current", [((None, None), (BEN, None)), ((ANNA, None), (None, ""))])
def test_a_notice_that_names_nobody_on_one_side_is_about_nobody(
    previous: tuple[str | None, str | None], current: tuple[str | None, str | None]
) -> None:
    assert members_of(previous, current) is None
