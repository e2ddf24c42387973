"""Idempotency keys: what makes a request another one, and for how long an outcome is kept."""

import msgspec
import pytest
from msgspec import UNSET
from tests.block_list.stopped_clock import StoppedClock

from wablock.block_list.changes import Block, Cause, Edit
from wablock.block_list.idempotency import key_of
from wablock.block_list.ports import BusinessNumber, Effect, Member
from wablock.block_list.results import ChangeOptions
from wablock.block_list.service import BlockList
from wablock.contract.wire import User
from wablock.failures import IdempotencyKeyReused

ANNA = User("+16505551234")
KEYED = ChangeOptions(key="a key")
DAY = 24 * 3_600


def block(**members: object) -> Block:
    return msgspec.structs.replace(Block("a list", "acme", 1, "desk", [Member("1", "1", None, "+1")]), **members)


@pytest.mark.parametrize(
    "members",
    [
        {"at": 2},
        {"by": "another token"},
        {"max_size": 10, "written_since": 5},
        {"cause": Cause(request_id="another id")},
        {"list_id": "another list"},
    ],
    ids=["time", "token", "limits", "request id", "list"],
)
def test_a_repeat_may_differ_in_what_is_not_its_content(members: dict[str, object]) -> None:
    assert key_of(block(**members), "k", (), ()) == key_of(block(), "k", (), ())


@pytest.mark.parametrize(
    "members",
    [
        {"members": []},
        {"source": "import"},
        {"batch_id": "monday"},
        {"cause": Cause(on_behalf_of="maria")},
        {"cause": Cause(reason="maria")},
    ],
    ids=["users", "source", "batch", "person", "reason"],
)
def test_another_content_is_another_request(members: dict[str, object]) -> None:
    assert key_of(block(**members), "k", (), ()).request_hash != key_of(block(), "k", (), ()).request_hash


_EDIT = Edit("a list", "acme", 1, "desk", Member("1", "1", None, "+1"))


def test_each_detail_that_an_edit_sets_removes_or_keeps_is_content() -> None:
    values = (UNSET, None, "x")
    edits = [msgspec.structs.replace(_EDIT, reason=reason, note=note) for reason in values for note in values]
    edits += [msgspec.structs.replace(_EDIT, expires_at=end) for end in (None, 5)]

    assert len({key_of(edit, "k", (), ()).request_hash for edit in edits}) == len(edits)


def test_the_hash_of_a_request_stays_the_same_in_later_versions() -> None:
    edit = msgspec.structs.replace(_EDIT, reason=None, cause=Cause("an id", "maria"))

    assert key_of(block(), "k", (), ()).request_hash.hex().startswith("0298e51da8c12f24")
    assert key_of(edit, "k", (), ()).request_hash.hex().startswith("e1f1308d47faa0d7")


def test_users_that_cannot_be_read_are_content_too() -> None:
    requests = {key_of(block(), "k", failed, ()).request_hash for failed in ([], [(0, "x")], [(1, "x")], [(1, "y")])}

    assert len(requests) == 4


def test_the_same_key_of_two_accounts_has_two_hashes() -> None:
    assert key_of(block(account_id="another"), "k", (), ()).key_hash != key_of(block(), "k", (), ()).key_hash


async def test_an_outcome_is_kept_for_a_day_and_an_hour(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, [ANNA], "test", KEYED)
    clock.turn(DAY + 3_600)
    await block_list.sweep()

    kept = await block_list.block(number, [ANNA], "test", KEYED)
    clock.turn(1)
    await block_list.sweep()

    assert (kept.is_repeat, kept.effects) == (True, [Effect.ADDED])
    again = await block_list.block(number, [ANNA], "test", KEYED)
    assert (again.is_repeat, again.effects) == (False, [Effect.UNCHANGED])


async def test_a_request_is_another_one_after_the_country_of_its_number_has_changed(
    block_list: BlockList, number: BusinessNumber
) -> None:
    """Its text means another user, so the first outcome is no answer to it."""
    await block_list.block(number, [User("650 555 1234")], "test", KEYED)

    with pytest.raises(IdempotencyKeyReused):
        await block_list.block(msgspec.structs.replace(number, country="BR"), [User("650 555 1234")], "test", KEYED)
