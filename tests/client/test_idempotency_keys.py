"""The keys with which the client sends changes, so that a repeated request changes nothing again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.client.script import KEY, Script, answer_with, calls, obliging
from tests.running_server import RunningServer, running_server

from wablock.client import AsyncClient, Client, InvalidParameter, Retries, User
from wablock.client.calls import Calls
from wablock.client.exchange import Exchange, HttpRequest

ANNA, BEN = "+16505550101", "+16505550102"
MINE: Final = "order 17"
MANY: Final = [f"+1650555{number:04d}" for number in range(2_500)]

_ADDED: Final = answer_with({"members": [{"input": ANNA, "wa_id": ANNA[1:], "effect": "added"}], "failed": []})
_MEMBER: Final = answer_with({"input": ANNA})
_REMOVED: Final = answer_with({"effect": "removed"})
WRITES: Final[dict[str, tuple[Any, Callable[[Calls, str | None], Exchange[Any]]]]] = {
    "block": (obliging, lambda calls, key: calls.block(ANNA, None, None, None, key)),
    "unblock": (obliging, lambda calls, key: calls.unblock(ANNA, None, key)),
    "add": (_ADDED, lambda calls, key: calls.members.add([User(ANNA)], None, None, "keep", key)),
    "edit": (_MEMBER, lambda calls, key: calls.members.edit(ANNA, "spam", None, None, None, key)),
    "remove": (_REMOVED, lambda calls, key: calls.members.remove(ANNA, None, key)),
}


def keys(requests: list[HttpRequest]) -> list[str | None]:
    return [dict(request.headers).get("idempotency-key") for request in requests]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("key, sent", [(MINE, MINE), (None, KEY)], ids=["of the caller", "of the client"])
def test_a_write_has_the_key_of_the_caller_or_one_of_its_own(write: str, key: str | None, sent: str) -> None:
    answer, call = WRITES[write]
    script = Script(answer)

    script.run(call(calls(), key))

    assert keys(script.requests) == [sent]


def test_a_client_that_never_retries_sends_no_key_of_its_own() -> None:
    script = Script(obliging)

    script.run(calls(Retries(most=0)).block(ANNA, None, None, None))

    assert keys(script.requests) == [None]


def test_each_request_of_a_long_call_has_another_key_and_a_repeated_call_has_the_same() -> None:
    first, second = Script(obliging), Script(obliging)

    first.run(calls().block(MANY, None, None, None, MINE))
    second.run(calls().block(MANY, None, None, None, MINE))

    assert keys(first.requests)[0] == MINE
    assert len(set(keys(first.requests))) == 3
    assert keys(second.requests) == keys(first.requests)


@pytest.mark.parametrize("key", ["", " a", "a ", "x" * 256, "schl\u00fcssel", "a\nb"])
def test_a_key_that_cannot_be_sent_is_an_error(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key must be 1 to 255 printable ASCII characters"):
        Script(obliging).run(calls().unblock(ANNA, None, key))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as running:
        yield running


class _LosesFirst(httpx2.BaseTransport):
    """Sends every request, and loses the response to the first. `meanwhile` runs before the next request."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._inner = httpx2.HTTPTransport()
        self._meanwhile: Callable[[], object] | None = meanwhile

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response, meanwhile = self._inner.handle_request(request), self._meanwhile
        if meanwhile is None:
            return response
        response.read()
        response.close()
        self._meanwhile = None
        meanwhile()
        raise httpx2.ReadError("the connection was lost")

    def close(self) -> None:
        self._inner.close()


def test_a_retried_block_has_the_first_effect_and_does_not_block_again(server: RunningServer) -> None:
    with Client(server.token, server.phone_number_id, base_url=server.url) as other:
        http = httpx2.Client(transport=_LosesFirst(lambda: other.unblock(ANNA)))
        with http, Client(server.token, server.phone_number_id, base_url=server.url, http=http) as client:
            (done,) = client.block(ANNA)

        assert done.effect == "added"
        assert not other.is_blocked(ANNA)


def test_a_call_that_is_repeated_with_its_key_changes_nothing(server: RunningServer) -> None:
    with Client(server.token, server.phone_number_id, base_url=server.url) as client:
        client.block(ANNA, idempotency_key=MINE)
        client.unblock(ANNA)

        (done,) = client.block(ANNA, idempotency_key=MINE)

        assert done.effect == "added"
        assert not client.is_blocked(ANNA)
        with pytest.raises(InvalidParameter) as caught:
            client.block(BEN, idempotency_key=MINE)
        assert caught.value.status == 422


async def test_every_write_of_an_async_client_takes_a_key(server: RunningServer) -> None:
    async with AsyncClient(server.token, server.phone_number_id, base_url=server.url) as client:
        for _ in range(2):
            assert [it.effect for it in await client.add_members(ANNA, idempotency_key="1")] == ["added"]
            assert (await client.edit(ANNA, reason="spam", idempotency_key="2")).reason == "spam"
            assert (await client.remove_member(ANNA, idempotency_key="3")).effect == "removed"
            assert [it.effect for it in await client.block(BEN, idempotency_key="4")] == ["added"]
            assert [it.effect for it in await client.unblock(BEN, idempotency_key="5")] == ["removed"]
