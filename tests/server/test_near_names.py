"""Names that are near misses of an item's members, and names that are unrelated."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.errors import InvalidParameter
from wablock.server.near_names import ITEM_NAMES, refuse_near_misses

NAMES = sorted(ITEM_NAMES)
NEAR = {
    "user": ["User", "USER", "users", "us er", "usre", "uuser", "user_", "user1"],  # codespell:ignore usre
    "user_id": ["user_Id", "userId", "UserID", "user-id", "user id", "userid", "user_ids", "usr_id"],
    "reason": [
        "Reason",
        "REASON",
        "reasons",
        "raeson",
        "reson",  # codespell:ignore
        "Rea-son",
        "r_eason",
        "reazon",
    ],
    "note": ["Note", "notes", "NOTES", "noet", "n_o_t_e"],
    "expires_at": [
        *("expires_in_days", "expiresAt", "expires-at", "EXPIRES_AT", "expire_at", "expires at", "expieres_at"),
        *("expiry", "expires", "expiresIn", "expiration_date", "expired_at", "ttl", "TTL", "until", "blocked_until"),
        *("block_until", "bannedUntil", "unblock_at", "unblocked_on", "unblockAfter", "duration"),
    ],
}
# Members that SDKs put into an item, members of a list's rows, and other words of Graph.
NOT_OURS = [
    *("input", "wa_id", "messaging_product", "blocked_at", "blocked_by", "errors", "nickname", "username", "name"),
    *("phone", "phone_number", "id", "type", "label", "status", "code", "value", "node", "date", "vote", "comment"),
    *("parent_user_id", "country_code", "", "é", "x" * 10_000),
]


@pytest.mark.parametrize("name, meant", [(name, meant) for meant, names in NEAR.items() for name in names])
def test_a_near_miss_is_named_with_its_item_and_the_right_name(name: str, meant: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        refuse_near_misses([{"user": "+16505550101"}, {"user": "+16505550102", name: "x"}])

    assert caught.value.message == f"(#100) Unknown parameter block_users[1][{name}]: write block_users[1][{meant}]."


@pytest.mark.parametrize("name", NOT_OURS)
def test_an_unrelated_name_is_ignored(name: str) -> None:
    refuse_near_misses([{"user": "+16505550101", name: "x"}])


@pytest.mark.parametrize("name", NAMES)
def test_our_own_names_are_no_near_misses(name: str) -> None:
    refuse_near_misses([{name: "x"}])


def test_a_near_miss_with_a_null_value_is_ignored() -> None:
    refuse_near_misses([{"user": "+16505550101", "userId": None, "Reason": None}])


@pytest.mark.parametrize("items", [None, 5, "x", {"Reason": "x"}, [5, None, ["Reason"]]])
def test_a_value_that_is_no_list_of_items_has_no_near_misses(items: Any) -> None:
    refuse_near_misses(items)


@given(st.sampled_from(NAMES), st.data())
def test_case_dashes_underscores_and_blanks_make_no_other_name(name: str, data: st.DataObject) -> None:
    letters = [data.draw(st.sampled_from((letter.lower(), letter.upper()))) for letter in name.replace("_", "")]
    marks = [data.draw(st.sampled_from(("", "", "-", "_", " ", "\u00a0", "."))) for _ in letters]
    spelling = "".join(mark + letter for mark, letter in zip(marks, letters, strict=True))

    if spelling == name:
        refuse_near_misses([{spelling: "x"}])
    else:
        with pytest.raises(InvalidParameter, match=rf"write block_users\[0\]\[{name}\]\.$"):
            refuse_near_misses([{spelling: "x"}])


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_any_name_is_accepted_or_refused(item: dict[str, str]) -> None:
    with contextlib.suppress(InvalidParameter):
        refuse_near_misses([item])


def test_a_request_full_of_unknown_names_has_no_near_miss() -> None:
    items = [{f"name {index} {place}": 1 for place in range(100)} for index in range(1_000)]

    refuse_near_misses(items)
