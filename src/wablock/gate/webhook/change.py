"""One change of a webhook after reading: its messages with their senders, and the ids of users in it."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from wablock.gate.webhook.documented import Value
from wablock.gate.webhook.items import Call, Item, Message
from wablock.gate.webhook.links import Notice
from wablock.gate.webhook.senders import Ids, ShownNumber

At: TypeAlias = tuple[()] | tuple[int] | tuple[int, int]

_LONGEST_TIME: Final = 12  # digits of a time in seconds


class Handover(Item, gc=False, eq=False):
    """A conversation that passes from Meta's agent to the business, with the user's messages: the whole change."""

    array = "handovers"


class WebhookChange(msgspec.Struct, eq=False, gc=False):
    """One change; or an empty one, for an entry without changes or a body without entries.

    `at`: the position of its entry, and its own position in the entry. `phone_number_id` None: the change is about the
    account as a whole; or, if `is_of_a_number`, about a number whose id cannot be read. `items`: the messages and calls
    that are dropped if their sender is blocked. `others`: by an item's `id()`, the other users that a receiver may take
    for its sender. `links`: groups of ids that belong to one user. `display_number`: the business's phone number.
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
    display_number: ShownNumber = UNSET

    @property
    def is_empty(self) -> bool:
        """Whether it is for an entry without changes or a body without entries."""
        return len(self.at) < len(("entry", "changes"))

    def senders(self, item: Item) -> Sequence[Ids]:
        """The senders of the item in every reading; nearly always one."""
        if self.others is None or id(item) not in self.others:
            return (item,)
        return item, *self.others[id(item)]


def kind_of(item: Item) -> str:
    """The name of the item's type for people."""
    return item.type or "unknown" if isinstance(item, Message) else item.array[:-1]


def opens_window(item: Item) -> bool:
    """Whether the user wrote or called, so that the business may write for 24 hours."""
    return not item.system if isinstance(item, Message) else isinstance(item, Call)


def sent_at(item: Item) -> int | None:
    """The item's time in seconds since 1970; None if it is not valid."""
    timestamp = item.timestamp
    if isinstance(timestamp, str):
        return int(timestamp) if len(timestamp) <= _LONGEST_TIME and timestamp.isdecimal() else None
    return timestamp if isinstance(timestamp, int) and 0 <= timestamp < 10**_LONGEST_TIME else None
