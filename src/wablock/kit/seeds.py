"""Seeds: numbers, their blocked users, and the times when users wrote. A seed is checked whole before it is written."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.block_list.results import ChangeOptions
from wablock.block_list.rules import MOST_USERS_PER_REQUEST, SECOND, Source
from wablock.contract import identity, wire
from wablock.contract.errors import InvalidParameter, NotAWhatsAppUser
from wablock.contract.number_plans import COUNTRIES, country_to_read_by
from wablock.server.decoding import moment
from wablock.wiring import Wired

SeedNumberId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,32}\Z")]
BLOCKED_BY = "seed"


class WroteAt(msgspec.Struct, forbid_unknown_fields=True):
    """A user who wrote; `at` in seconds since 1970 or as ISO 8601, None: now."""

    user: str
    at: int | str | None = None


class SeedNumber(msgspec.Struct, forbid_unknown_fields=True):
    """A business number. If it exists, it stays unchanged, unless the seed has other values for it. Then it is created
    again, with an empty list.
    """

    phone_number_id: SeedNumberId
    display_number: str | None = None
    country: str | None = None
    rules: Rules | None = None
    blocked: list[wire.User | str] = []
    wrote: list[WroteAt | str] = []


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    numbers: list[SeedNumber] = []


class _Planned(msgspec.Struct):
    number: BusinessNumber
    has_settings: bool
    blocked: list[wire.User]
    wrote: list[tuple[Microseconds | None, str]]


def planned(seed: Seed, account_id: str, now: Microseconds) -> list[_Planned]:
    """The seed, checked; raises `InvalidParameter` with the position of the first error."""
    return [_plan(f"numbers[{index}]", number, account_id, now) for index, number in enumerate(seed.numbers)]


async def write(plans: Sequence[_Planned], wired: Wired, now: Microseconds) -> None:
    """Write all numbers of the seed. The 24-hour window does not apply: a seed describes the past."""
    store, block_list = wired.store, wired.block_list
    for plan in plans:
        number = plan.number
        before = await store.find_number(number.phone_number_id)
        if before is not None and not plan.has_settings:
            number = before
        elif before not in (None, number):
            await store.remove_number(number.phone_number_id)
        await store.add_number(number, now)
        for at, user in plan.wrote:
            await block_list.note_inbound(number, [wire.user_of(user)], at)
        open_number = msgspec.structs.replace(number, rules=Rules.OPEN)
        users = plan.blocked[::-1]  # a list shows the newest block first, so this gives the file's order
        for start in range(0, len(users), MOST_USERS_PER_REQUEST):
            some = users[start : start + MOST_USERS_PER_REQUEST][::-1]
            await block_list.block(open_number, some, BLOCKED_BY, ChangeOptions(source=Source.IMPORT))


def _plan(place: str, seed: SeedNumber, account_id: str, now: Microseconds) -> _Planned:
    own = None
    if seed.display_number is not None:
        own = _identity_of(f"{place}[display_number]", wire.User(seed.display_number), None)
    wa_id = own.wa_id if own else None
    country = seed.country or (country_to_read_by(wa_id) if wa_id else None)
    if country is not None and country not in COUNTRIES:
        raise InvalidParameter(f"Param {place}[country] must be two letters, such as US, not {country[:20]!r}.")
    number = BusinessNumber(seed.phone_number_id, account_id, wa_id, country, seed.rules)
    blocked = [user if isinstance(user, wire.User) else wire.user_of(user) for user in seed.blocked]
    for index, user in enumerate(blocked):
        user_identity = _identity_of(f"{place}[blocked][{index}]", user, country)
        if own is not None and user_identity.key == own.key:
            raise InvalidParameter(f"Param {place}[blocked][{index}] must not be the business number itself.")
        if user.expires_at is not None and wire.seconds_of(user.expires_at) * SECOND <= now:
            raise InvalidParameter(f"Param {place}[blocked][{index}][expires_at] must be in the future.")
    wrote = [user if isinstance(user, WroteAt) else WroteAt(user) for user in seed.wrote]
    for index, writer in enumerate(wrote):
        _identity_of(f"{place}[wrote][{index}]", wire.user_of(writer.user), country)
    times = [moment(writer.at, f"{place}[wrote][{index}][at]") for index, writer in enumerate(wrote)]
    for index, at in enumerate(times):
        if at is not None and not 0 <= at <= now:
            raise InvalidParameter(f"Param {place}[wrote][{index}][at] must be between 1970 and now.")
    has_settings = (seed.display_number, seed.country, seed.rules) != (None, None, None)
    return _Planned(number, has_settings, blocked, [(at, it.user) for at, it in zip(times, wrote, strict=True)])


def _identity_of(place: str, user: wire.User, country: str | None) -> identity.Identity:
    try:
        return identity.of_item(user.user, user.user_id, country)
    except NotAWhatsAppUser as failure:
        text = user.user or user.user_id or ""
        raise InvalidParameter(
            f"Param {place} must be a phone number with country code, such as +16505551234, or a user_id, "
            f"not {text[:100]!r}.",
            str(failure),
        ) from None
