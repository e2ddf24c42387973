"""`/v1/numbers`: the business numbers of an account."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import Scope, is_number_id
from wablock.account_numbers import AccountNumbers
from wablock.block_list.ports import BusinessNumber, Rules
from wablock.block_list.rules import SECOND
from wablock.business_numbers import NumberChanges
from wablock.contract import identity
from wablock.contract.errors import InvalidParameter, NotAWhatsAppUser, UnknownObject
from wablock.contract.number_plans import COUNTRIES, country_to_read_by
from wablock.names import BadName, checked_name
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/numbers"
_RULES: Final = tuple(Rules)

_Id = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{1,32}$"})]  # see `_checked_id`
_Name = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": 64})]  # see `checked_name`
_Country = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[A-Za-z]{2}$"})]  # see `_checked_country`


class NumberToAdd(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A number to add. `phone_number_id` is Graph's id, and `display_number` the phone number itself."""

    phone_number_id: _Id
    name: _Name | None = None
    display_number: str | None = None
    country: _Country | None = None
    rules: Rules | None = None
    waba_id: _Id | None = None


class NumberToChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The new values. A member that is missing does not change; null removes the value."""

    name: _Name | UnsetType | None = UNSET
    display_number: str | UnsetType | None = UNSET
    country: _Country | UnsetType | None = UNSET
    rules: Rules | UnsetType | None = UNSET
    waba_id: _Id | UnsetType | None = UNSET


class NumberInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A number. `wa_id` is the phone number itself, if it is known; `created_at` is in seconds since 1970."""

    phone_number_id: str
    name: str | UnsetType = UNSET
    wa_id: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    rules: str | UnsetType = UNSET
    waba_id: str | UnsetType = UNSET
    created_at: int | UnsetType = UNSET


class NumberList(msgspec.Struct):
    """Numbers, by id."""

    data: list[NumberInfo]


class NumberEndpoints:
    def __init__(self, numbers: AccountNumbers, callers: Callers) -> None:
        self._numbers = numbers
        self._callers = callers

    def routes(self) -> list[Route]:
        return [
            route("GET", _PATH, self.list_numbers),
            route("POST", _PATH, self.add_number),
            route("GET", _PATH + "/{phone_number_id}", self.get_number),
            route("PATCH", _PATH + "/{phone_number_id}", self.change_number),
        ]

    async def list_numbers(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        return json_answer(request, NumberList([_info(number) for number in await self._numbers.visible(caller)]))

    async def add_number(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        self._numbers.check_may_add(caller)
        new = decoded(await self._callers.body(request), NumberToAdd, _RULES)
        wa_id = None if new.display_number is None else _wa_id(new.display_number)
        number = BusinessNumber(
            _checked_id(new.phone_number_id, "phone_number_id"),
            caller.account_id,
            wa_id,
            _country(new.country, wa_id),
            new.rules,
            None if new.name is None else _checked_name(new.name),
            None if new.waba_id is None else _checked_id(new.waba_id, "waba_id"),
        )
        return json_answer(request, _info(await self._numbers.add(caller, number)), 201)

    async def get_number(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.READ)
        return json_answer(request, _info(number))

    async def change_number(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.MANAGE)
        body = await self._callers.body(request)
        if not body:
            raise InvalidParameter("The request has no body.", 'Send the values to change, such as {"name":"sales"}.')
        new = decoded(body, NumberToChange, _RULES)
        changes = NumberChanges(
            wa_id=_wa_id(new.display_number) if isinstance(new.display_number, str) else new.display_number,
            country=_checked_country(new.country) if isinstance(new.country, str) else new.country,
            rules=new.rules,
            name=_checked_name(new.name) if isinstance(new.name, str) else new.name,
            waba_id=_checked_id(new.waba_id, "waba_id") if isinstance(new.waba_id, str) else new.waba_id,
        )
        changed = await self._numbers.change(number, changes)
        if changed is None:
            raise UnknownObject("PATCH", number.phone_number_id)
        return json_answer(request, _info(changed))


def _info(number: BusinessNumber) -> NumberInfo:
    return NumberInfo(
        phone_number_id=number.phone_number_id,
        name=number.name or UNSET,
        wa_id=number.wa_id or UNSET,
        country=number.country or UNSET,
        rules=number.rules or UNSET,
        waba_id=number.waba_id or UNSET,
        created_at=UNSET if number.created_at is None else number.created_at // SECOND,
    )


def _checked_id(text: str, name: str) -> str:
    if not text or not is_number_id(text):
        raise InvalidParameter(f'Param {name} must be up to 32 digits, as Graph writes ids - got "{_shown(text)}".')
    return text


def _checked_name(text: str) -> str:
    try:
        return checked_name(text)
    except BadName as error:
        raise InvalidParameter(f'Param name {error} - got "{_shown(text)}".') from None


def _wa_id(display_number: str) -> str | None:
    try:
        return identity.of_user(display_number, None).wa_id
    except NotAWhatsAppUser as failure:
        raise InvalidParameter(
            "Param display_number must be the phone number itself, with + and country code, such as +16505550100 - got "
            f'"{_shown(display_number)}".',
            failure.details,
        ) from None


def _checked_country(text: str) -> str:
    if text.upper() not in COUNTRIES:
        raise InvalidParameter(f'Param country must be two letters of a country, such as US - got "{_shown(text)}".')
    return text.upper()


def _country(country: str | None, wa_id: str | None) -> str | None:
    if country is not None:
        return _checked_country(country)
    return None if wa_id is None else country_to_read_by(wa_id)


def _shown(text: str) -> str:
    """The text as an error shows it."""
    return text[:40]
