"""The rules for keys in SQL; and the merge of two rows that the previous version stored for one user of a list.

The earlier block stays, with its details, until the later expiry. If it had expired before the other began, the later
block stays.
"""

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import apsw

from wablock.contract.spellings import keys_of, one_spelling

MIGRATION: Final = 4
"""The migration that gives every row its current key, unless another row of the list has it already."""

_PAIRS = """
SELECT former.list_id, former.seq, former.blocked_at, former.expires_at, former.user_id, former.identity,
       today.seq, today.blocked_at, today.expires_at, today.user_id, today.identity
FROM blocked_user AS former
CROSS JOIN blocked_user AS today INDEXED BY blocked_user_identity
WHERE (former.identity GLOB '22[59]????????' OR former.identity GLOB '54????????????')
  AND today.list_id = former.list_id AND today.identity = wablock_key(former.identity) AND today.seq <> former.seq
LIMIT ?
"""
_DROP = "DELETE FROM blocked_user WHERE list_id = +? AND seq = +?"
_KEEP = "UPDATE blocked_user SET identity = ?, user_id = ?, expires_at = ? WHERE list_id = +? AND seq = +?"
_COUNT = "UPDATE block_list SET version = version + ?1, size = size - ?1 WHERE list_id = +?2"

_AT_A_TIME: Final = 50_000  # pairs in memory


def add_functions(connection: apsw.Connection) -> None:
    """Add the rules for keys to SQL: `wablock_key` is the current key, `wablock_other_key` the other one or NULL."""
    for name, rule in (("wablock_key", one_spelling), ("wablock_other_key", _other_key)):
        connection.create_scalar_function(name, _of_text(rule), 1, deterministic=True)


def merge(connection: apsw.Connection) -> None:
    """Merge each user's two rows into one, in the caller's transaction."""
    while pairs := connection.execute(_PAIRS, (_AT_A_TIME,)).fetchall():
        drops, keeps = zip(*map(_merged, pairs), strict=True)
        connection.executemany(_DROP, drops)
        connection.executemany(_KEEP, keeps)
        counts = [(len(list(of_list)), list_id) for list_id, of_list in groupby(sorted(drops), itemgetter(0))]
        connection.executemany(_COUNT, counts)


def _of_text(rule: Callable[[str], str | None]) -> Callable[..., str | None]:
    return lambda *values: rule(str(values[0]))


def _other_key(identity: str) -> str | None:
    return next((key for key in keys_of(identity) if key != identity), None)


def _merged(pair: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The row to delete, and the row to keep with its new values."""
    list_id, key = pair[0], pair[-1]
    earlier, later = sorted([pair[1:6], pair[6:]])
    (seq, _, ends, user_id, _), (later_seq, later_at, later_ends, later_user_id, _) = earlier, later
    if ends is not None and ends <= later_at:
        return (list_id, seq), (key, later_user_id or user_id, later_ends, list_id, later_seq)
    last = None if ends is None or later_ends is None else max(ends, later_ends)
    return (list_id, later_seq), (key, user_id or later_user_id, last, list_id, seq)
