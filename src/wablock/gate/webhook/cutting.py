"""The parts of a change that are removed together with a message: arrays that become empty, and the sender's contact.

A contact is kept if a message, call, status or echo that stays names the same user.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import UNSET

from wablock.gate.webhook import links
from wablock.gate.webhook.change import Handover, WebhookChange
from wablock.gate.webhook.documented import Chunk, Contact, Thread, Value
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.raw_json import GONE, Cut, Gone, Node
from wablock.gate.webhook.senders import Ids, names_of

# Without other members, these two have no content.
_MEMBERS: Final = sorted(set(Value.__struct_fields__) - {"messaging_product", "metadata"})
_OTHER_MEMBERS: Final = sorted({*_MEMBERS} - {"messages", "contacts", "conversation_context"})
_USER_MEMBERS: Final = frozenset(("messages", "calls", "contacts", "history"))


def cut_of(change: WebhookChange, gone: AbstractSet[int]) -> Cut | Gone | None:
    """The parts to remove from the change together with the items of these `id()`s; None if nothing is removed."""
    dropped = [item for item in change.items if id(item) in gone]
    if not dropped:
        return None
    if change.value is None or any(isinstance(item, Handover) for item in dropped):
        return GONE
    if _is_alone(dropped[0], change.value):
        return GONE
    return _within("value", _Cutting(change, gone).cut(change.value))


def _is_alone(item: Item, value: Value) -> bool:
    """Whether the value has only this message and its sender's contact, as in nearly every webhook."""
    if not value.messages or len(value.messages) > 1 or not value.contacts or len(value.contacts) > 1:
        return False
    contact = value.contacts[0]
    is_sender = contact.wa_id == item.wa_id if item.wa_id else contact.user_id == item.user_id and bool(item.user_id)
    return is_sender and not any(_has_content(value, name) for name in _OTHER_MEMBERS)


def nodes_of(value: Value, node: Node) -> Iterator[tuple[Item, Node]]:
    """Every message and call of a change's value, with the node of its bytes."""
    for name, items in (("messages", value.messages), ("calls", value.calls)):
        yield from zip(items or (), _elements(node, name), strict=False)
    for chunk, chunk_node in zip(value.history or (), _elements(node, "history"), strict=False):
        for thread, thread_node in zip(chunk.threads or (), _elements(chunk_node, "threads"), strict=False):
            yield from zip(thread.messages or (), _elements(thread_node, "messages"), strict=False)
    inner = node.member("standby")
    if value.standby and inner is not None:
        yield from nodes_of(value.standby, inner)


class _Cutting:
    def __init__(self, change: WebhookChange, gone: AbstractSet[int]) -> None:
        self._change = change
        self._gone = gone

    def cut(self, value: Value) -> Cut | Gone | None:
        """The parts to remove from a change's value, or from the value in its `standby`."""
        cut: dict[str | int, Cut | Gone] = {}
        if value.messages and (messages := self._of_array(value.messages)) is not None:
            cut["messages"] = messages
            cut["conversation_context"] = GONE  # a summary of the messages
        if links.shows_others(value):
            cut |= {name: part for name, part in self._of_others(value) if part is not None}
        if not cut:
            return None
        if value.contacts and (contacts := self._of_contacts(value, value.contacts)) is not None:
            cut["contacts"] = contacts
        return cut if any(cut.get(name) is not GONE and _has_content(value, name) for name in _MEMBERS) else GONE

    def _of_others(self, value: Value) -> Iterator[tuple[str, Cut | Gone | None]]:
        yield "calls", self._of_array(value.calls or ())
        yield "history", _of_all(map(self._of_chunk, value.history or ()))
        yield "standby", self.cut(value.standby) if value.standby else None

    def _of_array(self, items: Sequence[Item]) -> Cut | Gone | None:
        return _of_all(GONE if id(item) in self._gone else None for item in items)

    def _of_chunk(self, chunk: Chunk) -> Cut | Gone | None:
        return _within("threads", _of_all(map(self._of_thread, chunk.threads or ())))

    def _of_thread(self, thread: Thread) -> Cut | Gone | None:
        return _within("messages", self._of_array(thread.messages or ()))

    def _of_contacts(self, value: Value, contacts: Sequence[Contact]) -> Cut | Gone | None:
        """The contacts to remove: those of users whose messages are all removed and who are named nowhere else."""
        items = list(_items_of(value))
        removed_names = self._names_of_senders(item for item in items if id(item) in self._gone)
        names = list(map(names_of, contacts))
        if all(map(removed_names.isdisjoint, names)):
            return None
        kept_names = self._names_of_senders(item for item in items if id(item) not in self._gone)
        kept_names = kept_names.union(*map(names_of, _named_by_the_business(value)))
        return _of_all(
            GONE if kept_names.isdisjoint(its) and not removed_names.isdisjoint(its) else None for its in names
        )

    def _names_of_senders(self, items: Iterable[Item]) -> set[str]:
        return set().union(*(names_of(ids) for item in items for ids in self._change.senders(item)))


def _elements(node: Node, name: str) -> Iterator[Node]:
    array = node.member(name)
    return iter(()) if array is None else array.elements


def _items_of(value: Value) -> Iterator[Item]:
    """All items, also those in `standby`: their contact may be outside of it."""
    yield from value.messages or ()
    yield from value.calls or ()
    if value.standby:
        yield from _items_of(value.standby)
    for chunk in value.history or ():
        for thread in chunk.threads or ():
            yield from thread.messages or ()


def _named_by_the_business(value: Value) -> Iterator[Ids]:
    if links.shows_others(value):
        yield from map(links.recipient_of, value.statuses or ())
        yield from map(links.echo_recipient, value.message_echoes or ())
        yield from value.user_preferences or ()
    yield from (links.addressee_of(item) for item in _items_of(value) if item.to or item.to_user_id)
    if value.standby:
        yield from _named_by_the_business(value.standby)


def _of_all(cuts: Iterable[Cut | Gone | None]) -> Cut | Gone | None:
    """The cut of an array from the cuts of its elements. If all elements are removed, the array is removed."""
    parts = list(cuts)
    gone: dict[str | int, Cut | Gone] = {place: part for place, part in enumerate(parts) if part is not None}
    if not gone:
        return None
    return GONE if all(part is GONE for part in parts) else gone


def _within(name: str, cut: Cut | Gone | None) -> Cut | Gone | None:
    """The cut of an object that is useful only with its member `name`. Without that member the object is removed."""
    return cut if cut is None or isinstance(cut, Gone) else {name: cut}


def _has_content(value: Value, name: str) -> bool:
    member = getattr(value, name)
    return member is not UNSET and (member != [] or name not in _USER_MEMBERS)
