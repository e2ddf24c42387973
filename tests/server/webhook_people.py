"""Users of two business numbers, and a simple second implementation that removes the items of blocked users."""

import json
from collections.abc import Iterable, Mapping

import msgspec
from tests.server.webhook_pieces import elements_in, members_in
from tests.server.webhook_samples import NUMBER, OTHER_NUMBER

OURS, OTHERS = NUMBER, OTHER_NUMBER


class Person(msgspec.Struct, frozen=True):
    """One user: all spellings of the number, the user_id, and by what he or she is blocked, at which number."""

    numbers: tuple[str, ...]
    user_id: str
    blocked: Mapping[str, str] = {}


ANNA = Person(("16505550101",), "US.1", {OURS: "+16505550101"})
BEN = Person(("16505550102",), "US.2", {OTHERS: "US.2"})
PAULO = Person(("5511987654321", "551187654321"), "BR.3", {OURS: "+551187654321", OTHERS: "BR.3"})
DIEGO = Person(("541123456789", "5491123456789"), "AR.4")
PEOPLE = (ANNA, BEN, PAULO, DIEGO)


def left_of(it: bytes, number: str) -> list[tuple[str, bytes]] | None:
    """The members of a change that remain, with their original bytes."""
    members = members_in(it)
    arrays = {name: elements_in(members[name]) for name in ("messages", "calls", "contacts") if name in members}
    items = [raw for name in ("messages", "calls") for raw in arrays.get(name, [])]
    gone = [raw for raw in items if (who := _who(raw)) is not None and number in who.blocked]
    if not gone:
        return list(members.items())
    leaving = _names(gone)
    staying = _names([raw for raw in items if raw not in gone] + elements_in(members.get("statuses", b"[]")))
    for name, pieces in arrays.items():
        kept = [raw for raw in pieces if raw not in gone]
        if name == "contacts":
            kept = [raw for raw in pieces if not _names([raw]) & leaving or _names([raw]) & staying]
        if len(kept) < len(pieces):
            members[name] = b"[" + b",".join(kept) + b"]"
            if not kept:
                del members[name]
    values = [raw for name, raw in members.items() if name not in {"messaging_product", "metadata"}]
    empty_arrays = [raw for name, raw in members.items() if name in arrays and not elements_in(raw)]
    return list(members.items()) if len(values) > len(empty_arrays) else None


def _names(pieces: Iterable[bytes]) -> set[str]:
    """The ids by which two mentions of one user can match within a webhook: the number, the user_id, or both."""
    return {name for raw in pieces for _, name in _mentioned(raw)}


def _who(raw: bytes) -> Person | None:
    return next((who for who, _ in _mentioned(raw)), None)


def _mentioned(raw: bytes) -> list[tuple[Person, str]]:
    mention = json.loads(raw)
    if not isinstance(mention, dict):
        return []
    numbers = {mention.get(name) for name in ("from", "wa_id", "recipient_id")}
    user_ids = {mention.get(name) for name in ("from_user_id", "user_id", "recipient_user_id")}
    by_number = [(who, who.numbers[0]) for who in PEOPLE if not numbers.isdisjoint(who.numbers)]
    return by_number + [(who, who.user_id) for who in PEOPLE if who.user_id in user_ids]
