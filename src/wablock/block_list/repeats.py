"""The writes of requests that a caller may repeat: with a key, a change is made once."""

from collections.abc import Sequence

import msgspec

from wablock.block_list.changes import Recall
from wablock.block_list.idempotency import KeyedChange, key_of
from wablock.block_list.ports import Outcome
from wablock.block_list.results import ChangeOptions
from wablock.block_list.store import BlockStore
from wablock.contract.errors import InvalidParameter


async def apply_once(
    store: BlockStore,
    change: KeyedChange,
    options: ChangeOptions,
    *,
    failed: Sequence[tuple[int, str]] = (),
    too_late: InvalidParameter | None = None,
) -> Outcome:
    """Apply `change`, or return the outcome of the first request with the key of `options`; durable on return.

    `too_late`: the error if the request was valid only before. It is raised unless the request was answered in time.
    `failed`: see `key_of`. Raises `IdempotencyKeyReused`.
    """
    if options.key is None:
        if too_late is not None:
            raise too_late
        return await store.apply(change)
    key = key_of(change, options.key, failed, options.freed)
    if too_late is None:
        return await store.apply(msgspec.structs.replace(change, key=key))
    outcome = await store.apply(Recall(change.list_id, change.account_id, change.at, key))
    if not outcome.is_repeat:
        raise too_late
    return outcome
