"""Tests of a program that blocks over plain HTTP. Run with: pytest examples/test_with_requests.py"""

import pytest
import requests

from wablock.kit.fixture import Wablock

ANNA = "+16505550101"


class BlockFailed(Exception):
    """The error code of the request or of the user."""


def block(url: str, token: str, user: str) -> str:
    """The program under test: blocks `user`, returns the `wa_id`, and retries once after a server error."""
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user}]}
    for _ in range(2):
        response = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5)
        if response.status_code < 500:
            break
    data = response.json()
    if "block_users" not in data:
        raise BlockFailed(data["error"]["code"])
    if failed := data["block_users"].get("failed_users"):
        raise BlockFailed(failed[0]["errors"][0]["code"])
    added: str = data["block_users"]["added_users"][0]["wa_id"]
    return added


def test_a_user_is_blocked(wablock: Wablock) -> None:
    assert block(wablock.block_users_url, wablock.token, ANNA) == "16505550101"

    assert wablock.is_blocked(ANNA)
    assert wablock.inbound(ANNA).dropped


@pytest.mark.wablock(rules="meta")
def test_a_user_who_did_not_write_in_the_last_24_hours_cannot_be_blocked(wablock: Wablock) -> None:
    wablock.inbound(ANNA)
    wablock.clock.advance(hours=25)

    with pytest.raises(BlockFailed, match="131047"):
        block(wablock.block_users_url, wablock.token, ANNA)


def test_a_server_error_is_retried(wablock: Wablock) -> None:
    wablock.fail_next(code=139103)

    block(wablock.block_users_url, wablock.token, ANNA)

    assert [entry.status for entry in wablock.journal] == [500, 200]


def test_a_wrong_token_is_reported(wablock: Wablock) -> None:
    with pytest.raises(BlockFailed, match="190"):
        block(wablock.block_users_url, "wrong", ANNA)
