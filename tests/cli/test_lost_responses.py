"""A response that is lost or incomplete: the report says how many users the server may have processed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cli.command import environment, run
from tests.listening import QuietHandler, listening

from wablock.kit.fixture import Wablock

USERS = ["+16505550101", "+16505550102", "+16505550103"]
PERHAPS = "The server may have processed the last request, with {} of the users"


def _at(url: str) -> dict[str, str]:
    return {"WABLOCK_URL": url, "WABLOCK_TOKEN": "wablock-dev-token", "WABLOCK_PHONE_NUMBER_ID": "106540352242922"}


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server with this response to each change. Status 0: it reads the request and closes the connection."""

    class Answering(QuietHandler):
        def do_POST(self) -> None:
            self.read_body()
            if status:
                self.send_response(status)
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())
            self.close_connection = True

        do_DELETE = do_POST

    with listening(Answering) as port:
        yield f"http://127.0.0.1:{port}"


def _added(*users: str) -> str:
    return json.dumps({"members": [{"input": user, "wa_id": user[1:], "effect": "added"} for user in users]})


LOST = {
    "the connection is cut": (0, ""),
    "a page of a proxy": (502, "<html>Bad gateway</html>"),
    "a page with status 200": (200, "<html>Welcome</html>"),
    "an internal error": (500, '{"error":{"message":"Internal error","code":139103}}'),
    "a response without users": (200, '{"members":[]}'),
}


@pytest.mark.parametrize("status, body", LOST.values(), ids=LOST)
def test_a_lost_first_response_says_how_many_users_the_server_may_have_processed(status: int, body: str) -> None:
    with answering(status, body) as url:
        process = run("block", *USERS, **_at(url))

    assert process.returncode == 2
    assert process.stdout == "Blocked 0 users before it failed.\n"
    assert process.stderr.endswith(PERHAPS.format(3) + "\n")


def test_a_lost_response_is_a_number_in_the_json() -> None:
    with answering(502, "") as url:
        process = run("unblock", *USERS, "--json", **_at(url))

    assert json.loads(process.stdout)["error"]["unknown"] == 3


@pytest.mark.parametrize(
    "status, body",
    [(404, "<html>Not found</html>"), (400, '{"error":{"message":"Invalid parameter","code":100}}')],
    ids=["a page", "an error of the API"],
)
def test_a_refused_request_has_certainly_changed_nothing(status: int, body: str) -> None:
    with answering(status, body) as url:
        process = run("block", *USERS, "--json", **_at(url))

    assert process.stdout == ""
    assert "may have processed" not in process.stderr


def test_a_server_that_cannot_be_reached_has_certainly_changed_nothing() -> None:
    process = run("block", *USERS, **_at("http://127.0.0.1:1"))

    assert process.stdout == ""
    assert "may have processed" not in process.stderr


def test_a_response_without_some_users_counts_those_that_it_has() -> None:
    with answering(200, _added(*USERS[:2])) as url:
        process = run("block", *USERS, "--json", **_at(url))

    report = json.loads(process.stdout)
    assert [user["input"] for user in report["done"]] == USERS[:2]
    assert report["error"]["unknown"] == 1


def test_a_response_with_other_users_does_not_count_them() -> None:
    with answering(200, _added("+16505550198", "+16505550199", USERS[0])) as url:
        process = run("block", *USERS, **_at(url))

    assert process.stdout == "Blocked 1 user before it failed.\n"
    assert process.stderr.endswith(PERHAPS.format(2) + "\n")


@pytest.mark.parametrize("place", ["wablock.client.shells.Client.close", "wablock.cli.changed_users.say"])
def test_ctrl_c_after_the_last_response_says_how_many_users_were_done(wablock: Wablock, place: str) -> None:
    owner, _, name = place.rpartition(".")
    script = f"""
import pkgutil
from wablock.cli import main

def press_ctrl_c(*_):
    raise KeyboardInterrupt

setattr(pkgutil.resolve_name({owner!r}), {name!r}, press_ctrl_c)
main(["block", *{USERS!r}])
"""

    process = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**_at(wablock.url) | {"WABLOCK_PHONE_NUMBER_ID": wablock.phone_number_id}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 128 + signal.SIGINT
    assert "Blocked 3 users" in process.stdout + process.stderr
    assert "may still process" not in process.stderr
