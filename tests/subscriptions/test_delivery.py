"""The delivery of events: in order per list, again until the subscriber accepts them, from one process at a time."""

import asyncio
import logging

import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block
from tests.storage.people import person
from tests.subscriptions.delivering import SECOND_LIST, SECRET, URL, Delivering
from tests.waiting import tasks_wait

from wablock.block_list.ports import BusinessNumber
from wablock.gate.ports import CannotUnseal, DeliveryRefused
from wablock.gate.webhook.signature import is_signed
from wablock.subscriptions.courier import MOST_BYTES, MOST_EVENTS
from wablock.subscriptions.leases import TAKE_OVER_AFTER
from wablock.subscriptions.ports import SealedSubscription

_REFUSAL = DeliveryRefused("it answered 500", 500)


async def test_a_subscriber_gets_the_events_after_its_subscription_in_order(delivering: Delivering) -> None:
    await delivering.block(0)
    await delivering.subscribe()

    event_ids = await delivering.block(1, 2, 3)
    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids


async def test_a_request_names_the_account_and_shows_events_as_a_page_does(delivering: Delivering) -> None:
    await delivering.subscribe()
    (event_id,) = await delivering.block(1)

    await delivering.look()

    (post,) = delivering.subscriber.posts
    assert post.json["object"] == "wablock_events"
    assert post.json["account_id"] == ACCOUNT
    (event,) = post.json["data"]
    assert (event["event_id"], event["list_id"], event["kind"]) == (event_id, LIST, "block")
    assert event["users"] == [{"wa_id": "16505550001", "effect": "added", "after": {}}]


async def test_a_request_is_signed_with_the_secret(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1)

    await delivering.look()

    (post,) = delivering.subscriber.posts
    assert is_signed(SECRET, post.body, post.headers["x-hub-signature-256"])
    assert (post.receiver.url, post.receiver.may_be_inside) == (URL, False)


async def test_the_first_event_of_a_list_is_delivered(delivering: Delivering) -> None:
    await delivering.subscribe()

    event_ids = await delivering.block(1, list_id=SECOND_LIST)
    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids


async def test_an_event_with_an_old_time_is_delivered(delivering: Delivering) -> None:
    """The clock of the node that wrote it may be slow."""
    await delivering.subscribe()
    delivering.now = NOON - 3_600 * SECOND

    event_ids = await delivering.block(1)
    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids


async def test_a_subscriber_of_some_lists_gets_no_others(delivering: Delivering) -> None:
    await delivering.subscribe(list_ids=[SECOND_LIST])
    await delivering.block(1)
    event_ids = await delivering.block(1, list_id=SECOND_LIST)

    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids


async def test_events_of_a_number_that_another_account_has_meanwhile_are_not_sent(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1)
    delivering.failing.stale = await delivering.store.backlogs(ACCOUNT)
    await delivering.store.remove_number(LIST)
    await delivering.store.add_number(BusinessNumber(LIST, "another account"), NOON)
    await delivering.store.apply(block(person(2), at=NOON + SECOND, account_id="another account"))

    await delivering.look()

    assert delivering.subscriber.posts == []


async def test_accepted_events_are_not_sent_again(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1)
    await delivering.look()

    await delivering.look()

    assert len(delivering.subscriber.posts) == 1
    assert delivering.meter.delivered == [1]
    assert delivering.meter.waiting == 0


async def test_a_look_that_began_before_events_were_accepted_does_not_send_them_again(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1)
    before = await delivering.store.backlogs(ACCOUNT)
    await delivering.look()

    delivering.failing.stale = before
    await delivering.look()

    assert len(before) == len(delivering.subscriber.posts) == 1


async def test_a_request_has_a_limited_number_of_events(delivering: Delivering) -> None:
    await delivering.subscribe()
    event_ids = await delivering.block(*range(MOST_EVENTS + 1))

    await delivering.look()

    assert [len(post.event_ids) for post in delivering.subscriber.posts] == [MOST_EVENTS, 1]
    assert delivering.subscriber.event_ids == event_ids


