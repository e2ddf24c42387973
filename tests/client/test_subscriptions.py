"""The calls of `/v1/subscriptions`, in a script and over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.script import Script, answer_with, refused
from tests.client.shells import methods_of
from tests.running_server import NUMBER, RunningServer, running_server
from tests.server.test_webhooks import KEY

from wablock.client import NoAnswer, Retries, Subscription, UnknownObject
from wablock.client.exchange import Lost
from wablock.client.subscriptions import SubscriptionCalls

URL = "https://8.8.8.8/events"
ID = "sub_5f2c9a10b7e34d86"
UNKNOWN = refused(100, subcode=33, message=f"Object with ID '{ID}' does not exist")


def subscription_calls() -> SubscriptionCalls:
    return SubscriptionCalls(Retries(), lambda: 1.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Any]:
    """Calls a method of a client."""
    with methods_of(request.param, server.token, server.phone_number_id, base_url=server.url) as call:
        yield call


def test_subscriptions_are_added_listed_read_and_removed(call: Any) -> None:
    added = call("add_subscription", URL, list_ids=[NUMBER.phone_number_id])
    listed = call("subscriptions")
    one = call("subscription", added.subscription_id)
    call("remove_subscription", added.subscription_id)

    assert len(added.secret) >= 40
    assert listed == [one]
    assert (one.url, one.list_ids, one.made_by, one.secret) == (URL, [NUMBER.phone_number_id], "test", None)
    assert call("subscriptions") == []
    with pytest.raises(UnknownObject):
        call("remove_subscription", added.subscription_id)


def test_a_secret_of_the_caller_is_returned(call: Any) -> None:
    assert call("add_subscription", URL, secret="a secret of the caller").secret == "a secret of the caller"


def test_a_lost_response_to_an_addition_is_not_retried() -> None:
    """A second request would add a second subscription."""
    script = Script(Lost("connection reset", was_sent=True))

    with pytest.raises(NoAnswer) as error:
        script.run(subscription_calls().add(URL, None, None))

    assert len(script.requests) == 1
    assert error.value.may_have_taken_effect


def test_a_removal_whose_response_was_lost_succeeds() -> None:
    script = Script(Lost("connection reset", was_sent=True), UNKNOWN)

    script.run(subscription_calls().remove(ID))

    assert [request.method for request in script.requests] == ["DELETE", "DELETE"]


def test_fields_of_later_versions_are_ignored() -> None:
    script = Script(answer_with({"subscription_id": ID, "url": URL, "colour": "green"}))

    assert script.run(subscription_calls().one(ID)) == Subscription(ID, URL)


@pytest.mark.parametrize("subscription_id", ["", ".", "..", "a/b"])
def test_an_id_that_would_change_the_path_is_refused(subscription_id: str) -> None:
    with pytest.raises(ValueError, match="subscription_id"):
        Script(UNKNOWN).run(subscription_calls().remove(subscription_id))


def test_a_subscription_does_not_show_its_secret() -> None:
    assert "hush" not in repr(Subscription(ID, URL, secret="hush"))
