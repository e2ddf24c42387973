"""`wablock drops`: the drops of the gate in a terminal."""

import json
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import WABLOCK, Server, environment, run, run_here, started, without_warning
from tests.cli.follower import following
from tests.ports import lasting_port
from tests.receiver import receiving
from tests.server.test_webhooks import KEY, message, signed, webhook

from wablock.settings import DEV_APP_SECRET
from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER
from wablock.settings import DEV_TOKEN as TOKEN

ANNA = "16505551234"
LINE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  165…34  (\w+)  \d+ bytes\n")


@pytest.fixture(scope="module")
def _module_server() -> Iterator[Server]:
    with started("dev", "--port", "0") as server:
        yield server


@pytest.fixture
def number(_module_server: Server) -> str:
    """A number without drops that has blocked Anna."""
    number = str(random.randrange(10**14, 10**15))
    block(_module_server, number)
    return number


@pytest.fixture
def server(_module_server: Server) -> Server:
    return _module_server


def block(server: Server, number: str) -> None:
    answer = httpx2.post(
        f"{server.url}/v25.0/{number}/block_users",
        json={"messaging_product": "whatsapp", "block_users": [{"user": ANNA}]},
        headers={"authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 200


def drop(server: Server, number: str, kind: str = "text") -> None:
    """Send a message of Anna, which is dropped."""
    body = webhook(message(ANNA) | {"type": kind}, number=number)
    headers = {"x-hub-signature-256": signed(body, DEV_APP_SECRET)}
    answer = httpx2.post(f"{server.url}/webhooks/whatsapp", content=body, headers=headers)
    assert answer.status_code == 200


def at(server: Server) -> dict[str, str]:
    return {"WABLOCK_URL": server.url, "WABLOCK_TOKEN": TOKEN}


def test_dropped_messages_are_shown_with_their_senders_masked(server: Server, number: str) -> None:
    drop(server, number, "image")

    process = run_here("drops", number, "--url", server.url, "--token", TOKEN)

    assert process.returncode == 0, process.stderr
    assert "165…34" in process.stdout
    assert "image" in process.stdout
    assert ANNA not in process.stdout


def test_programs_get_one_array(server: Server, number: str) -> None:
    for kind in ("text", "image"):
        drop(server, number, kind)

    drops = json.loads(run_here("drops", number, "--json", "--url", server.url, "--token", TOKEN).stdout)

    assert [(it["sender"], it["type"]) for it in drops] == [("165…34", "text"), ("165…34", "image")]
    assert all(it["at"] > 1_700_000_000 and it["size"] > 10 for it in drops)


def test_a_gate_without_drops_is_reported(server: Server, number: str) -> None:
    assert run_here("drops", number, "--url", server.url, "--token", TOKEN).stdout == "Nothing was removed recently.\n"


def test_the_server_and_the_token_may_come_from_the_environment(server: Server, number: str) -> None:
    drop(server, number)

    assert "165…34" in run("drops", number, **at(server)).stdout


def test_a_token_may_be_read_from_standard_input(server: Server, number: str) -> None:
    assert run("drops", number, "--token=-", "--url", server.url, stdin=f"{TOKEN}\n").returncode == 0


def test_a_follower_prints_old_and_new_drops(server: Server, number: str) -> None:
    drop(server, number, "text")
    with following(number, **at(server)) as follower:
        first = follower.line()
        drop(server, number, "image")
        second = follower.line()

    matches = [LINE.fullmatch(line) for line in (first, second)]
    assert [match and match[1] for match in matches] == ["text", "image"]


def test_a_program_that_follows_gets_one_object_a_line(server: Server, number: str) -> None:
    drop(server, number, "text")
    with following(number, "--json", **at(server)) as follower:
        first = json.loads(follower.line())
        drop(server, number, "image")
        second = json.loads(follower.line())

    assert set(first) == {"seq", "at", "sender", "type", "size"}
    assert (first["type"], second["type"]) == ("text", "image")


def test_ctrl_c_ends_a_follower_quietly(server: Server, number: str) -> None:
    drop(server, number)
    with following(number, **at(server)) as follower:
        follower.line()

        assert follower.interrupt() == 130
        assert (follower.line(), follower.complaint()) == ("", "")


def test_a_follower_ends_without_an_error_when_its_reader_ends(server: Server, number: str) -> None:
    drop(server, number)
    command = [WABLOCK, "drops", number, "--follow"]
    with subprocess.Popen(
        command, env=environment(**at(server)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as follower:
        assert follower.stdout
        assert follower.stderr
        follower.stdout.readline()
        follower.stdout.close()
        drop(server, number)
        complaint = follower.stderr.read()

    assert (follower.returncode, complaint) == (128 + signal.SIGPIPE, b"")


def test_control_characters_are_not_printed(server: Server, number: str) -> None:
    drop(server, number, "\x1b[31mtext")
    with following(number, **at(server)) as follower:
        line = follower.line()

    assert "\N{REPLACEMENT CHARACTER}[31mtext" in line
    assert "\x1b" not in line


def test_a_follower_continues_after_a_restart_without_gaps_or_repeats(tmp_path: Path) -> None:
    port = str(lasting_port())

    def serve() -> AbstractContextManager[Server]:
        data = str(tmp_path / "dev.db")
        return started("dev", "--port", port, "--data", data, WABLOCK_SECRET_KEY=KEY.secret_key or "")

    with ExitStack() as stack:
        with serve() as before:
            block(before, NUMBER)
            for kind in ("text", "image"):
                drop(before, NUMBER, kind)
            follower = stack.enter_context(following(NUMBER, "--json", **at(before)))
            kinds = [json.loads(follower.line())["type"] for _ in range(2)]
        complaint = follower.complaint()
        with serve() as after:
            for kind in ("audio", "video", "sticker"):
                drop(after, NUMBER, kind)
            kinds += [json.loads(follower.line())["type"] for _ in range(3)]

    assert kinds == ["text", "image", "audio", "video", "sticker"]
    assert complaint.startswith("wablock: Cannot reach http://127.0.0.1:")


def test_a_token_that_is_revoked_ends_a_follower(server: Server, number: str) -> None:
    api, headers = f"{server.url}/v1/tokens", {"authorization": f"Bearer {TOKEN}"}
    made = httpx2.post(api, json={"label": "watcher", "scopes": ["read"]}, headers=headers).json()
    drop(server, number)
    with following(number, WABLOCK_URL=server.url, WABLOCK_TOKEN=made["token"]) as follower:
        follower.line()

        assert httpx2.delete(f"{api}/{made['token_id']}", headers=headers).status_code == 200

        assert follower.complaint().startswith(f"wablock: {server.url} refuses the token: ")


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_an_unreachable_server_is_one_line(follow: list[str]) -> None:
    refused = run("drops", NUMBER, *follow, "--url", "http://127.0.0.1:9", "--token", TOKEN)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "wablock: Cannot reach http://127.0.0.1:9: No answer: [Errno 111] Connection refused. "
        "Is it running, and is --url right?\n"
    )


def test_a_wrong_token_is_one_line(server: Server) -> None:
    refused = run_here("drops", NUMBER, "--url", server.url, "--token", "another")

    assert refused.returncode == 2
    assert without_warning(refused.stderr) == (
        f"wablock: {server.url} refuses the token: Invalid OAuth access token - Cannot parse access token. "
        "Create a token there with: wablock token create\n"
    )


def test_an_unknown_number_is_one_line() -> None:
    with started("dev", "--port", "0", "--strict-numbers") as server:
        refused = run_here("drops", "106540352242999", "--url", server.url, "--token", TOKEN)

    assert refused.returncode == 2
    assert refused.stderr == (
        f"wablock: {server.url} has no number 106540352242999, or the token has no access to it\n"
    )


@pytest.mark.parametrize("path", ["", "/healthz"])
def test_another_server_than_wablock_is_one_line(server: Server, path: str) -> None:
    with receiving() as other:
        url = server.url + path if path else f"http://127.0.0.1:{other.port}"
        refused = run_here("drops", NUMBER, "--url", url, "--token", TOKEN)

    assert refused.returncode == 2
    assert refused.stderr.startswith(
        (f"wablock: {url} returned 400: ", f"wablock: {url}: The response, status 501, is not from a Block API")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("one", "--token", TOKEN),
        (NUMBER, "--token", "two words"),
        (NUMBER, "--token", " "),
        (NUMBER, "--token", TOKEN, "--url", "127.0.0.1:8080"),
        (NUMBER, "--token", TOKEN, "--url", "http://127.0.0.1:8080/?x"),
    ],
)
def test_invalid_options_are_refused_before_any_request(arguments: tuple[str, ...]) -> None:
    refused = run_here("drops", *arguments)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("wablock: ")
