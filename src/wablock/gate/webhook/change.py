"""One change of a webhook as it was read: who sent what in it, and what it shows of its users."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from wablock.gate.webhook.documented import Value
from wablock.gate.webhook.items import Call, Item, Message
from wablock.gate.webhook.links import Notice
from wablock.gate.webhook.senders import Ids, Shown

At: TypeAlias = tuple[()] | tuple[int] | tuple[int, int]

_LONGEST_TIME: Final = 12  # digits of a time in seconds


class Handover(Item, gc=False, eq=False):
    """A conversation that passes from Meta's agent to the business, with what the user wrote: all of the change."""

    array = "handovers"


class WebhookChange(msgspec.Struct, eq=False, gc=False):
    """One change, or what stands where one should: an entry without any, a body without entries.

    `at`: its entry's place, and its own there. `phone_number_id` None: about the account as a whole, or, where it
    `is_of_a_number`, about one that cannot be read. `items`: what goes if its sender is blocked. `others`: for the
    items of these ids, whom a receiver may take for the sender as well. `links`: ids that are shown to be one user.
    `display_number`: the business number's own.
    """

    at: At
    entry_id: str | None = None
    phone_number_id: str | None = None
    is_of_a_number: bool = False
    value: Value | None = None
    items: Sequence[Item] = ()
    others: dict[int, Sequence[Ids]] | None = None
    links: Sequence[Ids] = ()
    notices: Sequence[Notice] = ()
    display_number: Shown = UNSET

    @property
    def is_empty(self) -> bool:
        """Whether it only stands where a change should."""
        return len(self.at) < len(("entry", "changes"))

    def senders(self, item: Item) -> Sequence[Ids]:
        """Who sent the item, by every reading; nearly always one."""
        if self.others is None or id(item) not in self.others:
            return (item,)
        return item, *self.others[id(item)]


def kind_of(item: Item) -> str:
    """What it is called where people see it."""
    return item.type or "unknown" if isinstance(item, Message) else item.array[:-1]


def opens_window(item: Item) -> bool:
    """Whether the user wrote or called, so that the business may write for 24 hours."""
    return not item.system if isinstance(item, Message) else isinstance(item, Call)


def sent_at(item: Item) -> int | None:
    """In seconds since 1970."""
    shown = item.timestamp
    if isinstance(shown, str):
        return int(shown) if len(shown) <= _LONGEST_TIME and shown.isdecimal() else None
    return shown if isinstance(shown, int) and 0 <= shown < 10**_LONGEST_TIME else None
