"""What a server writes to its log, and what never."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.command import started
from tests.cli.http_request import all_received, connected
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import body

from wablock.cli.logs import mask

USER = "16505550101"

texts = st.lists(st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True) | st.text(max_size=20), max_size=10).map("".join)


@given(text=texts, key=st.sampled_from(["event", "path", "exception", "logger"]))
def test_no_run_of_seven_digits_is_left_of_any_text(text: str, key: str) -> None:
    masked = mask(None, "info", {key: text})[key]

    assert not re.search(r"\d{7}", masked)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Nd", "Cc", "Cf", "Zl", "Zp"])))
def test_what_has_no_digits_stays_as_it_is(text: str) -> None:
    assert mask(None, "info", {"event": text}) == {"event": text}


@given(text=st.text(), key=st.sampled_from(["event", "path", "exception", "request_id"]))
def test_nothing_that_a_terminal_obeys_is_left_of_any_text(text: str, key: str) -> None:
    masked = mask(None, "info", {key: f"\x1b]0;title\x07{text}\x9b31m"})[key]

    left = {character for character in masked if unicodedata.category(character) == "Cc"}
    assert left <= ({"\n"} if key == "exception" else set())


def test_a_traceback_stays_in_lines() -> None:
    assert mask(None, "info", {"exception": "one\ntwo\x1b[2J"}) == {"exception": "one\ntwo�[2J"}


def test_of_a_number_its_beginning_and_end_are_left() -> None:
    assert mask(None, "info", {"event": "to +16505551234."}) == {"event": "to +165…34."}


@pytest.mark.parametrize("key", ["request_id", "timestamp"])
def test_an_id_is_whole_so_that_it_can_be_searched_for(key: str) -> None:
    assert mask(None, "info", {key: "A123456789"}) == {key: "A123456789"}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, dict[str, httpx2.Response], str]]:
    """The answers to several requests, and all that the server wrote meanwhile."""
    deployment = Deployment(tmp_path_factory.mktemp("deployment"))
    with deployment.server("--log-requests") as server, httpx2.Client(base_url=server.url) as client:
        token = deployment.token
        answers = {
            "good": client.post(BLOCK_USERS, json=body([USER]), headers=deployment.headers),
            "token in query": client.get(f"{BLOCK_USERS}?access_token={token}&after={USER}"),
            "bad token": client.get(BLOCK_USERS, headers={"Authorization": f"Bearer {token}x"}),
            "number in path": client.get(f"/v25.0/{USER}/block_users", headers=deployment.headers),
            "unknown path": client.get(f"/{USER}/%0d%0a%2B{USER}/{USER}", headers=deployment.headers),
            "bad user": client.post(BLOCK_USERS, json=body([f"0{USER}9999"]), headers=deployment.headers),
            "healthy": client.get("/healthz"),
            "no manager": client.get("/v1/tokens"),
        }
        server.stop()
        yield deployment, answers, server.log


def _records(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def test_every_line_is_a_json_object_with_level_time_and_origin(logged: tuple[Any, Any, str]) -> None:
    for record in _records(logged[2]):
        assert {"event", "level", "timestamp", "logger"} <= record.keys()


def test_a_request_is_logged_by_the_id_of_its_answer(logged: tuple[Any, dict[str, httpx2.Response], str]) -> None:
    _, answers, log = logged
    records = {record["request_id"]: record for record in _records(log)}

    for answer in answers.values():
        record = records[answer.headers["x-fb-request-id"]]
        assert record["status"] == answer.status_code
        assert record["method"] == answer.request.method
        assert record["ms"] >= 0
        if "block_users" in answer.text or answer.status_code >= 400:
            assert record["path"].startswith("/")


def test_a_failure_is_logged_with_its_code(logged: tuple[Any, dict[str, httpx2.Response], str]) -> None:
    _, answers, log = logged
    records = {record["request_id"]: record for record in _records(log)}

    assert records[answers["bad token"].headers["x-fb-request-id"]]["code"] == 190
    assert records[answers["bad user"].headers["x-fb-request-id"]]["code"] == 139100
    assert records[answers["unknown path"].headers["x-fb-request-id"]]["code"] == 2500
    assert records[answers["no manager"].headers["x-fb-request-id"]]["code"] == 104


def test_what_is_refused_before_it_is_a_request_is_logged_by_the_id_of_its_answer(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.server() as server:
        with connected(server) as connection:
            connection.sendall(b"\0")
            answer = all_received(connection).decode()
        server.stop()

    [record] = _records(server.log)
    assert (record["status"], record["code"]) == (400, 100)
    assert record["reason"] == "(#100) Invalid HTTP request received."
    assert f"x-fb-request-id: {record['request_id']}" in answer


def test_the_log_has_no_phone_number_no_query_and_no_token(logged: tuple[Deployment, Any, str]) -> None:
    deployment, _, log = logged

    assert USER not in log
    assert PHONE_NUMBER_ID not in log
    assert deployment.token not in log
    assert "access_token" not in log
    assert "?" not in log
    for record in _records(log):
        assert not re.search(r"\d{7}", record["event"] + record.get("path", ""))


def test_without_the_setting_only_failures_are_logged(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.server() as server, httpx2.Client(base_url=server.url) as client:
        client.get(BLOCK_USERS, headers=deployment.headers)
        client.get(BLOCK_USERS)
        server.stop()

    assert [record["code"] for record in _records(server.log)] == [104]


def test_dev_logs_lines_for_people(tmp_path: Path) -> None:
    with started("dev", "--port", "0", TMPDIR=str(tmp_path)) as server:
        httpx2.get(f"{server.url}{BLOCK_USERS}?access_token=secret&x={USER}")
        server.stop()

    assert "path=/v25.0/106…22/block_users" in server.log
    assert "secret" not in server.log
    assert USER not in server.log


def test_a_path_gives_no_orders_to_the_terminal_that_shows_the_log(tmp_path: Path) -> None:
    with started("dev", "--port", "0", TMPDIR=str(tmp_path)) as server:
        httpx2.get(f"{server.url}/%1b%5d0;owned%07/%c2%9b31m/%0aforged")
        server.stop()

    [line] = [line for line in server.log.splitlines() if "owned" in line]
    assert "forged" in line
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    assert "\\x1b" not in line
