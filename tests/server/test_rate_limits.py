"""Rate limits over HTTP: which token or number is past its rate, and the error that it gets."""

from pathlib import Path

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server
from tests.server.turned_clock import TurnedClock

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber
from wablock.settings import LimitSettings

PER_TOKEN = LimitSettings(requests_per_minute_per_token=2)
PER_NUMBER = LimitSettings(requests_per_minute_per_number=2)
STRANGER = AccessToken(digest("a-stranger's-token"), "another account", "stranger", ALL_SCOPES, None, 0)
SECOND = AccessToken(digest("a-second-token"), ACCOUNT_ID, "second", ALL_SCOPES, None, 0)
OTHER_NUMBER = BusinessNumber("777", ACCOUNT_ID)


def _get(server: RunningServer, token: str, path: str | None = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(server.url + (path or server.block_users), headers=headers, timeout=60)


def test_a_token_past_its_rate_gets_a_retry_after(tmp_path: Path) -> None:
    clock = TurnedClock()
    with running_server(tmp_path, limits=PER_TOKEN, monotonic=clock) as server:
        good = [_get(server, server.token).status_code for _ in range(2)]

        refused = _get(server, server.token)

        assert good == [200, 200]
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, 4)
        clock.turn(int(refused.headers["retry-after"]))
        assert _get(server, server.token).status_code == 200


def test_one_token_does_not_use_up_anothers_share(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=PER_TOKEN, monotonic=TurnedClock(), tokens=[SECOND]) as server:
        for _ in range(3):
            _get(server, server.token)

        assert _get(server, "a-second-token").status_code == 200


@pytest.mark.parametrize("path", ["/v1/tokens", None])
def test_a_token_has_one_share_for_all_paths(tmp_path: Path, path: str | None) -> None:
    with running_server(tmp_path, limits=PER_TOKEN, monotonic=TurnedClock()) as server:
        for _ in range(2):
            _get(server, server.token, path)

        assert _get(server, server.token).json()["error"]["code"] == 4
        assert _get(server, server.token, "/v1/tokens").json()["error"]["code"] == 4


def test_a_number_past_its_rate_gets_a_retry_after(tmp_path: Path) -> None:
    clock = TurnedClock()
    with running_server(tmp_path, limits=PER_NUMBER, monotonic=clock, tokens=[SECOND]) as server:
        good = [_get(server, token).status_code for token in (server.token, "a-second-token")]

        refused = _get(server, server.token)

        assert good == [200, 200]
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, 130429)
        clock.turn(int(refused.headers["retry-after"]))
        assert _get(server, server.token).status_code == 200


def test_one_number_does_not_use_up_anothers_share(tmp_path: Path) -> None:
    numbers = [NUMBER, OTHER_NUMBER]
    with running_server(tmp_path, limits=PER_NUMBER, monotonic=TurnedClock(), numbers=numbers) as server:
        for _ in range(3):
            _get(server, server.token)

        assert _get(server, server.token, "/v25.0/777/block_users").status_code == 200


def test_a_token_without_access_to_a_number_cannot_use_up_its_share(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=PER_NUMBER, monotonic=TurnedClock(), tokens=[STRANGER]) as server:
        for _ in range(5):
            assert _get(server, "a-stranger's-token").json()["error"]["error_subcode"] == 33

        assert _get(server, server.token).status_code == 200


def test_health_requests_have_no_rate_limit(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=PER_TOKEN, monotonic=TurnedClock()) as server:
        assert {httpx2.get(f"{server.url}/healthz").status_code for _ in range(10)} == {200}
