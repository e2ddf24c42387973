"""The calls of `/v1`: a check that does not read the list, and recent drops."""

import pytest
from tests.client.script import Script, answer_with, calls, refused

from wablock.client import ApiError, NoAnswer, RecentDrop, RecentDropList

ANNA = "+16505550101"


def test_a_check_that_may_not_list_fails_if_the_server_has_no_check() -> None:
    script = Script(refused(2500, status=400))

    with pytest.raises(ApiError):
        script.run(calls().check(ANNA, may_list=False))

    assert len(script.requests) == 1


def test_a_check_without_an_answer_for_every_user_fails() -> None:
    script = Script(answer_with({"users": [{"input": ANNA, "blocked": True}]}))

    with pytest.raises(NoAnswer, match="every user"):
        script.run(calls().check([ANNA, "+16505550102"]))


def test_a_user_who_is_checked_twice_may_be_answered_once() -> None:
    script = Script(answer_with({"users": [{"input": ANNA, "blocked": True}]}))

    assert [user.blocked for user in script.run(calls().check([ANNA, ANNA]))] == [True]


def test_drops_are_read_after_the_last_one_that_was_seen() -> None:
    drop = {"seq": 8, "at": 1_737_679_688, "sender": "165…34", "type": "text", "size": 120}
    script = Script(answer_with({"data": [drop], "after": 8}))

    drops = script.run(calls().management.drops(7))

    assert drops == RecentDropList([RecentDrop(8, 1_737_679_688, "165…34", "text", 120)], 8)
    assert script.requests[0].path == "/v1/numbers/106540352242922/drops?after=7"
