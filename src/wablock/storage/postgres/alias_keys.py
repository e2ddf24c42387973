"""Every key under which the user that a user_id means may be kept, in SQL: the rules of `contract.spellings`.

A check finds by a user_id in one statement what the link says and the rows of that user, and the rows or the link may
be the version before's. So the statement has to know the rules; a test holds them to `keys_of`.
"""

from typing import Final

from wablock.contract.spellings import ADDED_DIGITS, AREA_CODES

_AREAS: Final = "|".join(sorted(AREA_CODES))
_AREA: Final = f"{_AREAS}|(?!{_AREAS})[23][0-9]{{3}}"


def _put_before(start: str) -> str:
    """The digits that were put before an old number, of its country code and first two digits; NULL for a stranger."""
    starts: dict[str, list[str]] = {}
    for known, put in ADDED_DIGITS.items():
        starts.setdefault(put, []).append(known)
    cases = (f"WHEN {start} = ANY('{{{','.join(known)}}}') THEN '{put}'" for put, known in starts.items())
    return f"CASE {' '.join(cases)} END"


def keys_of(identity: str) -> str:
    """An array with what the column `identity` has and the user's other keys; NULL in it stands for nothing."""
    with_two_digits = f"left({identity}, 3) || {_put_before(f'left({identity}, 5)')} || substr({identity}, 4)"
    start = f"left({identity}, 3) || substr({identity}, 6, 2)"
    return f"""CASE
    WHEN left({identity}, 3) IN ('225', '229') THEN ARRAY[{identity}, CASE length({identity})
      WHEN 11 THEN {with_two_digits}
      WHEN 13 THEN CASE WHEN substr({identity}, 4, 2) = {_put_before(start)}
        THEN left({identity}, 3) || substr({identity}, 6) END
      END]
    WHEN left({identity}, 2) = '54' THEN ARRAY[{identity}, CASE length({identity})
      WHEN 12 THEN regexp_replace({identity}, '^54({_AREA})([1-35-9][0-9]+)$', '54\\115\\2')
      WHEN 13 THEN regexp_replace({identity}, '^549({_AREA})(4[0-9]+)$', '54\\115\\2')
      WHEN 14 THEN regexp_replace(
        regexp_replace({identity}, '^54({_AREA})15(4[0-9]+)$', '549\\1\\2'),
        '^54({_AREA})15([1-35-9][0-9]+)$', '54\\1\\2'
      )
      END]
    ELSE ARRAY[{identity}]
  END"""
