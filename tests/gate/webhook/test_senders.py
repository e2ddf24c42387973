"""From the ids in a webhook to the user on a block list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.webhook.payloads import ANNA, ANNAS_ID

from wablock.block_list.ports import Member
from wablock.contract.number_plans import is_number
from wablock.gate.webhook.senders import Ids, ShownNumber, are_several, digits_of, member_of, names_of

PARENT = "US.ENT.11815799212886844830"


def test_digits_are_a_number() -> None:
    assert member_of(Ids(ANNA)) == Member(ANNA, ANNA, None, ANNA)


@given(st.text("0123456789", min_size=1, max_size=17))
def test_a_number_of_a_plan_is_its_own_wa_id(digits: str) -> None:
    assert digits_of(digits) == digits or not is_number(digits)


def test_a_user_id_alone_is_its_own_key() -> None:
    assert member_of(Ids(None, ANNAS_ID)) == Member(ANNAS_ID, None, ANNAS_ID, ANNAS_ID)


def test_with_number_and_user_id_the_number_is_the_key_and_the_id_is_linked() -> None:
    member = member_of(Ids(ANNA, ANNAS_ID))

    assert member == Member(ANNA, ANNA, ANNAS_ID, ANNA)
    assert member.links


@pytest.mark.parametrize(
    "ids, member",
    [
        (Ids(ANNA, ANNAS_ID, PARENT), Member(ANNA, ANNA, ANNAS_ID, ANNA, parent_user_id=PARENT)),
        (Ids(ANNA, None, PARENT), Member(ANNA, ANNA, None, ANNA, parent_user_id=PARENT)),
        (Ids(None, ANNAS_ID, PARENT), Member(ANNAS_ID, None, ANNAS_ID, ANNAS_ID, parent_user_id=PARENT)),
        (Ids(None, None, PARENT), Member(PARENT, None, None, PARENT, parent_user_id=PARENT)),
    ],
)
def test_a_parent_id_is_one_more_id_of_the_user(ids: Ids, member: Member) -> None:
    assert member_of(ids) == member


def test_a_parent_id_without_ent_is_known_by_its_member() -> None:
    member = member_of(Ids(ANNA, ANNAS_ID, "US.11815799212886844830"))

    assert member == Member(ANNA, ANNA, ANNAS_ID, ANNA, parent_user_id="US.11815799212886844830")


def test_a_parent_id_in_the_place_of_a_user_id_is_a_parent_id() -> None:
    assert member_of(Ids(ANNA, PARENT)) == Member(ANNA, ANNA, None, ANNA, parent_user_id=PARENT)


@pytest.mark.parametrize("parent", [ANNAS_ID, "xxxxxxxxxxxxxxxxxxxxxxxxxxx", ANNA])
def test_an_invalid_parent_id_is_ignored(parent: str) -> None:
    assert member_of(Ids(ANNA, ANNAS_ID, parent)) == Member(ANNA, ANNA, ANNAS_ID, ANNA)


def test_both_spellings_of_a_number_have_one_key() -> None:
    longer, shorter = member_of(Ids("5511987654321")), member_of(Ids("551187654321"))

    assert longer is not None and shorter is not None  # noqa: PT018
    assert longer.key == shorter.key


@pytest.mark.parametrize(
    "wa_id",
    [
        "",
        "0",
        "1",
        7,
        -7,
        "016505551234",
        "1 650",
        "9" * 16,
        10**15,
        "21012345678",
        "16505551234@g.us",
        "16505551234@lid",
    ],
)
def test_an_invalid_number_is_ignored_and_the_user_id_is_used(wa_id: ShownNumber) -> None:
    assert member_of(Ids(wa_id, ANNAS_ID)) == Member(ANNAS_ID, None, ANNAS_ID, ANNAS_ID)
    assert member_of(Ids(wa_id)) is None


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
def test_a_sender_in_another_spelling_is_the_user_of_the_digits(wa_id: ShownNumber) -> None:
    assert member_of(Ids(wa_id)) == Member("16505551234", "16505551234", None, "16505551234")


@pytest.mark.parametrize("user_id", ["", "us.1", "16505551234", "xxxxxxxxxxxxxxxxxxxxxxxxxxx"])
def test_another_text_is_not_a_user(user_id: str) -> None:
    assert member_of(Ids(None, user_id)) is None
    assert member_of(Ids(ANNA, user_id)) == Member(ANNA, ANNA, None, ANNA)


SHOWN = st.none() | st.integers() | st.text()
TEXTS = st.none() | st.text() | st.sampled_from([ANNAS_ID, PARENT])


@given(SHOWN, TEXTS, TEXTS)
def test_no_text_is_an_error(wa_id: ShownNumber, user_id: str | None, parent: str | None) -> None:
    ids = Ids(wa_id, user_id, parent)

    member = member_of(ids)

    assert member is None or member.key in names_of(ids)
    assert member is None or not member.links or are_several(ids)


def test_two_mentions_of_one_user_have_a_name_in_common() -> None:
    mentions = [Ids("5511987654321", ANNAS_ID), Ids("551187654321", None, PARENT)]

    assert names_of(mentions[0]) & names_of(mentions[1])
    assert names_of(Ids(None, ANNAS_ID, PARENT)) == {ANNAS_ID, PARENT}
    assert names_of(Ids()) == set()
