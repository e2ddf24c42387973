"""The memory of webhooks that only some receivers accepted."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from wablock.gate.retries import MOST_RECEIVERS, MOST_WEBHOOKS, WebhookRetries


def signature(number: int) -> str:
    return f"sha256={number:064x}"


def test_the_webhooks_that_have_waited_longest_are_forgotten_first() -> None:
    retries = WebhookRetries(most_webhooks=3)

    for number in range(5):
        retries.attempt(signature(number)).add("a")

    assert [retries.attempt(signature(number)).has("a") for number in range(5)] == [False, False, True, True, True]


def test_the_memory_of_few_webhooks_with_many_receivers_is_limited() -> None:
    retries = WebhookRetries(most_receivers=100)

    for number in range(5):
        for receiver in range(30):
            retries.attempt(signature(number)).add(str(receiver))

    assert [retries.attempt(signature(number)).has("0") for number in range(5)] == [False, False, True, True, True]


def test_a_full_memory_has_less_than_twelve_megabytes() -> None:
    retries = WebhookRetries()
    each = MOST_RECEIVERS // MOST_WEBHOOKS

    tracemalloc.start()
    for number in range(2 * MOST_WEBHOOKS):
        attempt = retries.attempt(signature(number))
        for receiver in range(each):
            attempt.add(f"{number:04x}{receiver:04x}")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(retries) == MOST_WEBHOOKS
    assert size < 12_000_000


def test_a_failed_attempt_remembers_what_a_later_one_forgot() -> None:
    retries = WebhookRetries()
    retries.attempt(signature(1)).add("a")
    slow, quick = retries.attempt(signature(1)), retries.attempt(signature(1))

    quick.succeeded()
    slow.failed()

    assert retries.attempt(signature(1)).has("a")


def test_a_best_effort_receiver_that_accepts_late_is_forgotten() -> None:
    retries = WebhookRetries()
    attempt = retries.attempt(signature(1))

    attempt.succeeded()
    attempt.add("late")

    assert len(retries) == 0


_ATTEMPTS = st.lists(st.tuples(st.integers(0, 3), st.sets(st.sampled_from("abcd"))), max_size=40)


@given(_ATTEMPTS)
def test_a_receiver_gets_a_webhook_once_each_time_that_all_accept_it(attempts: list[tuple[int, set[str]]]) -> None:
    """`attempts`: the webhook that arrives, and the receivers that are up then."""
    retries, receivers = WebhookRetries(), "abcd"
    got: dict[tuple[int, str], int] = {}
    completed = dict.fromkeys(range(4), 0)

    for number, up in attempts:
        attempt = retries.attempt(signature(number))
        due = [receiver for receiver in receivers if not attempt.has(receiver)]
        for receiver in due:
            if receiver in up:
                attempt.add(receiver)
                got[number, receiver] = got.get((number, receiver), 0) + 1
        if up.issuperset(due):
            attempt.succeeded()
            completed[number] += 1
            assert all(got[number, receiver] == completed[number] for receiver in receivers)
        else:
            attempt.failed()

    assert all(0 <= times - completed[number] <= 1 for (number, _), times in got.items())
