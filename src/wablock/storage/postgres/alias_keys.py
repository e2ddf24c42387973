"""The rules of `contract.spellings` in SQL: every key under which the user of a user_id may be stored.

A check reads a user_id's link and the user's rows in one statement. The previous version may have written either, under
another key, so the statement needs the rules. A test compares them with `keys_of`.
"""

from typing import Final

from wablock.contract.spellings import ADDED_DIGITS, AREA_CODES

_AREAS: Final = "|".join(sorted(AREA_CODES))
_AREA: Final = f"{_AREAS}|(?!{_AREAS})[23][0-9]{{3}}"


def _added_digits(start: str) -> str:
    """The digits that were added to old numbers with this country code and first two digits; NULL for others."""
    starts: dict[str, list[str]] = {}
    for beginning, digits in ADDED_DIGITS.items():
        starts.setdefault(digits, []).append(beginning)
    cases = (
        f"WHEN {start} = ANY('{{{','.join(beginnings)}}}') THEN '{digits}'" for digits, beginnings in starts.items()
    )
    return f"CASE {' '.join(cases)} END"


def keys_of(identity: str) -> str:
    """An array of the value of the column `identity` and the user's other key, or NULL if there is none."""
    with_two_digits = f"left({identity}, 3) || {_added_digits(f'left({identity}, 5)')} || substr({identity}, 4)"
    start = f"left({identity}, 3) || substr({identity}, 6, 2)"
    return f"""CASE
    WHEN left({identity}, 3) IN ('225', '229') THEN ARRAY[{identity}, CASE length({identity})
      WHEN 11 THEN {with_two_digits}
      WHEN 13 THEN CASE WHEN substr({identity}, 4, 2) = {_added_digits(start)}
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
