"""The effect of changes on a list, without a store."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from wablock.block_list.changes import Block, Edit, NoteInbound, Unblock
from wablock.block_list.list_changes import Copy, DropExpired, ListChange, Merge, names_of
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.ports import Effect, IfListed, Listed, Member, Outcome, Refusal
from wablock.block_list.row_tags import tag_of
from wablock.contract.errors import UnknownObject

LIST, ACCOUNT = "106540352242922", "acme"
NOW = 1_737_679_688_383_584
HOUR = 3_600 * 1_000_000
USER_ID = "US.13491208655302741918"
ANNA, BERT, CARA = "16505550101", "16505550102", "16505550103"

keys = st.sampled_from([ANNA, BERT, CARA, "16505550104", "16505550105"])


def member(key: str, *, reason: str | None = None, expires_at: int | None = None) -> Member:
    return Member(key, key, None, f"+{key}", reason, None, expires_at)


def block(*users: str | Member, at: int = NOW, max_size: int | None = None, written_since: int | None = None) -> Block:
    members = [member(user) if isinstance(user, str) else user for user in users]
    return Block(LIST, ACCOUNT, at, "test", members, max_size, written_since)


def keep(*users: str | Member, at: int = NOW) -> Block:
    return msgspec.structs.replace(block(*users, at=at), if_listed=IfListed.KEEP)


def replace(*users: str | Member, at: int = NOW) -> Block:
    return msgspec.structs.replace(block(*users, at=at), if_listed=IfListed.REPLACE)


def edit(
    user: str,
    *,
    reason: str | UnsetType | None = UNSET,
    expires_at: int | UnsetType | None = UNSET,
    expected: set[str] | None = None,
) -> Edit:
    return Edit(LIST, ACCOUNT, NOW, "editor", member(user), reason, UNSET, expires_at, expected)


def unblock(*users: str, at: int = NOW) -> Unblock:
    return Unblock(LIST, ACCOUNT, at, [member(user) for user in users])


def row(key: str, seq: int, expires_at: int | None = None) -> Listed:
    return Listed(key, seq, key, None, f"+{key}", seq, "test", None, None, expires_at)


def state(*rows: Listed, names: set[str] | None = None) -> ListState:
    """A list of `rows`. Only those under `names` are loaded; None: all are."""
    expiries = [it.expires_at for it in rows if it.expires_at is not None]
    version = max((it.seq for it in rows), default=0)
    listed = ListState(LIST, Head(ACCOUNT, version, len(rows), min(expiries, default=None)))
    loaded = [it for it in rows if names is None or it.identity in names]
    listed.load([it.identity for it in loaded], loaded)
    return listed


def on_list(*users: str) -> ListState:
    return state(*(row(key, NOW - place) for place, key in enumerate(sorted(users), 1)))


def applied(listed: ListState, change: ListChange) -> Outcome:
    outcome = listed.apply(change)
    assert isinstance(outcome, Outcome)
    return outcome


def test_a_new_user_is_added_at_the_time_of_the_change() -> None:
    listed = state()

    outcome = applied(listed, block(ANNA))

    assert outcome == Outcome({}, [Effect.ADDED], [()])
    assert listed.written == [row(ANNA, NOW)]
    assert (listed.head.version, listed.head.size) == (NOW, 1)


def test_new_users_come_before_older_ones_in_the_order_of_the_request() -> None:
    listed = state(row(CARA, NOW + 5))

    applied(listed, block(ANNA, BERT))

    assert [(it.identity, it.seq) for it in listed.written] == [(ANNA, NOW + 7), (BERT, NOW + 6)]


def test_blocking_a_listed_user_again_writes_nothing() -> None:
    listed = state(row(ANNA, NOW - 1))

    outcome = applied(listed, block(ANNA))

    assert outcome == Outcome({}, [Effect.UNCHANGED], [(row(ANNA, NOW - 1),)])
    assert (listed.written, listed.removed, listed.has_changed) == ([], [], False)


def test_a_new_reason_updates_the_row_in_its_place_and_the_outcome_has_the_row_before() -> None:
    listed = state(row(ANNA, NOW - 1))

    outcome = applied(listed, block(member(ANNA, reason="spam")))

    assert outcome == Outcome({}, [Effect.UPDATED], [(row(ANNA, NOW - 1),)])
    updated = {"reason": "spam", "updated_at": NOW, "updated_by": "test"}
    assert listed.written == [msgspec.structs.replace(row(ANNA, NOW - 1), **updated)]
    assert listed.head.version == NOW - 1


def test_a_user_named_twice_is_added_once() -> None:
    outcome = applied(state(), block(ANNA, ANNA, member(ANNA, reason="spam")))

    assert outcome.effects == [Effect.ADDED, Effect.UNCHANGED, Effect.UPDATED]


def test_an_expired_row_does_not_count_and_its_user_is_added_again() -> None:
    listed = state(row(ANNA, NOW - 5, NOW))

    outcome = applied(listed, block(ANNA, max_size=1))

    assert outcome == Outcome({}, [Effect.ADDED], [()])
    assert listed.head.size == 1


def test_an_unblock_returns_who_was_removed_and_who_was_not_listed() -> None:
    listed = state(row(ANNA, NOW - 1))

    outcome = applied(listed, unblock(ANNA, BERT, ANNA))

    assert outcome.effects == [Effect.REMOVED, Effect.NOT_THERE, Effect.NOT_THERE]
    assert list(map(list, outcome.before)) == [[row(ANNA, NOW - 1)], [], []]
    assert (listed.removed, listed.head.version, listed.head.size) == ([ANNA], NOW, 0)


def test_an_unblock_by_two_ids_removes_both_rows() -> None:
    by_id = Listed(USER_ID, NOW - 2, None, USER_ID, USER_ID, NOW - 2, "test", None, None, None)
    listed = state(row(ANNA, NOW - 1), by_id)

    outcome = applied(listed, Unblock(LIST, ACCOUNT, NOW, [Member(ANNA, ANNA, USER_ID, f"+{ANNA}")]))

    assert outcome == Outcome({}, [Effect.REMOVED], [[by_id, row(ANNA, NOW - 1)]])


def test_another_accounts_change_does_nothing() -> None:
    listed = state(row(ANNA, NOW - 1))

    outcome = listed.apply(msgspec.structs.replace(unblock(ANNA), account_id="other"))

    assert isinstance(outcome, UnknownObject)
    assert not listed.has_changed


def test_without_preconditions_every_user_may_be_blocked() -> None:
    listed = ListState(LIST, Head(ACCOUNT, NOW, 1_000_000))

    assert applied(listed, block(ANNA, BERT)).refused == {}


def test_a_user_who_has_not_written_since_is_refused() -> None:
    listed = state()
    listed.load_wrote_at({ANNA: NOW - HOUR, BERT: NOW - HOUR - 1})

    outcome = applied(listed, block(ANNA, BERT, CARA, written_since=NOW - HOUR))

    assert outcome.refused == {1: Refusal.NOT_WRITTEN_LATELY, 2: Refusal.NOT_WRITTEN_LATELY}
    assert outcome.effects == [Effect.ADDED, Effect.REFUSED, Effect.REFUSED]


def test_a_message_in_the_same_batch_opens_the_window() -> None:
    listed = state()

    applied(listed, NoteInbound(LIST, ACCOUNT, NOW, [member(ANNA)]))

    assert applied(listed, block(ANNA, written_since=NOW)).refused == {}
    assert listed.wrote == {ANNA: NOW}


def test_the_users_who_fit_are_blocked_and_the_rest_refused() -> None:
    outcome = applied(on_list("16505550109"), block(ANNA, BERT, CARA, max_size=2))

    assert outcome.refused == {1: Refusal.LIST_FULL, 2: Refusal.LIST_FULL}


def test_a_user_on_the_list_already_is_never_refused() -> None:
    assert applied(on_list(ANNA), block(ANNA, max_size=1, written_since=NOW)).refused == {}


def test_a_user_named_twice_takes_one_place() -> None:
    assert applied(state(), block(ANNA, ANNA, BERT, max_size=2)).refused == {}


def test_a_user_named_twice_has_the_last_place_for_both() -> None:
    assert applied(state(), block(ANNA, ANNA, max_size=1)).refused == {}


def test_a_user_refused_for_silence_takes_no_place() -> None:
    listed = state()
    listed.load_wrote_at({BERT: NOW})

    outcome = applied(listed, block(ANNA, BERT, max_size=1, written_since=NOW - HOUR))

    assert outcome.refused == {0: Refusal.NOT_WRITTEN_LATELY}


@given(users=st.lists(keys), listed=st.sets(keys), max_size=st.integers(min_value=0, max_value=6))
def test_no_list_grows_past_its_size(users: list[str], listed: set[str], max_size: int) -> None:
    outcome = applied(on_list(*listed), block(*users, max_size=max_size))

    grown = listed | {key for index, key in enumerate(users) if index not in outcome.refused}
    assert len(grown) <= max(max_size, len(listed))


members = st.builds(
    lambda key, reason, end: member(key, reason=reason, expires_at=end),
    keys,
    st.none() | st.sampled_from(["spam", "abuse"]),
    st.none() | st.integers(NOW + 1, NOW + 3),
)
changes = st.one_of(
    st.builds(
        lambda users, at, size: block(*users, at=at, max_size=size),
        st.lists(members),
        st.integers(NOW, NOW + 4),
        st.none() | st.integers(0, 4),
    ),
    st.builds(lambda users, at: unblock(*users, at=at), st.lists(keys), st.integers(NOW, NOW + 4)),
    st.builds(lambda key: Merge(ACCOUNT, NOW, member(key), USER_ID), keys),
    st.builds(lambda names, key: Copy(ACCOUNT, NOW, frozenset(names - {key}), member(key)), st.sets(keys), keys),
    st.builds(lambda at: DropExpired(ACCOUNT, at, []), st.integers(NOW, NOW + 4)),
)
rows = st.lists(st.tuples(keys, st.none() | st.integers(NOW + 1, NOW + 3)), unique_by=lambda it: it[0]).map(
    lambda pairs: [row(key, NOW - 10 + place, end) for place, (key, end) in enumerate(pairs)]
)


@given(rows=rows, changes=st.lists(changes, max_size=6))
def test_size_version_and_rows_agree_after_any_changes(rows: list[Listed], changes: list[ListChange]) -> None:
    listed, stored = state(*rows), {it.identity: it for it in rows}

    for change in changes:
        before, version = set(stored), listed.head.version
        applied(listed, change)
        for identity in listed.removed:
            del stored[identity]
        stored |= {it.identity: it for it in listed.written}
        listed.mark_written()

        assert listed.head.size == len(stored)
        assert len({it.seq for it in stored.values()}) == len(stored)
        assert max((it.seq for it in stored.values()), default=0) <= listed.head.version
        if set(stored) - before:
            assert listed.head.version > version


@given(rows=rows, change=changes)
def test_the_rows_that_a_change_names_are_all_that_it_needs(rows: list[Listed], change: ListChange) -> None:
    # A store deletes expired rows first.
    in_force = [it for it in rows if it.expires_at is None or it.expires_at > change.at]
    whole, part = state(*in_force), state(*in_force, names=set(names_of(change, {})))

    outcomes = applied(whole, change), applied(part, change)

    assert outcomes[0] == outcomes[1]
    assert whole.written == part.written


@given(rows=rows, users=st.lists(members), unblocked=st.lists(keys))
def test_the_rows_before_restore_a_list(rows: list[Listed], users: list[Member], unblocked: list[str]) -> None:
    """Undo: delete added users, and restore every user's first rows."""
    listed = state(*rows)
    changes: list[Block | Unblock] = [block(*users), unblock(*unblocked)]
    outcomes = [(change, applied(listed, change)) for change in changes]
    stored = {it.identity: it for it in rows if it.identity not in listed.removed}
    stored |= {it.identity: it for it in listed.written}

    for change, outcome in reversed(outcomes):
        for user, effect, before in reversed(list(zip(change.members, outcome.effects, outcome.before, strict=True))):
            if effect is Effect.ADDED:
                del stored[user.key]
            stored |= {it.identity: it for it in before}

    assert stored == {it.identity: it for it in rows}


