"""The recipients of a request: every reading of each, groups, and unreadable ones."""

import json

import pytest
from tests.gate.send_request.pieces import TO, json_request

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.recipients import Recipients, recipients_of

USER_ID = "US.13491208655302741918"
PARENT_ID = "US.ENT.506847293015824"
GROUP_ID = "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD"


def read(*texts: object, country: str | None = None) -> Recipients:
    names = ["to", "recipient"]
    body = json.dumps(dict(zip(names, texts, strict=False)))
    return recipients_of(read_parameters(json_request(body)), country)


def wa_ids(*texts: object, country: str | None = None) -> list[str | None]:
    recipients = read(*texts, country=country)
    assert recipients.unreadable is None
    return [member.wa_id for member in recipients.members]


@pytest.mark.parametrize(
    "text", ["16505551234", "+1 (650) 555-1234", "(650) 555-1234", " tel:+16505551234", 16505551234]
)
def test_every_spelling_of_a_number_means_its_user(text: object) -> None:
    assert wa_ids(text, country="US") == [TO]


def test_digits_without_plus_may_mean_a_wa_id_and_a_national_number() -> None:
    assert set(wa_ids("919812345678", country="IN")) == {"919812345678", "91919812345678"}


def test_bare_digits_are_a_wa_id_if_no_country_is_known() -> None:
    assert wa_ids("919812345678") == ["919812345678"]


def test_punctuated_digits_cannot_be_read_if_no_country_is_known() -> None:
    recipients = read("(650) 555-1234")

    assert recipients.members == []
    assert "country" in str(recipients.unreadable and recipients.unreadable.details)


@pytest.mark.parametrize("user_id", [USER_ID, PARENT_ID])
@pytest.mark.parametrize("others", [[], [""], [None]])
def test_a_user_id_means_its_user_in_either_parameter(user_id: str, others: list[object]) -> None:
    (member,) = read(*others, user_id).members

    assert (member.key, member.wa_id, member.user_id, member.input) == (user_id, None, user_id, user_id)


def test_a_user_id_with_the_digits_of_a_number_means_that_number_too() -> None:
    assert wa_ids("US.16505551234") == [None, "16505551234"]


def test_one_unreadable_recipient_hides_no_other() -> None:
    recipients = read("unknown", TO)

    assert [member.wa_id for member in recipients.members] == [TO]
    assert recipients.unreadable is not None


@pytest.mark.parametrize(
    "group_id",
    [
        GROUP_ID,
        "Y2FwaV9ncm91cDoxOTUwNTU1MDA3OToxMjAzNjMyNDQwODgyNzY1NDYZD",
        "120363404694233820",
        "120363404694233820@g.us",
        "16505551234-1400000000",
        "16505551234-1400000000@g.us",
    ],
)
def test_a_group_is_no_user(group_id: str) -> None:
    assert wa_ids(group_id, country="US") == []


@pytest.mark.parametrize(
    "text",
    ["16505551234@g.us", "Y2FwaV91c2VyOjE2NTA1NTUxMjM0", "group", "120363404694", "capi_group:1:2", "1-1400000000"],
)
def test_a_recipient_that_only_looks_like_a_group_is_no_group(text: str) -> None:
    recipients = read(text)

    assert recipients.members or recipients.unreadable


@pytest.mark.parametrize("value", [["1"], {"a": 1}, True, False, 1.5, 16505551234.0, "[1]", ' {"a":1}'])
def test_a_recipient_that_is_no_text_is_refused_with_what_to_write(value: object) -> None:
    with pytest.raises(InvalidParameter, match="must be a string") as refusal:
        read(value)

    assert "+16505551234" in str(refusal.value.details)


@pytest.mark.parametrize("value", ["", " ", '""', None])
def test_an_empty_recipient_is_none(value: object) -> None:
    assert wa_ids(value) == []


def test_a_long_text_is_shown_short() -> None:
    unreadable = read("x" * 100_000).unreadable

    assert unreadable is not None
    assert unreadable.message == f'(#100) Param to cannot be read as a recipient: "{"x" * 40}...".'
