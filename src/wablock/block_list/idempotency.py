"""Idempotency keys: a request that a caller repeats with the same key is answered as the first time.

A store keeps the outcome of such a request in the transaction of its change, for its list. So the outcome is there
exactly if the change is. A repeated request finds it under the list's lock, and changes nothing. See
`docs/decisions/0037`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from wablock.block_list.changes import Block, Edit, IdempotencyKey, Recall, Unblock, Undo
from wablock.block_list.list_changes import ListChange
from wablock.block_list.ports import Microseconds, Outcome
from wablock.failures import IdempotencyKeyReused

KEPT: Final = 25 * 3_600 * 1_000_000
"""For how long an outcome is kept: a day, and an hour because clocks may differ. Microseconds."""

_HASH_LENGTH: Final = 16  # bytes; another key with the same hash cannot be found
# What a repeated request may have differently, and what follows from the list.
_NOT_OF_THE_REQUEST: Final = frozenset(
    ("list_id", "account_id", "at", "by", "max_size", "written_since", "before", "after", "cause", "key")
)

C = TypeVar("C", bound=ListChange)
KeyedChange = Block | Unblock | Edit | Undo


class AnsweredRequest(msgspec.Struct, frozen=True):
    """A request that was answered, as a store keeps it. `outcome` is JSON."""

    key_hash: bytes
    request_hash: bytes
    outcome: str
    at: Microseconds


class AnsweredRequests:
    """The answered requests of one list, within a transaction that holds the list."""

    def __init__(self, stored: Iterable[AnsweredRequest] = ()) -> None:
        self._stored = {it.key_hash: it for it in stored}
        self.new: list[AnsweredRequest] = []
        """The requests to store."""

    def once(self, change: C, apply: Callable[[C], Outcome | Exception]) -> Outcome | Exception:
        """The stored outcome of `change`; if there is none, that of `apply`, which is stored.

        A change that failed as a whole is not stored. It may be repeated.
        """
        key: IdempotencyKey | None = getattr(change, "key", None)
        if key is None:
            return apply(change)
        answered = self._stored.get(key.key_hash)
        if answered is not None:
            return _outcome(answered, key)
        outcome = apply(change)
        if isinstance(outcome, Outcome) and _is_final(change, outcome):
            text = _encode(msgspec.structs.replace(outcome, before=(), freed=key.freed)).decode()
            new = AnsweredRequest(key.key_hash, key.request_hash, text, change.at)
            self._stored[key.key_hash] = new
            self.new.append(new)
        return outcome


def key_of(change: KeyedChange, text: str, failed: Sequence[tuple[int, str]], freed: Sequence[str]) -> IdempotencyKey:
    """The key of a request that makes `change`, from the `text` that the caller sent.

    `failed`: the users of the request that the change does not have, by their places. `freed`: see `IdempotencyKey`.
    """
    key_hash = hashlib.sha256(f"{change.account_id}\0{text}".encode()).digest()[:_HASH_LENGTH]
    return IdempotencyKey(key_hash, _request_hash(change, failed), tuple(freed))


def _request_hash(change: KeyedChange, failed: Sequence[tuple[int, str]]) -> bytes:
    """The hash of what the request wants. The token may be another one of the account: a label is not in it."""
    content = {name: it for name, it in _given(change).items() if name not in _NOT_OF_THE_REQUEST | {"member"}}
    content |= {"members": [_given(it) for it in change.members], "cause": _given(change.cause)}
    content["cause"].pop("request_id", None)
    text = msgspec.json.encode([type(change).__name__, content, failed], order="deterministic")
    return hashlib.sha256(text).digest()


def _given(value: msgspec.Struct) -> dict[str, Any]:
    """The fields that have not their default. So the hash stays the same if a later version has more of them."""
    fields = {it.name: it.default for it in msgspec.structs.fields(value)}
    values = {name: getattr(value, name) for name in fields}
    return {name: it for name, it in values.items() if it is not fields[name] and it != fields[name]}


def _is_final(change: ListChange, outcome: Outcome) -> bool:
    """Whether the outcome is stored. An edit of a user who is not listed, or who was changed, failed as a whole."""
    if isinstance(change, Edit):
        return outcome.row is not None and not outcome.refused
    return not isinstance(change, Recall)


def _outcome(answered: AnsweredRequest, key: IdempotencyKey) -> Outcome | Exception:
    if answered.request_hash != key.request_hash:
        return IdempotencyKeyReused()
    return msgspec.structs.replace(_decode(answered.outcome), is_repeat=True)


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Outcome).decode