def test_rows_that_the_store_deleted_count_once() -> None:
    listed = state()
    applied(listed, block(member(ANNA, expires_at=NOW + 5), member(BERT, expires_at=NOW + 9)))
    listed.mark_written()

    listed.mark_expired(NOW + 5, 1, NOW + 9)

    assert (listed.head.size, listed.head.next_expiry) == (1, NOW + 9)
    assert listed.written == []


DETAILED = msgspec.structs.replace(row(ANNA, NOW - 1, NOW + HOUR), reason="spam", note="third time")


def test_a_block_that_keeps_changes_nothing_of_a_listed_user() -> None:
    listed = state(DETAILED)

    outcome = applied(listed, keep(member(ANNA, reason="abuse"), BERT))

    assert outcome == Outcome({}, [Effect.UNCHANGED, Effect.ADDED], [(DETAILED,), ()])
    assert [it.identity for it in listed.written] == [BERT]


def test_a_block_that_keeps_adds_a_user_whose_block_has_expired() -> None:
    listed = state(row(ANNA, NOW - 5, NOW))

    outcome = applied(listed, keep(member(ANNA, reason="abuse")))

    assert outcome.effects == [Effect.ADDED]
    assert [it.reason for it in listed.written] == ["abuse"]


def test_a_block_that_replaces_removes_the_details_that_it_does_not_have() -> None:
    listed = state(DETAILED)

    outcome = applied(listed, replace(member(ANNA, reason="abuse")))

    assert outcome == Outcome({}, [Effect.UPDATED], [(DETAILED,)])
    changed = {"reason": "abuse", "note": None, "expires_at": None, "updated_at": NOW, "updated_by": "test"}
    assert listed.written == [msgspec.structs.replace(DETAILED, **changed)]
    assert listed.head.version > NOW - 1


