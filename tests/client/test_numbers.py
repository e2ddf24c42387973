"""The calls of `/v1/numbers`, in a script and over HTTP."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.script import NUMBER_ID, Script, answer_with, refused
from tests.running_server import PHONE_NUMBER_ID, RunningServer, running_server

from wablock.client import AsyncClient, Client, InvalidParameter, Number, UnknownObject
from wablock.client.exchange import Lost
from wablock.client.numbers import NumberCalls, NumberMethods
from wablock.client.retrying import Retries

_NEW = "106540352242999"


class _Scripted(NumberMethods):
    """The methods, with a script instead of a connection."""

    def __init__(self, script: Script) -> None:
        self._number_calls = NumberCalls(NUMBER_ID, Retries(), lambda: 1.0)
        self._script = script

    def _run(self, exchange: Any) -> Any:
        return self._script.run(exchange)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as running:
        yield running


def test_a_new_number_is_sent_with_the_values_that_are_named() -> None:
    script = Script(answer_with({"phone_number_id": _NEW, "name": "sales", "unknown": 1}, 201))

    number = _Scripted(script).add_number(_NEW, name="sales", waba_id="7")

    assert number == Number(_NEW, name="sales")
    assert [(it.method, it.path) for it in script.requests] == [("POST", "/v1/numbers")]
    assert script.bodies() == [{"phone_number_id": _NEW, "name": "sales", "waba_id": "7"}]


def test_a_change_sends_none_as_null_and_leaves_out_the_rest() -> None:
    script = Script(answer_with({"phone_number_id": NUMBER_ID}))

    _Scripted(script).change_number(name=None, country="US")

    assert [(it.method, it.path) for it in script.requests] == [("PATCH", f"/v1/numbers/{NUMBER_ID}")]
    assert script.bodies() == [{"name": None, "country": "US"}]


def test_a_number_whose_response_was_lost_is_read_when_the_retry_finds_it() -> None:
    listed = answer_with({"data": [{"phone_number_id": "7"}, {"phone_number_id": _NEW, "name": "sales"}]})
    script = Script(Lost("closed"), refused(100, status=400), listed)

    assert _Scripted(script).add_number(_NEW) == Number(_NEW, name="sales")


@pytest.mark.parametrize("answers", [(refused(100, status=400),), (Lost("closed"), refused(100, status=400))])
def test_a_number_of_another_account_is_an_error(answers: tuple[Any, ...]) -> None:
    script = Script(*answers, answer_with({"data": []}))

    with pytest.raises(InvalidParameter):
        _Scripted(script).add_number(_NEW)


def test_a_client_lists_adds_and_changes_numbers(server: RunningServer) -> None:
    with Client(server.token, PHONE_NUMBER_ID, base_url=server.url) as client:
        added = client.add_number(_NEW, name="Support", display_number="+16505550199", rules="meta")
        changed = client.change_number(name="Sales", display_number=None)

        assert (added.name, added.wa_id, added.country, added.rules) == ("Support", "16505550199", "US", "meta")
        assert client.number() == changed
        assert (changed.name, changed.wa_id) == ("Sales", None)
        assert client.numbers() == [changed, added]


def test_an_asynchronous_client_has_the_same_calls(server: RunningServer) -> None:
    async def work() -> None:
        async with AsyncClient(server.token, PHONE_NUMBER_ID, base_url=server.url) as client:
            added = await client.add_number(_NEW, name="Support", display_number="+16505550199", country="CA")
            changed = await client.change_number(name="Sales", country=None, rules="meta", waba_id="7")

            assert (added.name, added.wa_id, added.country) == ("Support", "16505550199", "CA")
            assert await client.number() == changed
            assert (changed.name, changed.country, changed.rules, changed.waba_id) == ("Sales", None, "meta", "7")
            assert await client.numbers() == [changed, added]

    asyncio.run(work())


def test_an_unknown_number_is_an_unknown_object(server: RunningServer) -> None:
    with Client(server.token, _NEW, base_url=server.url) as client, pytest.raises(UnknownObject):
        client.number()
