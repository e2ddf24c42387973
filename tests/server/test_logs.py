"""What a server writes to its log, and what it never writes."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.cli.command import started
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import body
from tests.http_request import all_received, connected

from wablock.cli.logs import mask

USER = "16505550101"

texts = st.lists(st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True) | st.text(max_size=20), max_size=10).map("".join)


@example(text="%0000000", key="event")
@given(text=texts, key=st.sampled_from(["event", "path", "exception", "logger"]))
def test_seven_digits_in_a_row_are_masked_in_any_text(text: str, key: str) -> None:
    masked = mask(None, "info", {key: text})[key]

    assert not re.search(r"\d{7}", masked)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Nd", "Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_text_without_digits_is_not_masked(text: str) -> None:
    assert mask(None, "info", {"event": text}) == {"event": text}


@given(text=st.text(), key=st.sampled_from(["event", "path", "exception", "request_id"]))
def test_no_control_character_is_left_of_any_text(text: str, key: str) -> None:
    masked = mask(None, "info", {key: f"\x1b]0;title\x07{text}\x9b31m"})[key]

    left = {character for character in masked if unicodedata.category(character) == "Cc"}
    assert left <= ({"\n"} if key == "exception" else set())


def test_a_traceback_stays_in_lines() -> None:
    assert mask(None, "info", {"exception": "one\ntwo\x1b[2J"}) == {"exception": "one\ntwo�[2J"}


def test_a_number_keeps_its_beginning_and_end() -> None:
    assert mask(None, "info", {"event": "to +16505551234."}) == {"event": "to +165…34."}


@pytest.mark.parametrize("key", ["request_id", "timestamp"])
def test_an_id_is_whole_so_that_it_can_be_searched_for(key: str) -> None:
    assert mask(None, "info", {key: "A123456789"}) == {key: "A123456789"}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, dict[str, httpx2.Response], str]]:
    """The responses to several requests, and all that the server logged meanwhile."""
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


def test_bytes_refused_before_they_are_a_request_are_logged_by_the_id_of_the_answer(tmp_path: Path) -> None:
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


def test_a_path_sends_no_control_characters_to_the_terminal_that_shows_the_log(tmp_path: Path) -> None:
    with started("dev", "--port", "0", TMPDIR=str(tmp_path)) as server:
        httpx2.get(f"{server.url}/%1b%5d0;owned%07/%c2%9b31m/%0aforged")
        server.stop()

    [line] = [line for line in server.log.splitlines() if "code=2500" in line]
    assert "path=/…/…/…" in line
    assert "forged" not in server.log
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", server.log)


USER_ID = "US.13491208655302741918"
TOKEN_IN_PATH = "EAAGm0PX4ZCpsBAKZAZCZCabcdefg123"
IN_PATHS = [
    "+1%20650-555-0123",
    "%2B1.650.555.0123",
    "(650)555-0123",
    "1-650.555-0123@s.whatsapp.net",
    USER_ID,
    "US.ENT.13491208655302741918",
    TOKEN_IN_PATH,
    "anna",
]


@pytest.fixture(scope="module")
def paths_logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """What a server logged whose callers put users and tokens into every part of a path."""
    deployment = Deployment(tmp_path_factory.mktemp("paths"))
    with deployment.server("--log-requests") as server, httpx2.Client(base_url=server.url) as client:
        for text in IN_PATHS:
            for path in (
                f"/v1/numbers/{PHONE_NUMBER_ID}/check/{text}",
                f"/v25.0/{text}/block_users",
                f"/{text}",
                f"/v1/{text}/",
            ):
                client.get(path, headers=deployment.headers)
            client.delete(f"/v1/tokens/{text}", headers=deployment.headers)
            client.post(f"/v25.0/{PHONE_NUMBER_ID}/{text}", headers=deployment.headers)
        server.stop()
        yield _records(server.log)


def test_the_log_shows_the_route_and_nothing_that_a_caller_put_into_the_path(
    paths_logged: list[dict[str, Any]],
) -> None:
    assert {record["path"] for record in paths_logged} == {
        "/v1/numbers/106…22/check/…",
        "/v25.0/…/block_users",
        "/…",
        "/v1/…/",
        "/v1/tokens/…",
        "/v25.0/106…22/…",
    }


@pytest.mark.parametrize("kept", ["0123", "13491208655302741918", TOKEN_IN_PATH, "anna"])
def test_no_user_and_no_token_of_a_path_is_in_the_log(paths_logged: list[dict[str, Any]], kept: str) -> None:
    # The server makes these, and four digits may well be in a time.
    made_by_the_server = {"timestamp", "request_id", "ms"}
    logged = [{key: value for key, value in record.items() if key not in made_by_the_server} for record in paths_logged]

    assert kept not in str(logged)


@pytest.mark.parametrize(
    "text",
    [
        "+1 650-555-0123",
        "(650) 555-0123",
        "650.555.0123",
        "%2B1%20650%20555%200123",
        "%31%36%35%30%35%35%35%30%31%32%33",
        "1\u2011650\u2011555\u20110123",
        "1\u00a0650\u00a0555\u00a00123",
        "US.13491208655302741918",
        "US.ENT.13491208655302741918",
        "Bearer abcdef",
        "access_token=abcdef&x",
        '"access_token":"abcdef"',
        "access_token: abcdef",
        "access_token%3Dabcdef",
        "Authorization: OAuth abcdef",
        "wamid.HBgLMTY1MDU1NTAxMjMVAgASGBQzQTRBNjU5OUFF",
        "EAAGm0PX4ZCpsBAKZAZCZCabcdefg123",
        "wablock_" + "abcd1" * 8,
    ],
)
@pytest.mark.parametrize("key", ["event", "exception", "error", "phone_number_id"])
def test_a_number_a_user_id_or_a_token_is_masked_however_it_is_written(text: str, key: str) -> None:
    masked = mask(None, "warning", {key: f"it was {text} that failed"})[key]

    assert "…" in masked
    assert not any(kept in masked for kept in ("555", "1349", "abcd"))


@pytest.mark.parametrize(
    "text", ["10.0.0.12:5432", "192.168.100.200", "2026-11-27 00:30:12", "PostgreSQL 17.11", "line 262"]
)
def test_an_address_a_day_and_a_version_are_whole(text: str) -> None:
    assert mask(None, "info", {"event": text}) == {"event": text}


@pytest.mark.parametrize("value", [["+1 650-555-0123"], {"user": "+1 650-555-0123"}, ValueError("+1 650-555-0123")])
def test_bytes_that_are_not_text_are_masked_too(value: object) -> None:
    assert "555" not in str(mask(None, "info", {"event": "x", "user": value})["user"])


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200e", "\u200f", "\u061c", "\u2028", "\r", "\n", "\ud800"])
def test_marks_that_reorder_or_break_a_line_are_not_logged(mark: str) -> None:
    assert mask(None, "info", {"event": f"one{mark}two"}) == {"event": "one\N{REPLACEMENT CHARACTER}two"}


def test_a_long_text_is_cut_in_its_middle() -> None:
    logged = mask(None, "info", {"event": "a" * 1_000_000 + "z"})["event"]

    assert len(logged) < 2_100
    assert logged.startswith("aaa")
    assert logged.endswith("z")
