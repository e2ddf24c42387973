"""Names of numbers, and changes to numbers."""

import asyncio
from collections.abc import Callable

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, stored

from wablock.block_list.ports import BusinessNumber, Rules
from wablock.business_numbers import NumberChanges
from wablock.failures import NumberNameTaken
from wablock.storage import Store

_SECOND = "106540352242923"
_OTHER = "102290129340399"
NUMBER = BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META, "Sales", "102290129340500")

pytestmark = pytest.mark.databases


async def test_a_number_is_found_with_its_name_and_its_business_account(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.find_number(LIST) == stored(NUMBER)
    assert list(await store.numbers()) == [stored(NUMBER)]


async def test_an_accounts_numbers_are_its_own(store: Store) -> None:
    for number in (BusinessNumber(_SECOND, ACCOUNT), BusinessNumber("7", _OTHER), NUMBER):
        await store.add_number(number, NOON)

    assert list(await store.numbers(ACCOUNT)) == [stored(NUMBER), stored(BusinessNumber(_SECOND, ACCOUNT))]
    assert list(await store.numbers("unknown")) == []


@pytest.mark.parametrize("name", ["Sales", "sALES", "\uff33ales"])
async def test_two_numbers_of_an_account_do_not_have_the_same_name(store: Store, name: str) -> None:
    await store.add_number(NUMBER, NOON)

    with pytest.raises(NumberNameTaken, match="Another number of the account has the name"):
        await store.add_number(BusinessNumber(_SECOND, ACCOUNT, name=name), NOON)

    assert list(await store.numbers()) == [stored(NUMBER)]


async def test_a_number_that_was_not_added_leaves_its_list_alone(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    with pytest.raises(NumberNameTaken):
        await store.add_number(BusinessNumber(_SECOND, ACCOUNT, name="sales"), NOON)

    assert await store.add_number(BusinessNumber(_SECOND, _OTHER), NOON)


async def test_numbers_of_two_accounts_may_have_the_same_name(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.add_number(BusinessNumber(_SECOND, _OTHER, name="Sales"), NOON)


async def test_a_change_changes_only_what_it_names(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    changed = await store.change_number(NUMBER, NumberChanges(name="Support"))

    assert changed == stored(
        BusinessNumber(LIST, ACCOUNT, "16505550100", "US", Rules.META, "Support", "102290129340500")
    )
    assert await store.find_number(LIST) == changed


async def test_a_change_without_fields_changes_nothing(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    assert await store.change_number(NUMBER, NumberChanges()) == stored(NUMBER)


async def test_every_field_can_be_changed_and_removed(store: Store) -> None:
    changes = NumberChanges(wa_id="442071838750", country="GB", rules=Rules.OPEN, name="London", waba_id="9")
    removal = NumberChanges(wa_id=None, country=None, rules=None, name=None, waba_id=None)
    await store.add_number(NUMBER, NOON)

    changed = await store.change_number(NUMBER, changes)
    bare = await store.change_number(NUMBER, removal)

    assert changed == stored(BusinessNumber(LIST, ACCOUNT, "442071838750", "GB", Rules.OPEN, "London", "9"))
    assert bare == stored(BusinessNumber(LIST, ACCOUNT))
    assert await store.find_number(LIST) == bare


async def test_a_number_is_not_renamed_to_another_numbers_name(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.add_number(BusinessNumber(_SECOND, ACCOUNT, name="Support"), NOON)

    with pytest.raises(NumberNameTaken, match="'SUPPORT'"):
        await store.change_number(NUMBER, NumberChanges(name="SUPPORT", country="GB"))

    assert await store.find_number(LIST) == stored(NUMBER)


async def test_a_name_can_be_written_in_another_case(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    changed = await store.change_number(NUMBER, NumberChanges(name="SALES"))

    assert changed is not None
    assert changed.name == "SALES"


async def test_a_name_that_was_given_up_is_free(store: Store) -> None:
    await store.add_number(NUMBER, NOON)
    await store.change_number(NUMBER, NumberChanges(name=None))
    await store.add_number(BusinessNumber(_SECOND, ACCOUNT, name="Sales"), NOON)
    await store.remove_number(_SECOND)

    assert await store.add_number(BusinessNumber("7", ACCOUNT, name="sales"), NOON)


async def test_another_accounts_number_and_an_unknown_one_do_not_change(store: Store) -> None:
    await store.add_number(NUMBER, NOON)

    changed = [
        await store.change_number(BusinessNumber(LIST, _OTHER), NumberChanges(name="Theirs")),
        await store.change_number(BusinessNumber(_SECOND, ACCOUNT), NumberChanges(name="Nowhere")),
    ]

    assert changed == [None, None]
    assert list(await store.numbers()) == [stored(NUMBER)]


async def test_of_two_numbers_that_take_a_name_at_once_one_has_it(open_store: Callable[[], Store]) -> None:
    nodes = [open_store(), open_store()]
    ids = [str(number) for number in range(1, 9)]

    results = await asyncio.gather(
        *(nodes[int(it) % 2].add_number(BusinessNumber(it, ACCOUNT, name="Sales"), NOON) for it in ids),
        return_exceptions=True,
    )

    assert results.count(True) == 1
    assert [type(it) for it in results if it is not True] == [NumberNameTaken] * 7
    assert [number.name for number in await nodes[0].numbers()] == ["Sales"]