def test_a_block_that_replaces_the_same_with_the_same_writes_nothing() -> None:
    listed = state(row(ANNA, NOW - 1))

    outcome = applied(listed, replace(ANNA))

    assert (outcome.effects, listed.has_changed) == ([Effect.UNCHANGED], False)


def test_an_edit_makes_the_version_grow_and_leaves_the_row_in_its_place() -> None:
    listed = state(DETAILED, row(BERT, NOW + 5))

    outcome = applied(listed, edit(ANNA, expires_at=None))

    changed = {"expires_at": None, "updated_at": NOW, "updated_by": "editor"}
    after = msgspec.structs.replace(DETAILED, **changed)
    assert outcome == Outcome({}, [Effect.UPDATED], [[DETAILED]], after)
    assert listed.written == [after]
    assert (listed.head.version, listed.head.size) == (NOW + 6, 2)


def test_an_edit_that_changes_nothing_writes_nothing_whatever_tag_it_expects() -> None:
    listed = state(DETAILED)

    outcome = applied(listed, edit(ANNA, reason="spam", expected={"another"}))

    assert outcome == Outcome({}, [Effect.UNCHANGED], [[DETAILED]], DETAILED)
    assert not listed.has_changed


def test_an_edit_with_the_rows_tag_is_made() -> None:
    outcome = applied(state(DETAILED), edit(ANNA, reason="abuse", expected={"another", tag_of(DETAILED)}))

    assert outcome.effects == [Effect.UPDATED]
    assert outcome.row is not None
    assert tag_of(outcome.row) != tag_of(DETAILED)


