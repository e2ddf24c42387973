"""A hostile server: for any answer the terminal shows only text, and an error is one line."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.cli.command import run_here
from tests.listening import QuietHandler, listening

NUMBER = "106540352242922"
# They set the title, the clipboard (OSC 52) and a color (C1), overwrite and forge a line, and turn a name around.
ORDERS = "\x1b]0;owned\x07\x1b]52;c;cm0=\x07\x9b31m\rno\nforged\u202etxt\u2066\u200f\x7f"  # codespell:ignore etxt
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HUGE = {
    "more digits than Python reads": "1" * 5_000,
    "more than 64 bits": "1" * 30,
    "a year that no calendar has": "9" * 18,
    "below all calendars": "-" + "9" * 18,
    "infinity": "1e999",
    "not a number": "NaN",
}


@contextmanager
def answering(body: str, status: int = 200, reason: str = "OK") -> Iterator[str]:
    """The address of a server that gives this answer to every request."""

    class Answering(QuietHandler):
        protocol_version = "HTTP/1.0"  # each answer ends its connection

        def do_GET(self) -> None:
            self.read_body()
            content = body.encode()
            self.wfile.write(
                f"HTTP/1.1 {status} {reason}\r\ncontent-length: {len(content)}\r\n\r\n".encode("latin-1") + content
            )

        do_POST = do_DELETE = do_GET

    with listening(Answering) as port:
        yield f"http://127.0.0.1:{port}"


ROW = {"wa_id": ORDERS, "user_id": ORDERS, "input": ORDERS, "reason": ORDERS, "note": ORDERS, "blocked_by": ORDERS}
LIST = json.dumps({"data": [ROW]})
DROPS = json.dumps({"data": [{"seq": 1, "at": 1, "sender": ORDERS, "type": ORDERS, "size": 1}], "after": 1})
CHECKED = json.dumps({"users": [{"input": ORDERS, "blocked": True, "reason": ORDERS}], "failed_users": []})
FAILED = {
    "input": ORDERS,
    "wa_id": ORDERS,
    "errors": [{"message": ORDERS, "code": 1, "error_data": {"details": ORDERS}}],
}
CHANGED = json.dumps(
    {"block_users": {"added_users": [], "failed_users": [FAILED]}, "error": {"message": ORDERS, "code": 139100}}
)
ADDED = json.dumps({"members": [], "failed": [FAILED]})
MEMBER = json.dumps(ROW | {"source": ORDERS, "batch_id": ORDERS, "updated_by": ORDERS, "etag": ORDERS})
ERROR = json.dumps({"error": {"message": ORDERS, "code": 100, "type": ORDERS, "error_data": {"details": ORDERS}}})
PAGE = f"<title>{ORDERS}</title>"
ASKING = [
    (["drops", NUMBER], DROPS, 200),
    (["drops", NUMBER], ERROR, 400),
    (["drops", NUMBER], PAGE, 400),
    (["list", "--details"], LIST, 200),
    (["list", "--plain"], LIST, 200),
    (["list"], ERROR, 400),
    (["list"], PAGE, 200),
    (["check", "+16505550101"], CHECKED, 200),
    (["check", "+16505550101"], ERROR, 400),
    (["block", "+16505550101"], ADDED, 200),
    (["block", "+16505550101", "--block-api"], CHANGED, 200),
    (["edit", "+16505550101", "--no-end"], MEMBER, 200),
    (["edit", "+16505550101", "--no-end"], ERROR, 404),
    (["block", "+16505550101"], ERROR, 400),
    (["unblock", "+16505550101"], CHANGED, 200),
    (["conformance", "--read-only"], LIST, 200),
    (["conformance", "--read-only"], ERROR, 400),
]


def run_against(words: list[str], url: str) -> "tuple[int, str, str]":
    number = [] if words[0] == "drops" else ["--phone-number-id", NUMBER]
    process = run_here(*words, "--url", url, "--token", "wablock-dev-token", *number)
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize("words, body, status", ASKING)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for programs"])
def test_a_servers_answer_sends_no_control_characters_to_the_terminal(
    words: list[str], body: str, status: int, form: list[str]
) -> None:
    with answering(body, status) as url:
        _, output, errors = run_against([*words, *form], url)

    assert not OBEYED.search(output)
    assert not OBEYED.search(errors)
    assert "\nforged" not in output + errors
    assert "Traceback" not in errors
    if form and output and "--plain" not in words:
        json.loads(output)


def test_a_servers_reason_phrase_sends_no_control_characters_to_the_terminal() -> None:
    with answering("", 500, "\x1b]0;owned\x07") as url:
        _, output, errors = run_against(["drops", NUMBER], url)

    assert not OBEYED.search(output + errors)


@pytest.mark.parametrize("number", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize(
    "words, body",
    [
        (["drops", NUMBER], '{"data":[{"seq":1,"at":@,"sender":"165…34","type":"text","size":1}],"after":1}'),
        (["drops", NUMBER], '{"data":[{"seq":1,"at":1,"sender":"165…34","type":"text","size":@}],"after":1}'),
        (["drops", NUMBER], '{"error":{"message":"no","code":@}}'),
        (["list", "--details"], '{"data":[{"wa_id":"16505550101","blocked_at":@}]}'),
        (["list", "--details"], '{"error":{"message":"no","code":@,"error_subcode":@}}'),
        (["check", "+16505550101"], '{"users":[{"input":"+16505550101","blocked":true,"expires_at":@}]}'),
        (["block", "+16505550101"], '{"members":[],"failed":[{"input":"x","errors":[{"code":@}]}]}'),
        (["edit", "+16505550101", "--no-end"], '{"input":"x","updated_at":@}'),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for programs"])
def test_a_huge_number_causes_no_traceback(words: list[str], body: str, number: str, form: list[str]) -> None:
    with answering(body.replace("@", number)) as url:
        status, output, errors = run_against([*words, *form], url)

    assert "Traceback" not in errors
    assert status in {0, 1, 2}
    if form and output and "--plain" not in words:
        json.loads(output)


@pytest.mark.parametrize("mode", [[], ["-X", "dev"]], ids=["one line", "with a traceback"])
def test_an_internal_error_shows_a_strangers_text_without_control_characters(mode: list[str]) -> None:
    script = f"""
from wablock.cli import app, main

@app.command
def fail():
    raise RuntimeError({ORDERS!r})

main(["fail"])
"""

    process = subprocess.run([sys.executable, *mode, "-c", script], capture_output=True, text=True, check=False)

    assert process.returncode == 2
    assert "wablock: A bug of wablock: RuntimeError: " in process.stderr
    assert ("Traceback" in process.stderr) == bool(mode)
    assert not OBEYED.search(process.stderr)
