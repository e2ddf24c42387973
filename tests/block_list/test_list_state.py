"""The effect of changes on a list, without a store."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from wablock.block_list.changes import Copy, DropExpired, ListChange, Merge, names_of
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.ports import Block, Effect, Listed, Member, NoteInbound, Outcome, Refusal, Unblock
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
    assert listed.head == Head(ACCOUNT, NOW, 1)


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
    assert (listed.removed, listed.head) == ([ANNA], Head(ACCOUNT, NOW, 0))


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
