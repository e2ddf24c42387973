"""A webhook's body: its changes, and the body for one receiver, in which every remaining byte is unchanged."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final

from wablock.gate.value_count import MOST, TooManyValues, check_value_count
from wablock.gate.webhook.canonical import canonical
from wablock.gate.webhook.change import Handover, WebhookChange
from wablock.gate.webhook.cutting import cut_of, nodes_of
from wablock.gate.webhook.documented import Entry, Webhook, as_documented, decoder, encoder
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.raw_json import GONE, Cut, Gone, Node, UnreadableBody
from wablock.gate.webhook.reading import Reader

_MOST_PARTS: Final = 20_000  # Meta sends up to 1,000 updates; these take a tenth of a second


class Payload:
    """The body of one webhook. `raw`: its bytes. `changes`: all its changes, in order."""

    def __init__(self, raw: bytes, webhook: Webhook, *, is_documented: bool) -> None:
        """`is_documented`: the body has nothing that is not in `webhook`."""
        self.raw = raw
        self._is_documented = is_documented
        self._entries: list[Sequence[WebhookChange]] = []
        self.changes: list[WebhookChange] = []
        reader = Reader()
        parts = items = 0
        for place, entry in enumerate(webhook.entry or ()):
            parts += 1 + len(entry.changes or ())
            if parts > _MOST_PARTS:
                raise UnreadableBody(f"The body has more than {_MOST_PARTS} entries and changes.")
            changes = _changes_of(entry, place, reader)
            self._entries.append(changes)
            self.changes += changes
            for change in changes:
                items += len(change.items)
        if items > _MOST_PARTS:
            raise UnreadableBody(f"The body has more than {_MOST_PARTS} messages and calls.")
        if not self.changes:
            self.changes.append(WebhookChange(()))  # for a body without entries
        self._sizes: dict[int, dict[int, int]] = {}

    @cached_property
    def _root(self) -> Node:
        return Node.of(self.raw)

    @classmethod
    def parse(cls, body: bytes, most_values: int = MOST) -> "Payload":
        """Raises `UnreadableBody`."""
        try:
            check_value_count(body, most_values)
        except TooManyValues as error:
            raise UnreadableBody(str(error)) from None
        webhook = as_documented(body)
        if webhook is not None:
            return cls(body, webhook, is_documented=True)
        return cls(body, decoder.decode(canonical(body)), is_documented=False)

    def size(self, change: WebhookChange, item: Item) -> int:
        """The size of the item in `raw`, in bytes."""
        if self._is_documented and not isinstance(item, Handover):
            return len(encoder.encode(item))
        node = self._root.at([step for steps in zip(("entry", "changes"), change.at, strict=False) for step in steps])
        sizes = self._sizes.get(id(change))
        if sizes is None:
            value = node.member("value")
            nodes = nodes_of(change.value, value) if change.value is not None and value is not None else ()
            sizes = self._sizes[id(change)] = {id(it): its_node.size for it, its_node in nodes}
        return sizes.get(id(item), node.size)

    def body(self, chosen: Sequence[WebhookChange], drop: Callable[[Item], bool] | None) -> bytes | None:
        """The JSON of the chosen changes without the items for which `drop` is true; None if nothing is left.

        `drop` None: all items stay. Returns `raw` itself if nothing is removed. Raises `UnreadableBody`.
        """
        wanted = set(map(id, chosen))
        gone = {id(item): change for change in chosen for item in change.items if drop(item)} if drop else {}
        if not gone and len(wanted) == len(self.changes):
            return self.raw
        if not self._entries:
            return None
        # Most changes lose no item, so only the others are cut.
        cuts = {key: cut_of(change, gone.keys()) for key, change in {id(it): it for it in gone.values()}.items()}
        left = [_cut_of_entry(changes, wanted, cuts) for changes in self._entries]
        if all(cut is GONE for cut in left):
            return None
        return b"".join([self.raw[: self._root.start], *self._root.without({"entry": _parts(left)})])


def _cut_of_entry(
    changes: Sequence[WebhookChange], wanted: AbstractSet[int], cuts: Mapping[int, Cut | Gone | None]
) -> Cut | Gone | None:
    change_cuts = [cuts.get(id(change)) if id(change) in wanted else GONE for change in changes]
    if all(cut is GONE for cut in change_cuts):
        return GONE
    parts = _parts(change_cuts)
    return {"changes": parts} if parts else None


def _changes_of(entry: Entry, place: int, reader: Reader) -> list[WebhookChange]:
    entry_id = entry.id or None
    changes = [reader.change_of(shape, (place, number), entry_id) for number, shape in enumerate(entry.changes or ())]
    return changes or [WebhookChange((place,), entry_id)]


def _parts(cuts: Sequence[Cut | Gone | None]) -> Cut:
    return {place: cut for place, cut in enumerate(cuts) if cut is not None}
