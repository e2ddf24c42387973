"""The calls to `/v1/numbers`, the numbers of the token's account, and the methods of both clients. No I/O here."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from wablock.client.answers import Number
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import InvalidParameter
from wablock.client.retrying import Retries, decoded_response

_PATH: Final = "/v1/numbers"

T = TypeVar("T")
Text = str | UnsetType | None
"""A new value; None removes the value, and UNSET keeps it."""


class _Numbers(msgspec.Struct):
    data: list[Number]


class _NumberRequest(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The body of POST and PATCH."""

    phone_number_id: str | UnsetType = UNSET
    name: Text = UNSET
    display_number: Text = UNSET
    country: Text = UNSET
    rules: Text = UNSET
    waba_id: Text = UNSET


class NumberCalls:
    def __init__(self, phone_number_id: str, retries: Retries, chance: Callable[[], float]) -> None:
        self._phone_number_id = phone_number_id
        self._retries = retries
        self._chance = chance

    def numbers(self) -> Exchange[list[Number]]:
        request = HttpRequest("GET", _PATH)
        numbers, _ = yield from decoded_response(request, _Numbers, self._retries, self._chance)
        return numbers.data

    def number(self) -> Exchange[Number]:
        return (yield from self._send("GET", f"{_PATH}/{self._phone_number_id}"))

    def add(self, new: _NumberRequest) -> Exchange[Number]:
        """If a response was lost, the retry finds the number registered. Then it is read, unless it is not ours."""
        try:
            return (yield from self._send("POST", _PATH, new))
        except InvalidParameter as error:
            if not error.may_have_taken_effect:
                raise
            for number in (yield from self.numbers()):
                if number.phone_number_id == new.phone_number_id:
                    return number
            raise

    def change(self, changes: _NumberRequest) -> Exchange[Number]:
        return (yield from self._send("PATCH", f"{_PATH}/{self._phone_number_id}", changes))

    def _send(self, method: str, path: str, body: _NumberRequest | None = None) -> Exchange[Number]:
        request = HttpRequest(method, path, None if body is None else msgspec.json.encode(body))
        number, _ = yield from decoded_response(request, Number, self._retries, self._chance)
        return number


class NumberMethods(ABC):
    """The methods of `Client` for numbers. Only wablock has them."""

    _number_calls: NumberCalls

    def numbers(self) -> list[Number]:
        """The numbers of the token's account that the token covers, by id."""
        return self._run(self._number_calls.numbers())

    def number(self) -> Number:
        """The number of this client."""
        return self._run(self._number_calls.number())

    def add_number(
        self,
        phone_number_id: str,
        *,
        name: str | None = None,
        display_number: str | None = None,
        country: str | None = None,
        rules: str | None = None,
        waba_id: str | None = None,
    ) -> Number:
        """Add a number to the token's account, with an empty block list.

        Raises `InvalidParameter` if the number or the name is taken.
        """
        return self._run(self._number_calls.add(_new(phone_number_id, name, display_number, country, rules, waba_id)))

    def change_number(
        self,
        *,
        name: Text = UNSET,
        display_number: Text = UNSET,
        country: Text = UNSET,
        rules: Text = UNSET,
        waba_id: Text = UNSET,
    ) -> Number:
        """Change this client's number. A value that is not named does not change; None removes it."""
        return self._run(self._number_calls.change(_changes(name, display_number, country, rules, waba_id)))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> T: ...


class AsyncNumberMethods(ABC):
    """The methods of `AsyncClient` for numbers."""

    _number_calls: NumberCalls

    async def numbers(self) -> list[Number]:
        """See `Client.numbers`."""
        return await self._run(self._number_calls.numbers())

    async def number(self) -> Number:
        """See `Client.number`."""
        return await self._run(self._number_calls.number())

    async def add_number(
        self,
        phone_number_id: str,
        *,
        name: str | None = None,
        display_number: str | None = None,
        country: str | None = None,
        rules: str | None = None,
        waba_id: str | None = None,
    ) -> Number:
        """See `Client.add_number`."""
        new = _new(phone_number_id, name, display_number, country, rules, waba_id)
        return await self._run(self._number_calls.add(new))

    async def change_number(
        self,
        *,
        name: Text = UNSET,
        display_number: Text = UNSET,
        country: Text = UNSET,
        rules: Text = UNSET,
        waba_id: Text = UNSET,
    ) -> Number:
        """See `Client.change_number`."""
        return await self._run(self._number_calls.change(_changes(name, display_number, country, rules, waba_id)))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> Awaitable[T]: ...


def _new(phone_number_id: str, *values: str | None) -> _NumberRequest:
    request = _changes(*(UNSET if value is None else value for value in values))
    return msgspec.structs.replace(request, phone_number_id=phone_number_id)


def _changes(name: Text, display_number: Text, country: Text, rules: Text, waba_id: Text) -> _NumberRequest:
    return _NumberRequest(name=name, display_number=display_number, country=country, rules=rules, waba_id=waba_id)