async def test_a_request_has_a_limited_size(delivering: Delivering) -> None:
    await delivering.subscribe()
    count = 60
    for place in range(count):
        members = [person(place * 10 + each, note="n" * 2_000) for each in range(10)]
        await delivering.store.apply(block(*members, at=NOON + place))

    await delivering.look()

    assert len(delivering.subscriber.event_ids) == len(set(delivering.subscriber.event_ids)) == count
    assert all(len(post.body) < MOST_BYTES + 1_000 for post in delivering.subscriber.posts)
    assert len(delivering.subscriber.posts) > 1


async def test_refused_events_are_sent_again_after_a_growing_wait(delivering: Delivering) -> None:
    await delivering.subscribe()
    event_ids = await delivering.block(1, 2)
    delivering.subscriber.refusals.extend([_REFUSAL] * 3)
    attempts = []

    for _ in range(12):
        await delivering.look()
        attempts.append(len(delivering.subscriber.posts))
        delivering.clock.turn(1)

    assert attempts == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4]
    assert delivering.subscriber.event_ids == event_ids
    assert (delivering.meter.failures, delivering.meter.delivered) == (3, [2])


async def test_a_new_event_does_not_overtake_a_refused_one(delivering: Delivering) -> None:
    await delivering.subscribe()
    delivering.subscriber.refusals.append(_REFUSAL)
    event_ids = await delivering.block(1)
    await delivering.look()
    event_ids += await delivering.block(2)

    await delivering.look()
    delivering.clock.turn(1)
    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids
    assert len(delivering.subscriber.posts) == 2


async def test_a_list_whose_events_are_refused_does_not_delay_another_list(delivering: Delivering) -> None:
    await delivering.subscribe()
    delivering.subscriber.refused_lists.add(LIST)
    await delivering.block(1)
    event_ids = await delivering.block(1, 2, list_id=SECOND_LIST)

    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids
    assert delivering.meter.waiting == 2


async def test_a_request_that_hangs_does_not_delay_another_list(delivering: Delivering) -> None:
    await delivering.subscribe()
    delivering.subscriber.hangs.clear()
    await delivering.block(1)
    await delivering.block(1, list_id=SECOND_LIST)

    await delivering.deliverer.look()
    await tasks_wait()

    assert {post.list_id for post in delivering.subscriber.posts} == {LIST, SECOND_LIST}


async def test_a_list_has_one_request_in_flight(delivering: Delivering) -> None:
    await delivering.subscribe()
    delivering.subscriber.hangs.clear()
    await delivering.block(1)
    await delivering.deliverer.look()
    await delivering.block(2)

    for _ in range(3):
        await delivering.deliverer.look()
        await tasks_wait()

    assert len(delivering.subscriber.posts) == 1


async def test_a_subscription_has_a_limited_number_of_requests_in_flight(delivering: Delivering) -> None:
    numbers = [f"10654035224{number}" for number in range(3_000, 3_010)]
    for number in numbers:
        await delivering.store.add_number(
            msgspec.structs.replace((await delivering.store.numbers())[0], phone_number_id=number), NOON
        )
    await delivering.subscribe()
    for number in numbers:
        await delivering.block(1, list_id=number)
    delivering.subscriber.hangs.clear()

    await delivering.deliverer.look()
    await tasks_wait()
    delivering.subscriber.hangs.set()
    await delivering.deliverer.idle()

    assert delivering.subscriber.most_in_flight == 4
    assert {post.list_id for post in delivering.subscriber.taken} == set(numbers)


async def test_events_that_were_accepted_before_the_place_was_stored_are_sent_again(delivering: Delivering) -> None:
    await delivering.subscribe()
    event_ids = await delivering.block(1)
    delivering.failing.reaches_that_fail = 1

    await delivering.look()
    delivering.clock.turn(1)
    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids * 2


async def test_events_that_were_deleted_because_of_their_age_are_skipped(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1, 2)
    await delivering.store.delete_events(delivering.now + 1, 100)
    event_ids = await delivering.block(3)

    await delivering.look()

    assert delivering.subscriber.event_ids == event_ids
    assert delivering.meter.skips == 1


