"""Undoing an event: the decision alone, with the rows of a list in memory."""

from collections.abc import Sequence

import msgspec

from wablock.block_list.changes import Block, Cause, Edit, Unblock, Undo
from wablock.block_list.events import Event, StoredEvent, event_of
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.ports import Effect, IfListed, Member, Outcome, Refusal
from wablock.block_list.undoing import users_of

LIST = "106540352242922"
ACCOUNT = "102290129340398"
NOW = 1_737_679_688_383_584
SECOND = 1_000_000
ANNA, BERT, CARA = "16505550101", "16505550102", "16505550103"


def state() -> ListState:
    listed = ListState(LIST, Head(ACCOUNT))
    listed.load([ANNA, BERT, CARA], [])
    return listed


def member(user: str, reason: str | None = None, expires_at: int | None = None) -> Member:
    return Member(user, user, None, f"+{user}", reason, None, expires_at)


def block(*users: Member, at: int = NOW, if_listed: IfListed = IfListed.RENEW) -> Block:
    return Block(LIST, ACCOUNT, at, "support", users, if_listed=if_listed, cause=Cause("A1", "maria"))


def unblock(*users: str, at: int = NOW) -> Unblock:
    return Unblock(LIST, ACCOUNT, at, [member(user) for user in users], "support")


def done(listed: ListState, change: Block | Unblock | Edit) -> StoredEvent:
    """The event of the change."""
    assert isinstance(listed.apply(change), Outcome)
    return listed.events.written[-1]


def undone(listed: ListState, stored: StoredEvent, at: int = NOW + SECOND, *, is_preview: bool = False) -> Outcome:
    users = users_of(event_of(stored.text or ""), stored.at)
    outcome = listed.apply(Undo(LIST, ACCOUNT, at, "support", stored.at, *users, is_preview))
    assert isinstance(outcome, Outcome)
    return outcome


def events(listed: ListState) -> Sequence[Event]:
    return [event_of(it.text or "") for it in listed.events.written]


def test_undoing_a_block_removes_its_users() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA), member(BERT)))

    outcome = undone(listed, blocked)

    assert (outcome.effects, listed.written, listed.head.size) == ([Effect.REMOVED, Effect.REMOVED], [], 0)


def test_undoing_an_unblock_restores_the_rows_with_their_places() -> None:
    listed = state()
    done(listed, block(member(ANNA, "spam"), member(BERT)))
    before = listed.written
    unblocked = done(listed, unblock(ANNA, BERT))

    outcome = undone(listed, unblocked)

    assert outcome.effects == [Effect.RESTORED, Effect.RESTORED]
    assert listed.written == before


def test_undoing_an_edit_restores_who_had_changed_the_row_before() -> None:
    listed = state()
    done(listed, block(member(ANNA, "spam")))
    before = listed.written
    edited = done(listed, Edit(LIST, ACCOUNT, NOW + 1, "ben", member(ANNA), reason="court order"))

    outcome = undone(listed, edited)

    assert (outcome.effects, listed.written) == ([Effect.UPDATED], before)


def test_undoing_a_bulk_block_keeps_the_reasons_of_users_who_were_blocked_before() -> None:
    listed = state()
    done(listed, block(member(ANNA, "court order")))
    before = listed.written
    bulk = done(listed, block(member(ANNA, "campaign"), member(BERT, "campaign"), if_listed=IfListed.REPLACE))

    outcome = undone(listed, bulk)

    assert (outcome.effects, listed.written) == ([Effect.UPDATED, Effect.REMOVED], before)


def test_a_user_who_was_edited_since_is_left_alone() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA, "spam"), member(BERT, "spam")))
    done(listed, Edit(LIST, ACCOUNT, NOW + 1, "ben", member(BERT), reason="court order"))

    outcome = undone(listed, blocked)

    assert outcome.effects == [Effect.REMOVED, Effect.CHANGED_SINCE]
    assert [row.identity for row in listed.written] == [BERT]


def test_a_user_who_was_unblocked_and_blocked_again_since_is_left_alone() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA)))
    done(listed, unblock(ANNA, at=NOW + 1))
    done(listed, block(member(ANNA), at=NOW + 2))

    assert undone(listed, blocked).effects == [Effect.CHANGED_SINCE]


def test_undoing_twice_changes_nothing_more() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA)))
    undone(listed, blocked)
    count = len(listed.events.written)

    outcome = undone(listed, blocked)

    assert (outcome.effects, outcome.event_at, len(listed.events.written)) == ([Effect.UNCHANGED], None, count)


def test_undoing_an_undo_brings_the_change_back() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA, "spam")))
    before = listed.written
    undone(listed, blocked)

    outcome = undone(listed, listed.events.written[-1])

    assert (outcome.effects, listed.written) == ([Effect.RESTORED], before)


