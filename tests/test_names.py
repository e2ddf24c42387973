"""Names of numbers and lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.access import is_number_id
from wablock.names import LONGEST, BadName, checked_name, name_key


@pytest.mark.parametrize("name", ["sales", "Sales São Paulo 2", "+16505550100", "営業", "1a", "x" * LONGEST])
def test_a_name_has_printable_characters(name: str) -> None:
    assert checked_name(name) == name


def test_blanks_around_a_name_are_removed() -> None:
    assert checked_name("  sales\n") == "sales"


@pytest.mark.parametrize(
    "name",
    ["", "  ", "x" * (LONGEST + 1), "a\nb", "a\x00b", "a\u202eb", "106540352242922", "\uff11\uff12", "\u0663"],
)
def test_a_text_that_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(BadName, match="must have 1 to 64 printable characters, and not only digits"):
        checked_name(name)


@pytest.mark.parametrize(
    "first, second", [("Sales", "sALES"), ("Straße", "STRASSE"), ("é", "E\u0301"), ("\uff21", "a")]
)
def test_names_that_differ_only_in_case_or_form_have_one_key(first: str, second: str) -> None:
    assert name_key(first) == name_key(second)


@given(st.text())
def test_a_name_is_never_taken_for_an_id_and_stays_as_it_is(text: str) -> None:
    try:
        name = checked_name(text)
    except BadName:
        return
    assert not is_number_id(name)
    assert checked_name(name) == name
    assert name_key(name_key(name)) == name_key(name)