async def test_a_list_whose_events_were_all_deleted_does_not_wait(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1)
    await delivering.store.delete_events(delivering.now + 1, 100)

    await delivering.look()
    await delivering.look()

    assert delivering.subscriber.posts == []
    assert (delivering.meter.skips, delivering.meter.waiting) == (1, 0)


async def test_a_removed_subscription_gets_nothing_more(delivering: Delivering) -> None:
    sealed = await delivering.subscribe()
    delivering.subscriber.hangs.clear()
    await delivering.block(1)
    await delivering.deliverer.look()
    await tasks_wait()

    await delivering.store.remove_subscription(ACCOUNT, sealed.subscription_id)
    await delivering.look()
    delivering.subscriber.hangs.set()
    await delivering.look()

    assert delivering.subscriber.taken == []


async def test_only_one_process_delivers(delivering: Delivering) -> None:
    second = delivering.another("second")
    await delivering.subscribe()
    await delivering.block(1)

    await asyncio.gather(delivering.look(), delivering.look(second))

    assert len(delivering.subscriber.posts) == 1


async def test_another_process_takes_over_when_the_holder_has_died(delivering: Delivering) -> None:
    second = delivering.another("second")
    await delivering.subscribe()
    delivering.subscriber.refusals.append(_REFUSAL)
    event_ids = await delivering.block(1)
    await delivering.look()

    await delivering.look(second)
    delivering.clock.turn(TAKE_OVER_AFTER - 1)
    await delivering.look(second)
    before = len(delivering.subscriber.posts)
    delivering.clock.turn(1)
    await delivering.look(second)

    assert before == 1
    assert delivering.subscriber.event_ids == event_ids


async def test_a_holder_that_was_replaced_does_not_deliver(delivering: Delivering) -> None:
    second = delivering.another("second")
    await delivering.subscribe()
    await delivering.block(1)
    await delivering.look()
    await delivering.block(2)
    await delivering.look(second)
    delivering.clock.turn(TAKE_OVER_AFTER)
    await delivering.look(second)
    await delivering.block(3)

    await delivering.look()

    assert [len(post.event_ids) for post in delivering.subscriber.posts] == [1, 1]


async def test_a_process_that_stops_lets_another_one_go_on_at_once(delivering: Delivering) -> None:
    second = delivering.another("second")
    await delivering.subscribe()
    delivering.subscriber.refusals.append(_REFUSAL)
    event_ids = await delivering.block(1)
    await delivering.look()

    await delivering.deliverer.close()
    await delivering.look(second)

    assert delivering.subscriber.event_ids == event_ids


async def test_a_holder_keeps_its_lease_while_a_subscriber_fails(delivering: Delivering) -> None:
    second = delivering.another("second")
    await delivering.subscribe()
    delivering.subscriber.refused_lists.add(LIST)
    await delivering.block(1)

    for _ in range(30):
        await delivering.look()
        await delivering.look(second)
        delivering.clock.turn(1)

    (found,) = await delivering.store.subscriptions()
    assert found.holder == "first"


async def test_a_secret_that_cannot_be_opened_is_a_failure_that_is_logged_once(
    delivering: Delivering, caplog: pytest.LogCaptureFixture
) -> None:
    sealed = await delivering.subscribe()
    broken = delivering.another("broken", _cannot_open)
    await delivering.block(1)

    with caplog.at_level(logging.INFO):
        for _ in range(5):
            await delivering.look(broken)
            delivering.clock.turn(2)

    assert [record.getMessage() for record in caplog.records] == ["a subscriber did not accept events: another key"]
    assert caplog.records[0].__dict__["subscription_id"] == sealed.subscription_id
    assert delivering.meter.failures > 1


def _cannot_open(_: SealedSubscription) -> str:
    raise CannotUnseal("another key")


async def test_the_lag_is_the_age_of_the_oldest_event(delivering: Delivering) -> None:
    await delivering.subscribe()
    await delivering.block(1, 2)
    delivering.now += 10 * SECOND

    await delivering.look()

    assert delivering.meter.lags == [11.0]