def test_a_block_that_would_have_ended_since_does_not_come_back() -> None:
    listed = state()
    done(listed, block(member(ANNA, expires_at=NOW + SECOND)))
    unblocked = done(listed, unblock(ANNA))

    outcome = undone(listed, unblocked, NOW + SECOND)

    assert (outcome.effects, outcome.event_at) == ([Effect.EXPIRED], None)


def test_undoing_an_end_that_has_passed_restores_the_block() -> None:
    listed = state()
    done(listed, block(member(ANNA)))
    before = listed.written
    edited = done(listed, Edit(LIST, ACCOUNT, NOW, "ben", member(ANNA), expires_at=NOW + SECOND))

    outcome = undone(listed, edited, NOW + SECOND)

    assert (outcome.effects, listed.written) == ([Effect.RESTORED], before)


def test_a_user_on_an_allow_list_is_not_blocked_by_an_undo() -> None:
    listed = state()
    done(listed, block(member(ANNA)))
    unblocked = done(listed, unblock(ANNA))
    listed.allowed = {ANNA: "vip"}

    outcome = undone(listed, unblocked)

    assert outcome.refused == {0: Refusal.ALLOWED}
    assert (outcome.effects, outcome.allowed_by, listed.written) == ([Effect.REFUSED], {0: "vip"}, [])


def test_a_preview_changes_nothing() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA)))
    rows, head = listed.written, msgspec.structs.replace(listed.head)

    outcome = undone(listed, blocked, is_preview=True)

    assert (outcome.effects, outcome.event_at) == ([Effect.REMOVED], None)
    assert (listed.written, listed.head, len(listed.events.written)) == (rows, head, 1)


def test_an_undo_is_an_event_that_names_the_one_it_undid() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA)))

    outcome = undone(listed, blocked)

    assert outcome.event_at == listed.events.written[-1].at
    assert (events(listed)[-1].kind, events(listed)[-1].undoes) == ("undo", blocked.at)


def test_a_user_id_that_was_linked_since_is_found_under_its_number() -> None:
    listed = ListState(LIST, Head(ACCOUNT))
    blocked = done(listed, block(Member("US.1", None, "US.1", "US.1")))
    done(listed, Unblock(LIST, ACCOUNT, NOW, [Member("US.1", None, "US.1", "US.1")], "support"))
    unblocked = listed.events.written[-1]
    listed.meanings = {"US.1": (ANNA, ANNA)}

    outcome = undone(listed, unblocked)

    assert (blocked.at, outcome.effects) == (NOW, [Effect.RESTORED])
    assert [(row.identity, row.wa_id, row.user_id) for row in listed.written] == [(ANNA, ANNA, "US.1")]


def test_the_event_of_a_block_has_the_reason_once() -> None:
    listed = state()

    stored = done(listed, block(member(ANNA, "spam"), member(BERT, "spam"), member(CARA, "scam")))

    assert (stored.text or "").count('"spam"') == 1
    event = event_of(stored.text or "")
    assert (event.details.reason, [it.details and it.details.reason for it in event.users]) == (
        "spam",
        [None, None, "scam"],
    )


def test_an_event_has_the_token_the_person_and_the_request() -> None:
    listed = state()

    event = event_of(done(listed, block(member(ANNA))).text or "")

    assert (event.by, event.on_behalf_of, event.request_id) == ("support", "maria", "A1")
    assert listed.written[0].blocked_by == "maria via support"


def test_a_user_who_is_named_twice_in_a_request_is_in_its_event_once() -> None:
    listed = state()
    blocked = done(listed, block(member(ANNA), member(ANNA, "spam")))

    (user,) = event_of(blocked.text or "").users

    assert (user.before, user.was_updated) == ((), True)
    assert undone(listed, blocked).effects == [Effect.REMOVED]
    assert undone(listed, blocked).effects == [Effect.UNCHANGED]


def test_undoing_a_request_that_changed_a_reason_there_and_back_restores_who_had_updated_it() -> None:
    listed = state()
    done(listed, block(member(ANNA, "spam")))
    before = listed.written
    bulk = done(listed, block(member(ANNA, "scam"), member(ANNA, "spam"), if_listed=IfListed.REPLACE, at=NOW + 1))

    outcome = undone(listed, bulk)

    assert (outcome.effects, listed.written) == ([Effect.UPDATED], before)


def test_a_change_without_effect_has_no_event() -> None:
    listed = state()
    done(listed, block(member(ANNA)))

    listed.apply(block(member(ANNA), at=NOW + 1))
    listed.apply(unblock(BERT, at=NOW + 2))

    assert len(listed.events.written) == 1
