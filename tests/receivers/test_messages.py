"""Messages and calls through the gate to real libraries: which they accept, and which handlers they call."""

import pytest
from tests.receivers.gated import BLOCKED, BLOCKED_BY_ID, FREE, Gated, User, brought
from tests.receivers.libraries import Library
from tests.server.webhook_samples import ACCOUNT, BUSINESS, CHANGES, ITEMS, Json, change, webhook, written

MESSAGES = [kind for kind in ITEMS if "call" not in kind.split()]
CALLS = ["call", "end of a call"]

each_blocked_user = pytest.mark.parametrize("user", [BLOCKED, BLOCKED_BY_ID], ids=["by number", "by user_id"])


def of_the_blocked_user(kind: str) -> Json:
    """An event about this user from the business or from WhatsApp."""
    status = {"id": "wamid.9", "status": kind, "timestamp": "1749416383"}
    return status | {"recipient_id": BLOCKED.wa_id, "recipient_user_id": BLOCKED.user_id}


def test_a_library_refuses_a_signature_by_another_secret(library: Library) -> None:
    body = written(webhook(brought("messages", (FREE, FREE.item("text")))))

    delivery = library.received(body, "another secret")

    assert not delivery.accepted
    assert delivery.handled == []


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_free_users_message_is_accepted_and_handled(gated: Gated, kind: str) -> None:
    delivery = gated.taken(brought("messages", (FREE, FREE.item(kind))))

    assert delivery.accepted
    assert delivery.sent_by(*FREE.ids) == [FREE.item(kind)["id"]]


@each_blocked_user
@pytest.mark.parametrize("kind", MESSAGES)
def test_a_blocked_users_message_calls_no_handler(gated: Gated, kind: str, user: User) -> None:
    delivery = gated.taken(brought("messages", (user, user.item(kind)), (FREE, FREE.item("text"))))

    assert delivery.accepted
    assert delivery.sent_by(*user.ids) == []
    assert delivery.sent_by(*FREE.ids) == [FREE.item("text")["id"]]


@pytest.mark.parametrize("kind", CALLS)
def test_a_free_users_call_is_accepted_and_handled(gated: Gated, kind: str) -> None:
    delivery = gated.taken(brought("calls", (FREE, FREE.item(kind))))

    assert delivery.accepted
    assert delivery.sent_by(*FREE.ids) == [FREE.item(kind)["id"]]


@each_blocked_user
@pytest.mark.parametrize("kind", CALLS)
def test_a_blocked_users_call_calls_no_handler(gated: Gated, kind: str, user: User) -> None:
    delivery = gated.taken(brought("calls", (user, user.item(kind)), (FREE, FREE.item(kind))))

    assert delivery.accepted
    assert delivery.sent_by(*user.ids) == []
    assert delivery.sent_by(*FREE.ids) == [FREE.item(kind)["id"]]


@pytest.mark.parametrize("from_user", [False, True], ids=["from the business", "from the user"])
@pytest.mark.parametrize("kind", CALLS)
def test_the_businesss_own_call_to_a_blocked_user_is_handled(gated: Gated, kind: str, *, from_user: bool) -> None:
    call = BLOCKED.item(kind) | {"direction": "BUSINESS_INITIATED"}
    if not from_user:
        user, user_id = call.pop("from"), call.pop("from_user_id")
        call |= {"from": BUSINESS, "to": user, "to_user_id": user_id}

    delivery = gated.taken(brought("calls", (BLOCKED, call)))

    assert delivery.accepted
    assert delivery.parts_of(*BLOCKED.ids) == ["own call"]


def test_a_library_reads_the_change_behind_a_blocked_users_first(gated: Gated) -> None:
    first = brought("messages", (BLOCKED, BLOCKED.item("text")))

    delivery = gated.taken(first, brought("messages", (FREE, FREE.item("text"))))

    assert delivery.accepted
    assert [it.of[0] for it in delivery.handled] == [FREE.wa_id]


def test_a_library_reads_the_entry_behind_a_blocked_users_first(gated: Gated) -> None:
    changes = [brought("messages", (user, user.item("text"))) for user in (BLOCKED, FREE)]
    entries = [{"id": ACCOUNT, "changes": [it]} for it in changes]

    delivery = gated.received(written({"object": "whatsapp_business_account", "entry": entries}))

    assert delivery is not None
    assert delivery.accepted
    assert [it.of[0] for it in delivery.handled] == [FREE.wa_id]


def test_a_cut_webhook_with_escaped_names_is_accepted(gated: Gated) -> None:
    more = {"größe/👋": 1}  # Meta writes it in ASCII

    delivery = gated.taken(
        brought("messages", (BLOCKED, BLOCKED.item("text")), (FREE, FREE.item("text")), **more),
    )

    assert delivery.accepted
    assert delivery.sent_by(*FREE.ids) == [FREE.item("text")["id"]]


@pytest.mark.parametrize("kind", ["sent", "delivered", "read", "played", "failed"])
def test_a_blocked_users_status_is_handled(gated: Gated, kind: str) -> None:
    delivery = gated.taken(change(contacts=[BLOCKED.contact], statuses=[of_the_blocked_user(kind)]))

    assert delivery.accepted
    assert delivery.parts_of(*BLOCKED.ids) == ["status"]


def test_the_status_of_a_call_to_a_blocked_user_is_handled(gated: Gated) -> None:
    status = of_the_blocked_user("RINGING") | {"type": "call"}

    delivery = gated.taken(change("calls", contacts=[BLOCKED.contact], statuses=[status]))

    assert delivery.accepted
    assert delivery.parts_of(*BLOCKED.ids) == ["status"]


def test_the_status_that_came_with_a_blocked_users_message_is_handled(gated: Gated) -> None:
    message = brought("messages", (BLOCKED, BLOCKED.item("text")), statuses=[of_the_blocked_user("read")])

    delivery = gated.taken(message)

    assert delivery.accepted
    assert not delivery.crashed
    assert delivery.parts_of(*BLOCKED.ids) == ["status"]


@pytest.mark.parametrize("field", ["smb_message_echoes", "message_echoes"])
def test_an_echo_to_a_blocked_user_arrives(gated: Gated, field: str) -> None:
    echo = {"from": BUSINESS, "to": BLOCKED.wa_id, "id": "wamid.8", "timestamp": "1749416383"} | ITEMS["text"]

    delivery = gated.taken(change(field, contacts=[BLOCKED.contact], message_echoes=[echo]))

    assert delivery.accepted
    assert not delivery.crashed
    if field == "smb_message_echoes" and "echo" in gated.library.hands_out:
        assert delivery.parts_of(*BLOCKED.ids) == ["echo"]


@pytest.mark.parametrize("kind", CHANGES)
def test_a_webhook_that_no_user_sent_is_accepted(gated: Gated, kind: str) -> None:
    assert gated.taken(CHANGES[kind]).accepted
