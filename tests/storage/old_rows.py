"""A database full of rows of the previous version, and the users that it must have after the upgrade."""

from collections.abc import Iterator
from itertools import count

import msgspec
from tests.storage.changes import NOON, SECOND
from tests.storage.version_before import Blocked, Rows

LISTS = {
    "106540352242922": "102290129340398",
    "106540352242923": "102290129340398",
    "106540352242924": "102290129340399",
}
SOON, LATER = NOON + 60 * SECOND, NOON + 3_600 * SECOND
LONG_AGO = NOON - 86_400 * SECOND


class User(msgspec.Struct):
    """One user: all spellings, and the rows that the previous version stored on each list, oldest first."""

    spellings: tuple[str, ...]
    blocks: dict[str, list[Blocked]]
    user_id: str | None = None

    def end(self, list_id: str) -> int | None:
        """The latest expiry of the user's blocks on the list; None if one does not expire."""
        ends = [row.expires_at for row in self.blocks[list_id]]
        return None if None in ends else max(end for end in ends if end is not None)


# The spellings on the list, in the order in which they were blocked, each with its expiry.
_BLOCKS: tuple[tuple[tuple[int, int | None], ...], ...] = (
    ((0, None),),
    ((1, None),),
    ((0, LATER),),
    ((0, None), (1, None)),
    ((1, None), (0, None)),
    ((0, None), (1, LATER)),
    ((0, LATER), (1, None)),
    ((1, SOON), (0, LATER)),
    ((0, LATER), (1, SOON)),
)


def _mobiles(number: int) -> Iterator[tuple[str, ...]]:
    """A user's spellings in each country. The first is the key of the previous version."""
    digits = f"{number:06}"
    for put, starts in (("07", ("07", "58", "97")), ("05", ("05", "64", "86")), ("01", ("01", "40", "73"))):
        yield from ((f"225{start}{digits}", f"225{put}{start}{digits}") for start in starts)
    for start in ("40", "61", "97"):
        yield f"229{start}{digits}", f"22901{start}{digits}"
    yield f"541115{'25' + digits}", f"549112{'5' + digits}", f"54112{'5' + digits}"
    yield f"5435115{'5' + digits}", f"549351{'5' + digits}", f"54351{'5' + digits}"
    yield f"541115{'45' + digits}", f"549114{'5' + digits}"


def _others(number: int) -> Iterator[tuple[str, ...]]:
    """Landlines, similar numbers, and users of other countries."""
    digits = f"{number:06}"
    yield from ((f"{start}{digits}",) for start in ("22520", "22527", "2252720", "22921", "2290121", "22560", "22430"))
    yield (f"54114{'5' + digits}",)
    yield (f"1650{'5' + digits}",)
    yield f"551196{digits}", f"5511996{digits}"


def full_database(numbers: int = 24) -> tuple[Rows, list[User]]:
    """Every kind of block for every country, on several lists of two accounts; some users have a user_id."""
    rows, users = Rows(LISTS, [], [], []), list[User]()
    seqs, ids = count(LONG_AGO), count(1)
    for number in range(numbers):
        kinds = _BLOCKS[number % len(_BLOCKS)]
        for spellings in _mobiles(number):
            users.append(_user(rows, spellings, kinds, seqs, f"CI.{next(ids)}" if number % 3 == 0 else None))
        for spellings in _others(number):
            users.append(_user(rows, spellings, kinds[:1], seqs, None))
    return rows, users


def _user(
    rows: Rows,
    spellings: tuple[str, ...],
    kinds: tuple[tuple[int, int | None], ...],
    seqs: "count[int]",
    user_id: str | None,
) -> User:
    user = User(spellings, {}, user_id)
    for list_id in LISTS:
        user.blocks[list_id] = [
            Blocked(
                list_id,
                next(seqs),
                spellings[place % len(spellings)],
                user_id if nth == 0 else None,
                ends,
                reason=f"reason {nth}",
                note=f"note {nth}",
                blocked_by=f"token {nth}",
            )
            for nth, (place, ends) in enumerate(kinds)
        ]
        rows.blocked += user.blocks[list_id]
        for hours, digits in enumerate(spellings[:2]):
            rows.inbound.append((list_id, digits, NOON - hours * SECOND))
    if user_id is not None:
        text = user.blocks[next(iter(LISTS))][0].digits
        rows.aliases += [(account_id, user_id, text) for account_id in sorted(set(LISTS.values()))]
    return user
