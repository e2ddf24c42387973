"""`wablock dev`: one command starts a ready server."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import Server, run, run_here, started, without_warning
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.graph import blocked, body

from wablock.settings import DEV_PHONE_NUMBER_ID, DEV_TOKEN

HEADERS = {"Authorization": f"Bearer {DEV_TOKEN}"}
USER = "16505551234"


@pytest.fixture(scope="module")
def dev() -> Iterator[Server]:
    with started("dev", "--port", "0") as server:
        yield server


def _client(server: Server) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, headers=HEADERS, timeout=60)


def test_dev_prints_all_that_a_client_needs(dev: Server) -> None:
    assert re.search(rf"Base URL +{re.escape(dev.url)}\n", dev.announced)
    assert re.search(rf"Phone number id +{DEV_PHONE_NUMBER_ID}, and any other numeric id\n", dev.announced)
    assert re.search(rf"Access token +{DEV_TOKEN}\n", dev.announced)


def test_dev_prints_its_rules(dev: Server) -> None:
    assert re.search(r"Rules +open\n", dev.announced)


def test_dev_prints_that_it_stores_nothing_and_how_to_store_data(dev: Server) -> None:
    assert re.search(r"Lists are kept +until the server stops; use --data FILE to keep them\n", dev.announced)


def test_dev_prints_that_it_is_not_metas(dev: Server) -> None:
    assert "not affiliated with Meta" in dev.announced


def test_the_printed_curl_commands_block_a_user_and_show_the_list(dev: Server) -> None:
    block, show = re.findall(r"^  (curl .*?[^\\])\n\n", dev.announced, re.DOTALL | re.MULTILINE)

    answers = [
        subprocess.run(["bash", "-c", f"{command} --silent"], capture_output=True, check=True)
        for command in (block, show)
    ]

    added, listed = (json.loads(answer.stdout) for answer in answers)
    assert added["block_users"]["added_users"] == [{"input": f"+{USER}", "wa_id": USER}]
    assert [user["wa_id"] for user in listed["data"]] == [USER]


def test_dev_answers_for_any_numeric_phone_number_id(dev: Server) -> None:
    with _client(dev) as client:
        answer = client.get("/v25.0/12345/block_users")

    assert answer.json() == {"data": []}


def test_with_strict_numbers_only_the_one_number_is_known() -> None:
    with (
        started("dev", "--port", "0", "--strict-numbers", "--phone-number-id", "777") as server,
        _client(server) as client,
    ):
        known, unknown = client.get("/v25.0/777/block_users"), client.get("/v25.0/778/block_users")

    assert "777\n" in server.announced
    assert known.status_code == 200
    assert unknown.json()["error"]["error_subcode"] == 33


def test_data_keeps_lists_over_a_restart_for_any_file_name(tmp_path: Path) -> None:
    file = tmp_path / "50%25 #1?.db"

    with started("dev", "--port", "0", "--data", str(file)) as server, _client(server) as client:
        assert str(file) in server.announced
        client.post(BLOCK_USERS, json=body([USER]))
    with started("dev", "--port", "0", "--data", str(file)) as server, _client(server) as client:
        wa_ids = blocked(client)

    assert wa_ids == [USER]
    assert file.exists()


def test_without_data_nothing_is_left_on_disk(tmp_path: Path) -> None:
    with started("dev", "--port", "0", TMPDIR=str(tmp_path)) as server:
        assert list(tmp_path.iterdir()) != []
        server.stop()

    assert list(tmp_path.iterdir()) == []


def test_under_meta_rules_a_stranger_cannot_be_blocked() -> None:
    with started("dev", "--port", "0", "--rules", "meta") as server, _client(server) as client:
        answer = client.post(BLOCK_USERS, json=body([USER]))

    assert re.search(r"Rules +meta\n", server.announced)
    [failed] = answer.json()["block_users"]["failed_users"]
    assert failed["errors"][0]["code"] == 131047


def test_settings_may_come_from_the_environment() -> None:
    variables = {"WABLOCK_PORT": "0", "WABLOCK_TOKEN": "a-token-from-the-environment", "WABLOCK_LIST_HAS_INPUT": "true"}
    headers = {"Authorization": "Bearer a-token-from-the-environment"}

    with started("dev", **variables) as server, httpx2.Client(base_url=server.url, headers=headers) as client:
        client.post(BLOCK_USERS, json=body([USER]))
        [listed] = client.get(BLOCK_USERS).json()["data"]

    assert listed["input"] == f"+{USER}"


def test_a_flag_wins_over_the_environment() -> None:
    with started("dev", "--port", "0", "--rules", "open", WABLOCK_RULES="meta") as server:
        assert re.search(r"Rules +open\n", server.announced)


def test_dev_listens_on_ipv6_and_prints_an_address_that_works() -> None:
    with started("dev", "--port", "0", "--host", "::1") as server, _client(server) as client:
        assert server.url.startswith("http://[::1]:")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.test", "::"])
def test_dev_does_not_listen_beyond_loopback_with_the_public_token(host: str) -> None:
    refused = run_here("dev", "--host", host, "--port", "0")

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith("wablock: ")
    assert "--token" in refused.stderr
    assert without_warning(refused.stderr).count("\n") == 1


def test_dev_listens_beyond_loopback_with_a_token_of_its_own() -> None:
    with started("dev", "--host", "0.0.0.0", "--port", "0", "--token", "a-secret-token") as server:
        assert "a-secret-token" in server.announced


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("--phone-number-id", "+16505550100"), "digits only"),
        (("--phone-number-id", ""), "digits only"),
        (("--token", "two words"), "--token"),
        (("--token", ""), "--token"),
        (("--token", "bell\x07"), "--token"),
        (("--token", "não"), "--token"),
        (("--public-url", "wablock.test"), "http:// or https://"),
        (("--public-url", "ftp://wablock.test"), "http:// or https://"),
        (("--public-url", "https://"), "http:// or https://"),
        (("--public-url", ""), "http:// or https://"),
        (("--public-url", "http://[::1"), "http:// or https://"),
    ],
)
def test_an_invalid_setting_is_one_line_and_status_2(arguments: tuple[str, ...], error: str) -> None:
    refused = run_here("dev", "--port", "0", *arguments)

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert error in refused.stderr
    assert without_warning(refused.stderr).startswith("wablock: ")
    assert without_warning(refused.stderr).count("\n") == 1


def test_serve_refuses_an_invalid_public_url(tmp_path: Path) -> None:
    refused = run_here("serve", "--public-url", "wablock.test", "--database", f"sqlite:///{tmp_path / 'wablock.db'}")

    assert refused.returncode == 2
    assert "http:// or https://" in refused.stderr


def test_the_name_localhost_is_loopback() -> None:
    with started("dev", "--host", "localhost", "--port", "0") as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        refused = run("dev", "--port", str(port))

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert re.fullmatch(rf"wablock: Cannot listen on 127\.0\.0\.1:{port}: .*in use\n", refused.stderr)


@pytest.mark.parametrize("command", ["dev", "serve"])
@pytest.mark.parametrize("address", [("--port", "70000"), ("--port", "-1"), ("--host", "a..b", "--token", "x" * 20)])
def test_an_invalid_address_is_one_clear_line(command: str, address: tuple[str, ...]) -> None:
    refused = run_here(command, *(address if command == "dev" else address[:2]))

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith("wablock: Cannot listen on ")
    assert without_warning(refused.stderr).count("\n") == 1
