"""The reader of changes: it finds the sender of each message and call, and the ids of users."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import UNSET

from wablock.gate.webhook import documented, links
from wablock.gate.webhook.change import At, Handover, WebhookChange
from wablock.gate.webhook.documented import Contact, Party, Thread, Value
from wablock.gate.webhook.items import Call, Item, Message, System
from wablock.gate.webhook.links import Notice
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import Ids, ShownNumber, are_several, key_of, remembered

_BUSINESS_CALLS: Final = "business_initiated"
_MOST_READINGS: Final = 1_000  # of one change; in Meta's documented webhooks each item has one reading
_DEEPEST: Final = 4  # levels of `standby` in `standby`; Meta documents one
_NO_PARTY: Final = Party()
_own_key = remembered(key_of)


class Reader:
    """Reads the changes of one webhook. Nearly always all of them have the same business number.

    It is one object for all changes, because a new one for each takes a quarter of the time of reading.
    """

    __slots__ = ("_change", "_depth", "_items", "_links", "_notices", "_own", "_own_keys", "_readings")

    def __init__(self) -> None:
        self._own_keys: dict[ShownNumber, str | None] = {}

    def change_of(self, shape: documented.DocumentedChange, at: At, entry_id: str | None) -> WebhookChange:
        value = shape.value
        if not value:
            return WebhookChange(at, entry_id)
        business = _business_of(value) if value.recipient else value.metadata or _NO_PARTY
        number, display_number = business.phone_number_id, business.display_phone_number
        change = WebhookChange(at, entry_id, number if number and isinstance(number, str) else None, value=value)
        change.display_number = display_number
        if display_number not in self._own_keys:
            self._own_keys[display_number] = _own_key(display_number)
        self._begin(change, self._own_keys[display_number])
        self._read(value)
        # A change about the account itself has no number. A change with messages is always about a number, even if its
        # id cannot be read.
        change.is_of_a_number = number is not UNSET or bool(change.items)
        return change

    def _begin(self, change: WebhookChange, own: str | None) -> None:
        """Begin to read `change`. `own`: the key of the business number, if the change has it."""
        self._change = change
        self._own = own
        self._items: list[Item] | None = None
        self._links: list[Ids] | None = None
        self._notices: list[Notice] | None = None
        self._readings = 0
        self._depth = 0

    def _read(self, value: Value) -> None:
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
                self._read_handover(value.sender or _NO_PARTY, contacts)
            for ids in links.other_users(value):
                self._link(ids)
            self._add_notices(links.user_id_update_notices(value))
            if value.standby:
                self._read_standby(value.standby)

    def _read_messages(self, messages: Sequence[Message], possible_senders: Sequence[Ids]) -> None:
        """`possible_senders`: the users that a receiver may read as the sender of a message without sender ids."""
        own = self._own
        own_end = own[-links.COMMON_DIGITS :] if own is not None else None
        own_messages: set[int] = set()
        for message in messages:
            wa_id = message.wa_id
            # Comparing the last digits is faster than a call of `is_own`, and nearly always enough.
            if (
                own_end is not None
                and (wa_id.__class__ is not str or wa_id.endswith(own_end) or not wa_id.isdecimal())
                and links.is_own(wa_id, own)
            ):
                own_messages.add(id(message))
                self._link(message)
                self._link(links.addressee_of(message))
            elif message.user_id or message.parent_user_id or message.system or not wa_id:
                self._read_message(message, possible_senders)
        self._add([message for message in messages if id(message) not in own_messages] if own_messages else messages)

    def _read_message(self, message: Message, possible_senders: Sequence[Ids]) -> None:
        if message.system:
            self._read_system(message, message.system)
        elif message.user_id or message.parent_user_id:
            self._link(message)
            if message.contacts and (reply := links.contact_request_reply(message)) is not None:
                self._link(reply)
        else:
            self._note(message, possible_senders)

    def _read_system(self, message: Message, system: System) -> None:
        """A message with previous and new ids is a notice, and not a link."""
        notices = list(links.notices_of(message, system))
        if not notices:
            self._link(message)
        self._add_notices(notices)
        self._set_others(message, links.users_in(system))

    def _read_calls(self, calls: Iterable[Call], contacts: Sequence[Contact]) -> None:
        for call in calls:
            self._link(call)
            # In a call by the business `from` may be either side, so it is never dropped.
            if (call.direction or "").casefold() != _BUSINESS_CALLS:
                self._add([call])
                self._note(call, contacts)

    def _read_standby(self, value: Value) -> None:
        if self._depth == _DEEPEST:
            raise UnreadableBody("The body is nested too deeply.")
        self._depth += 1
        self._read(value)

    def _read_thread(self, thread: Thread) -> None:
        user = links.user_of(thread)
        self._link(user)
        self._read_messages(thread.messages or (), [user])

    def _read_handover(self, sender: Party, contacts: Sequence[Contact]) -> None:
        ids = links.handover_user(sender)
        handover = Handover(ids.wa_id, ids.user_id, ids.parent_user_id, type="handover")
        self._add([handover])
        self._note(handover, contacts)

    def _note(self, item: Item, possible_senders: Sequence[Ids]) -> None:
        """Record the possible senders of an item that has no sender ids and is not an empty object."""
        if not (item.wa_id or item.user_id or item.parent_user_id) and (item.id or item.type or item.timestamp):
            self._set_others(item, possible_senders)
            self._readings += len(possible_senders) - 1
            if self._readings > _MOST_READINGS:
                raise UnreadableBody(
                    "Too many messages of one change have no sender, and the change has several contacts."
                )

    def _add(self, items: Sequence[Item]) -> None:
        if not self._change.items:
            self._change.items = items  # without a copy, because most changes have no further items
            return
        if self._items is None:
            self._items = self._change.items = list(self._change.items)
        self._items += items

    def _set_others(self, item: Item, others: Sequence[Ids]) -> None:
        if self._change.others is None:
            self._change.others = {}
        self._change.others[id(item)] = others

    def _link(self, ids: Ids) -> None:
        if are_several(ids) and are_several(ids := links.without_own(ids, self._own)):
            if self._links is None:
                self._links = self._change.links = []
            self._links.append(ids)

    def _add_notices(self, notices: Iterable[Notice]) -> None:
        if self._notices is None:
            self._notices = self._change.notices = []
        self._notices += notices


def _business_of(value: Value) -> Party:
    """The business number of a value. If the value has two different ones, its number counts as unknown."""
    one, other = value.metadata, value.recipient
    if one and other and other.phone_number_id and one.phone_number_id != other.phone_number_id:
        return Party(phone_number_id=None)
    return one or other or _NO_PARTY
