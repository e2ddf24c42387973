"""A second tenant, whose host names resolve slowly."""

from typing import Final

import httpx2
from tests.running_server import RunningServer

from wablock.access import AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber

THEIRS: Final = BusinessNumber("106540352242999", "102290129340999")
THEIR_TOKEN: Final = "their-token-for-tests"
THEIR_ACCESS: Final = AccessToken(digest(THEIR_TOKEN), THEIRS.account_id, "theirs", frozenset(Scope), None, 0)
LONG: Final = 60.0  # seconds


def add_slow_receiver(gate: RunningServer, number: int) -> int:
    """The status of the answer."""
    url = f"{gate.url}/v1/numbers/{THEIRS.phone_number_id}/downstreams"
    body = {"url": f"https://name{number}.slow.example/"}
    return httpx2.post(url, json=body, headers={"authorization": f"Bearer {THEIR_TOKEN}"}, timeout=LONG).status_code
