"""`history` and `standby` through the gate to real libraries: copies of what the phone app or Meta's agent receives."""

import pytest
from tests.receivers.gated import BLOCKED, BLOCKED_BY_ID, FREE, Gated, User, brought
from tests.server.webhook_samples import BUSINESS, ITEMS, Json, change

each_blocked_user = pytest.mark.parametrize("user", [BLOCKED, BLOCKED_BY_ID], ids=["by number", "by user_id"])


def thread(user: User, *kinds: str) -> Json:
    """A chat of the phone app, with the user's messages of these kinds and an answer of the business."""
    answer = {"from": BUSINESS, "to": user.wa_id, "id": "wamid.7", "timestamp": "1749416383"} | ITEMS["text"]
    messages = [*(user.item(kind) for kind in kinds), answer]
    context = {"history_context": {"status": "READ"}}
    return {"id": user.wa_id or user.user_id, "messages": [message | context for message in messages]}


def history(*threads: Json) -> Json:
    metadata = {"phase": 0, "chunk_order": 1, "progress": 55}
    return change("history", history=[{"metadata": metadata, "threads": list(threads)}])


def standby(*users: User, kind: str = "text") -> Json:
    """Messages to Meta's Business Agent, as its number's receivers see them."""
    contacts = [user.contact for user in users]
    return change("standby", standby={"contacts": contacts, "messages": [user.item(kind) for user in users]})


def handed_out(gated: Gated, part: str, *ids: str) -> list[str]:
    """These ids, if the library supports such a part."""
    return list(ids) if part in gated.library.hands_out else []


def test_a_free_users_history_reaches_the_bot(gated: Gated) -> None:
    delivery = gated.taken(history(thread(FREE, "text")))

    assert delivery.accepted
    assert delivery.sent_by(*FREE.ids) == handed_out(gated, "history", FREE.item("text")["id"])


@each_blocked_user
def test_a_blocked_users_history_does_not_reach_the_bot(gated: Gated, user: User) -> None:
    delivery = gated.taken(history(thread(user, "text", "image"), thread(FREE, "text")))

    assert delivery.accepted
    assert not delivery.crashed
    assert delivery.sent_by(*user.ids) == []
    assert delivery.sent_by(*FREE.ids) == handed_out(gated, "history", FREE.item("text")["id"])


@each_blocked_user
def test_the_media_of_a_blocked_users_history_do_not_reach_the_bot(gated: Gated, user: User) -> None:
    media = brought("history", (user, user.item("image")), (FREE, FREE.item("image")))

    delivery = gated.taken(media)

    assert delivery.accepted
    assert delivery.sent_by(*user.ids) == []
    assert delivery.sent_by(*FREE.ids) == handed_out(gated, "history", FREE.item("image")["id"])


def test_a_free_users_standby_message_reaches_the_bot(gated: Gated) -> None:
    delivery = gated.taken(standby(FREE))

    assert delivery.accepted
    assert delivery.sent_by(*FREE.ids) == handed_out(gated, "standby", FREE.item("text")["id"])


@each_blocked_user
@pytest.mark.parametrize("kind", ["text", "image", "reaction", "button reply", "order"])
def test_a_blocked_users_standby_message_does_not_reach_the_bot(gated: Gated, user: User, kind: str) -> None:
    delivery = gated.taken(standby(user, FREE, kind=kind))

    assert delivery.accepted
    assert not delivery.crashed
    assert delivery.sent_by(*user.ids) == []
    assert delivery.sent_by(*FREE.ids) == handed_out(gated, "standby", FREE.item(kind)["id"])


def test_an_empty_standby_is_accepted(gated: Gated) -> None:
    delivery = gated.taken(change("standby", standby={}))

    assert delivery.accepted
    assert not delivery.crashed
