"""Resets, seeds and snapshots restore all data, also under load."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cli.command import started
from tests.kit.caller import block, dev, listed

from wablock.kit.fixture import Wablock
from wablock.kit.serving import served_in_a_thread
from wablock.settings import DevSettings, KeySettings

USERS = ["+16505550101", "+16505550102", "+16505550103"]
WA_IDS = [user[1:] for user in USERS]


def test_a_reset_removes_all_data(wablock: Wablock) -> None:
    block(wablock, *USERS)
    wablock.seed({"numbers": [{"phone_number_id": "7", "blocked": USERS}]})
    wablock.clock.advance(days=100)
    wablock.fail_next(code=2, times=10)
    name = wablock.snapshot()

    wablock.reset()

    assert listed(wablock) == []
    assert [entry.method for entry in wablock.journal] == ["GET"]
    assert dev(wablock, "GET", "snapshots").json() == {"data": []}
    assert dev(wablock, "POST", f"snapshots/{name}/restore").status_code == 400
    assert _listed_on(wablock, "7") == []


def test_a_token_from_before_a_reset_is_unknown_after_it(wablock: Wablock) -> None:
    made = httpx2.post(f"{wablock.url}/v1/tokens", json={"label": "x"}, headers=wablock.headers).json()["token"]
    headers = {"Authorization": f"Bearer {made}"}
    before = httpx2.get(wablock.block_users_url, headers=headers).status_code

    wablock.reset()

    assert (before, httpx2.get(wablock.block_users_url, headers=headers).status_code) == (200, 401)


def test_the_servers_own_token_stays_revoked_after_a_seed_until_a_reset(wablock: Wablock) -> None:
    def status() -> int:
        return httpx2.get(wablock.block_users_url, headers=wablock.headers).status_code

    [token] = httpx2.get(f"{wablock.url}/v1/tokens", headers=wablock.headers).json()["data"]
    httpx2.delete(f"{wablock.url}/v1/tokens/{token['token_id']}", headers=wablock.headers)
    wablock.seed({"numbers": []})
    after_seed = status()

    wablock.reset()

    assert (after_seed, status()) == (401, 200)


def test_a_snapshot_is_restored_with_its_time(wablock: Wablock) -> None:
    wablock.clock.stop()
    block(wablock, USERS[0])
    then = wablock.clock.now
    name = wablock.snapshot()
    block(wablock, USERS[1])
    wablock.clock.advance(hours=5)

    wablock.restore(name)

    assert listed(wablock) == WA_IDS[:1]
    assert wablock.clock.now == then


@pytest.mark.wablock(rules="meta")
def test_a_snapshot_has_the_windows_of_the_latest_webhooks(wablock: Wablock) -> None:
    wablock.inbound(USERS[0])
    name = wablock.snapshot()
    wablock.clock.advance(days=2)

    wablock.restore(name)

    assert "error" not in block(wablock, USERS[0]).json()


def test_snapshots_have_names_and_can_be_deleted(wablock: Wablock) -> None:
    dev(wablock, "POST", "snapshots", {"name": "full"})
    kept = dev(wablock, "GET", "snapshots").json()

    dev(wablock, "DELETE", "snapshots/full")

    assert kept == {"data": ["full"]}
    assert dev(wablock, "GET", "snapshots").json() == {"data": []}


def test_a_snapshot_of_the_same_name_replaces_the_earlier_one(wablock: Wablock) -> None:
    dev(wablock, "POST", "snapshots", {"name": "one"})
    block(wablock, USERS[0])
    dev(wablock, "POST", "snapshots", {"name": "one"})
    block(wablock, USERS[1])

    wablock.restore("one")

    assert listed(wablock) == WA_IDS[:1]


@pytest.mark.parametrize("path", ["snapshots/nosuch/restore", "snapshots/..%2f..%2fetc/restore"])
def test_an_unknown_snapshot_is_refused(wablock: Wablock, path: str) -> None:
    answer = dev(wablock, "POST", path)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in (100, 2500)


def test_a_seed_has_numbers_users_and_windows(wablock: Wablock) -> None:
    wablock.seed(
        {
            "numbers": [
                {
                    "phone_number_id": "7",
                    "display_number": "+16505550100",
                    "rules": "meta",
                    "blocked": [USERS[0], {"user": USERS[1], "reason": "spam"}, {"user_id": "US.1"}],
                    "wrote": [USERS[2], {"user": "+16505550104", "at": 1_700_000_000}],
                }
            ]
        }
    )

    answers = [_block_on(wablock, "7", user) for user in (USERS[2], "+16505550104", "+16505550100")]
    assert _listed_on(wablock, "7") == [WA_IDS[2], WA_IDS[0], WA_IDS[1], "US.1"]
    assert [_code(answer) for answer in answers] == [None, 131047, 131021]


def test_a_seeded_number_is_known_to_the_next_request(wablock: Wablock) -> None:
    before = _code(block(wablock, USERS[0]).json())

    wablock.seed({"numbers": [{"phone_number_id": wablock.phone_number_id, "rules": "meta"}]})

    assert before is None
    assert _code(block(wablock, USERS[0]).json()) == 131047


def test_a_seed_without_a_number_does_not_change_it(wablock: Wablock) -> None:
    number = {"phone_number_id": wablock.phone_number_id, "rules": "meta", "blocked": USERS[:1]}
    wablock.seed({"numbers": [number]})

    wablock.block(USERS[1])

    assert listed(wablock) == [WA_IDS[1], WA_IDS[0]]
    assert _code(block(wablock, USERS[2]).json()) == 131047


def test_a_seed_may_come_from_a_file(wablock: Wablock, tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text('{"numbers":[{"phone_number_id":"7","blocked":["+16505550101"]}]}')

    wablock.seed(tmp_path / "seed.json")

    assert _listed_on(wablock, "7") == WA_IDS[:1]


def test_more_than_1000_seeded_users_are_in_the_files_order(wablock: Wablock) -> None:
    users = [f"+1650556{number:04d}" for number in range(2_500)]

    wablock.seed({"numbers": [{"phone_number_id": "7", "blocked": users}]})

    assert _listed_on(wablock, "7") == [user[1:] for user in users]


@pytest.mark.parametrize(
    "number, place",
    [
        ({"phone_number_id": "x"}, "numbers[0][phone_number_id]"),
        ({"phone_number_id": "7", "blocked": [USERS[0], "12x"]}, "numbers[0][blocked][1]"),
        (
            {"phone_number_id": "7", "blocked": [USERS[0], {"user": USERS[1], "expires_at": 1}]},
            "numbers[0][blocked][1]",
        ),
        ({"phone_number_id": "7", "display_number": USERS[0], "blocked": [USERS[0]]}, "numbers[0][blocked][0]"),
        ({"phone_number_id": "7", "blocked": USERS[:1], "wrote": ["12x"]}, "numbers[0][wrote][0]"),
        ({"phone_number_id": "7", "wrote": [{"user": USERS[0], "at": 9_999_999_999}]}, "numbers[0][wrote][0][at]"),
        ({"phone_number_id": "7", "rules": "x"}, "open, meta"),
        ({"phone_number_id": "7", "country": "XX"}, "numbers[0][country]"),
        ({"phone_number_id": "7", "display_number": "12x"}, "numbers[0][display_number]"),
        ({"phone_number_id": "7", "nosuch": 1}, "nosuch"),
    ],
)
def test_an_invalid_seed_names_the_place_and_writes_nothing(
    wablock: Wablock, number: dict[str, Any], place: str
) -> None:
    answer = dev(wablock, "POST", "seed", {"numbers": [number]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert place in answer.json()["error"]["message"]
    assert _listed_on(wablock, "7") == []


def test_requests_during_resets_are_all_answered_and_resets_all_done(wablock: Wablock) -> None:
    stop = threading.Event()

    def blocking(worker: int) -> set[int]:
        statuses = set()
        with httpx2.Client(headers=wablock.headers, timeout=30, verify=False) as http:
            while not stop.is_set():
                body = {"messaging_product": "whatsapp", "block_users": [{"user": f"+165055501{worker:02d}"}]}
                statuses.add(http.post(wablock.block_users_url, json=body).status_code)
        return statuses

    with ThreadPoolExecutor(8) as workers:
        working = [workers.submit(blocking, worker) for worker in range(8)]
        resets = [dev(wablock, "POST", "reset").status_code for _ in range(30)]
        stop.set()
        statuses = set().union(*(worked.result(30) for worked in working))

    assert set(resets) == {200}
    assert statuses == {200}


def test_snapshots_that_are_taken_and_restored_at_once_lose_nothing(wablock: Wablock) -> None:
    block(wablock, *USERS)
    dev(wablock, "POST", "snapshots", {"name": "one"})

    with ThreadPoolExecutor(4) as workers:
        racing = [
            workers.submit(dev, wablock, *request)
            for _ in range(10)
            for request in (("POST", "snapshots", {"name": "one"}), ("POST", "snapshots/one/restore", None))
        ]
        racing.append(workers.submit(dev, wablock, "DELETE", "snapshots/one"))
        statuses = {raced.result(30).status_code for raced in racing}

    assert statuses <= {200, 400}
    assert listed(wablock) == WA_IDS


def test_an_unreadable_snapshot_is_reported_and_the_server_continues(tmp_path: Path) -> None:
    settings = DevSettings(data=tmp_path / "dev.db", key=KeySettings(secret_key_file=tmp_path / "key"))
    with served_in_a_thread(settings) as served:
        wablock = Wablock(served.url, settings, "")
        name = wablock.snapshot()
        served.dev_server.snapshots[name].path.unlink()
        block(wablock, *USERS)

        answer = dev(wablock, "POST", f"snapshots/{name}/restore")
        wa_ids = listed(wablock)
        wablock.close()

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 139103)
    assert wa_ids == WA_IDS


def test_after_a_reset_that_raced_with_writers_acknowledged_changes_are_stored(wablock: Wablock) -> None:
    with ThreadPoolExecutor(4) as workers:
        racing = [workers.submit(block, wablock, f"+165055502{n:02d}") for n in range(40)]
        wablock.reset()
        for raced in racing:
            raced.result(30)
        wablock.reset()

    block(wablock, *USERS)

    assert listed(wablock) == WA_IDS


@pytest.mark.parametrize("path", ["reset", "clock", "journal", "snapshots"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_dev_needs_its_token(wablock: Wablock, path: str, headers: dict[str, str]) -> None:
    answer = dev(wablock, "POST" if path == "reset" else "GET", path, headers=headers)

    assert answer.json()["error"]["code"] == (190 if headers else 104)


@pytest.mark.parametrize(
    "method, path, code", [("GET", "nosuch", 2500), ("DELETE", "clock", 100), ("GET", "reset", 100)]
)
def test_an_unknown_path_of_dev_is_a_graph_error(wablock: Wablock, method: str, path: str, code: int) -> None:
    answer = dev(wablock, method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_production_server_has_no_dev(tmp_path: Path) -> None:
    with started("serve", "--port", "0", WABLOCK_DATABASE=f"sqlite:///{tmp_path / 'wablock.db'}") as server:
        answer = httpx2.post(server.url + "/dev/reset", headers={"Authorization": "Bearer wablock-dev-token"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2500)


def test_wablock_dev_starts_with_a_seed_and_a_reset_restores_it(tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text(
        '{"numbers":[{"phone_number_id":"106540352242922","blocked":["+16505550101"]}]}'
    )
    headers = {"Authorization": "Bearer wablock-dev-token"}
    with started("dev", "--port", "0", "--seed", str(tmp_path / "seed.json")) as server:
        url = f"{server.url}/v25.0/106540352242922/block_users"
        body = {"messaging_product": "whatsapp", "block_users": [{"user": USERS[0]}]}
        httpx2.request("DELETE", url, json=body, headers=headers)
        emptied = httpx2.get(url, headers=headers).json()["data"]
        httpx2.post(server.url + "/dev/reset", headers=headers)

        seeded = httpx2.get(url, headers=headers).json()["data"]

    assert (emptied, [user["wa_id"] for user in seeded]) == ([], WA_IDS[:1])


def test_a_reset_of_a_server_with_a_data_file_restores_the_file(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer wablock-dev-token"}
    body = {"messaging_product": "whatsapp", "block_users": [{"user": USERS[0]}]}
    data = ("--data", str(tmp_path / "dev.db"))
    with started("dev", "--port", "0", *data, WABLOCK_SECRET_KEY_FILE=str(tmp_path / "key")) as server:
        url = f"{server.url}/v25.0/106540352242922/block_users"
        httpx2.post(url, json=body, headers=headers)
        httpx2.post(server.url + "/dev/reset", headers=headers)
    with started("dev", "--port", "0", *data, WABLOCK_SECRET_KEY_FILE=str(tmp_path / "key")) as server:
        url = f"{server.url}/v25.0/106540352242922/block_users"

        assert httpx2.get(url, headers=headers).json() == {"data": []}


def _listed_on(wablock: Wablock, phone_number_id: str) -> list[str]:
    url = wablock.block_users_url.replace(wablock.phone_number_id, phone_number_id) + "?limit=1000"
    wa_ids: list[str] = []
    while url:
        page = httpx2.get(url, headers=wablock.headers).json()
        wa_ids += [user.get("wa_id") or user["user_id"] for user in page["data"]]
        url = page.get("paging", {}).get("next", "")
    return wa_ids


def _block_on(wablock: Wablock, phone_number_id: str, user: str) -> Any:
    url = wablock.block_users_url.replace(wablock.phone_number_id, phone_number_id)
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user}]}
    return httpx2.post(url, json=body, headers=wablock.headers).json()


def _code(answer: Any) -> int | None:
    failed = answer["block_users"].get("failed_users")
    return failed[0]["errors"][0]["code"] if failed else None