def test_an_edit_with_another_tag_is_refused() -> None:
    listed = state(DETAILED)

    outcome = applied(listed, edit(ANNA, reason="abuse", expected={tag_of(row(ANNA, NOW - 1))}))

    assert outcome == Outcome({0: Refusal.CHANGED}, [Effect.REFUSED], [[DETAILED]], DETAILED)
    assert not listed.has_changed


@pytest.mark.parametrize("listed", [state(), state(row(ANNA, NOW - 5, NOW))], ids=["never-there", "expired"])
def test_an_edit_of_a_user_who_is_not_listed_does_nothing(listed: ListState) -> None:
    outcome = applied(listed, edit(ANNA, reason="abuse"))

    assert outcome == Outcome({}, [Effect.NOT_THERE], [()])


def test_an_edit_reaches_every_row_of_the_user() -> None:
    by_id = Listed(USER_ID, NOW - 2, None, USER_ID, USER_ID, NOW - 2, "test", "spam", None, None)
    listed = state(row(ANNA, NOW - 1), by_id)
    both = msgspec.structs.replace(edit(ANNA, reason="spam"), member=Member(ANNA, ANNA, USER_ID, f"+{ANNA}"))

    outcome = applied(listed, both)

    assert outcome.before == [[by_id, row(ANNA, NOW - 1)]]
    assert [(it.identity, it.reason) for it in listed.written] == [(ANNA, "spam")]


_reasons = st.none() | st.sampled_from(["spam", "abuse"])
_expiries = st.none() | st.integers(1, 3).map(lambda hours: NOW + hours * HOUR)
_rows = st.lists(st.builds(row, keys, st.integers(1, 50), _expiries), unique_by=lambda it: (it.identity,))


@given(_rows, st.lists(st.builds(member, keys, reason=_reasons, expires_at=_expiries), max_size=8))
def test_a_block_that_keeps_never_changes_an_existing_row(rows: list[Listed], users: list[Member]) -> None:
    listed = state(*rows)

    outcome = applied(listed, keep(*users))

    existing = {it.identity for it in rows}
    assert listed.removed == []
    assert existing.isdisjoint(it.identity for it in listed.written)
    assert Effect.UPDATED not in outcome.effects


@given(_rows, keys, st.just(UNSET) | _reasons, st.just(UNSET) | _expiries)
def test_an_edit_changes_only_what_it_names(
    rows: list[Listed], user: str, reason: str | UnsetType | None, expires_at: int | UnsetType | None
) -> None:
    listed = state(*rows)
    change = edit(user, reason=reason, expires_at=expires_at)

    outcome = applied(listed, change)

    before = {it.identity: it for it in rows}
    named = {name for name in ("reason", "expires_at") if getattr(change, name) is not UNSET}
    assert [it.identity for it in listed.written] in ([], [user])
    for after in listed.written:
        was, now = msgspec.structs.asdict(before[after.identity]), msgspec.structs.asdict(after)
        assert {name for name in was if was[name] != now[name]} <= named | {"updated_at", "updated_by"}
    if user in before:
        assert outcome.row is not None
        assert all(getattr(outcome.row, name) == getattr(change, name) for name in named)
