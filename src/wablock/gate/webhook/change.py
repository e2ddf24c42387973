"""One change of a webhook as it was read: who sent what in it, and what it shows of its users."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET

from wablock.gate.webhook import documented, links
from wablock.gate.webhook.documented import Address, Call, Contact, Item, Message, System, Thread, Value
from wablock.gate.webhook.links import Notice
from wablock.gate.webhook.raw_json import Unreadable
from wablock.gate.webhook.senders import Ids, Shown, are_several, key_of, remembered

At: TypeAlias = tuple[()] | tuple[int] | tuple[int, int]

_BUSINESS_CALLS: Final = "business_initiated"
_NOBODY: Final[Mapping[int, Sequence[Ids]]] = {}
_LONGEST_TIME: Final = 12  # digits of a time in seconds
_MOST_READINGS: Final = 1_000  # of one change; what Meta documents has one of each item
_DEEPEST: Final = 4  # `standby` in `standby`, where Meta documents one


class Handover(Item, gc=False, eq=False):
    """A conversation that passes from Meta's agent to the business, with what the user wrote: all of the change."""


class Change(msgspec.Struct, eq=False):
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
    others: Mapping[int, Sequence[Ids]] = _NOBODY
    links: Sequence[Ids] = ()
    notices: Sequence[Notice] = ()
    display_number: Shown = UNSET

    @property
    def is_empty(self) -> bool:
        """Whether it only stands where a change should."""
        return len(self.at) < len(("entry", "changes"))

    def senders(self, item: Item) -> Sequence[Ids]:
        """Who sent the item, by every reading; nearly always one."""
        return (item, *self.others[id(item)]) if id(item) in self.others else (item,)


def change_of(shape: documented.Change, at: At, entry_id: str | None) -> Change:
    value = shape.value
    if not value:
        return Change(at, entry_id)
    address = _address_of(value)
    number = address.phone_number_id
    change = Change(at, entry_id, number if number and isinstance(number, str) else None, value=value)
    change.display_number = address.display_phone_number
    reading = _Reading(_own_key(change.display_number))
    reading.read(value)
    change.items, change.others = reading.items, reading.others
    change.links, change.notices = reading.links, reading.notices
    # An account's own news have no address. What users send has one; one that cannot be read is an unknown number.
    change.is_of_a_number = number is not UNSET or bool(change.items)
    return change


def _address_of(value: Value) -> Address:
    """Where a value shows two addresses that differ, readers differ, so it is an unknown number's."""
    one, other = value.metadata, value.recipient
    if one and other and other.phone_number_id and one.phone_number_id != other.phone_number_id:
        return Address(phone_number_id=None)
    return one or other or Address()


def array_of(item: Item) -> str:
    """In which array it stands, or would stand."""
    return "messages" if isinstance(item, Message) else "calls" if isinstance(item, Call) else "handovers"


def kind_of(item: Item) -> str:
    """What it is called where people see it."""
    return item.type or "unknown" if isinstance(item, Message) else array_of(item)[:-1]


def opens_window(item: Item) -> bool:
    """Whether the user wrote or called, so that the business may write for 24 hours."""
    return isinstance(item, Call) or (isinstance(item, Message) and not item.system)


def sent_at(item: Item) -> int | None:
    """In seconds since 1970."""
    shown = item.timestamp
    if isinstance(shown, str):
        return int(shown) if len(shown) <= _LONGEST_TIME and shown.isascii() and shown.isdigit() else None
    return shown if isinstance(shown, int) and 0 <= shown < 10**_LONGEST_TIME else None


class _Reading:
    """Reads one change. `own`: the key of the business's number, where it is shown."""

    __slots__ = ("_depth", "_own", "_readings", "items", "links", "notices", "others")

    def __init__(self, own: str | None) -> None:
        self._own = own
        self._readings = 0
        self._depth = 0
        self.items: list[Item] = []
        self.others: dict[int, Sequence[Ids]] = {}
        self.links: list[Ids] = []
        self.notices: list[Notice] = []

    def read(self, value: Value) -> None:
        contacts = value.contacts or ()
        for contact in contacts:
            if contact.user_id or contact.parent_user_id:
                self._link(contact)
        if value.messages:
            self._read_messages(value.messages, contacts)
        if links.shows_others(value):
            self._read_calls(value.calls or (), contacts)
            for chunk in value.history or ():
                for thread in chunk.threads or ():
                    self._read_thread(thread)
            if value.sender or (value.recipient and not value.metadata):
                self._read_handover(value.sender or Address(), contacts)
            for ids in links.shown_beside(value):
                self._link(ids)
            self.notices += links.withdrawn_notices(value)
            if value.standby:
                self._read_standby(value.standby)

    def _read_messages(self, messages: Sequence[Message], anybody: Sequence[Ids]) -> None:
        """`anybody`: whom a receiver may take for the sender of a message that names none."""
        own, items = self._own, self.items
        end = own[-links.ALIKE :] if own else ""
        for message in messages:
            wa_id = message.wa_id
            # A call for each takes longer than a look at its end: nearly all are digits that end in others.
            may_be_own = wa_id.__class__ is not str or wa_id.endswith(end) or not wa_id.isdecimal()
            if own and may_be_own and links.is_own(wa_id, own):
                self._read_own(message)
                continue
            items.append(message)
            if message.system:
                self._read_system(message, message.system)
            elif message.user_id or message.parent_user_id:
                self._link(message)
                if message.contacts and (answer := links.answered_request(message)) is not None:
                    self._link(answer)
            elif not wa_id:
                self._note(message, anybody)

    def _read_own(self, message: Message) -> None:
        """A message of the business, among those of its users."""
        self._link(message)
        self._link(links.addressee_of(message))

    def _read_system(self, message: Message, system: System) -> None:
        """What speaks of ids before and after shows no link."""
        notices = list(links.notices_of(message, system))
        if not notices:
            self._link(message)
        self.notices += notices
        self.others[id(message)] = list(links.spoken_of(message))

    def _read_calls(self, calls: Sequence[Call], contacts: Sequence[Contact]) -> None:
        for call in calls:
            self._link(call)
            # Of a call that the business makes `from` may be either side, and it is the business's all the same.
            if (call.direction or "").casefold() != _BUSINESS_CALLS:
                self.items.append(call)
                self._note(call, contacts)

    def _read_standby(self, value: Value) -> None:
        if self._depth == _DEEPEST:
            raise Unreadable("The body is nested too deeply.")
        self._depth += 1
        self.read(value)

    def _read_thread(self, thread: Thread) -> None:
        user = links.user_of(thread)
        self._link(user)
        self._read_messages(thread.messages or (), [user])

    def _read_handover(self, sender: Address, contacts: Sequence[Contact]) -> None:
        ids = links.handed_over(sender)
        handover = Handover(ids.wa_id, ids.user_id, ids.parent_user_id, type="handover")
        self.items.append(handover)
        self._note(handover, contacts)

    def _note(self, item: Item, anybody: Sequence[Ids]) -> None:
        """Keep who may have sent an item that names nobody, and is more than an empty object."""
        if not (item.wa_id or item.user_id or item.parent_user_id) and (item.id or item.type or item.timestamp):
            self.others[id(item)] = anybody
            self._readings += len(anybody) - 1
            if self._readings > _MOST_READINGS:
                raise Unreadable("Too many messages of one change name no sender beside several contacts.")

    def _link(self, ids: Ids) -> None:
        if are_several(ids) and are_several(ids := links.without_own(ids, self._own)):
            self.links.append(ids)


_own_key: Final = remembered(key_of)
