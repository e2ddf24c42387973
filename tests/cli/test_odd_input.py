"""Input that no person means: an early end, bytes of no encoding, numbers in the notation of programs."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import WABLOCK, environment, run


def _typed(keys: bytes, prompt: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run `wablock` on a terminal where a person types `keys` at the prompt. Return its status and the terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [WABLOCK, *arguments],
        env=environment(**variables),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    ) as process:
        os.close(its)
        screen = b""
        is_typed = False
        while True:
            try:
                read = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            screen += read
            if not is_typed and prompt.encode() in screen:
                os.write(ours, keys)
                is_typed = True
    os.close(ours)
    return process.returncode, screen.decode(errors="replace").replace("\r\n", "\n")


KEYS = {"the end": b"\x04", "bytes that are not UTF-8": b"\xff\xfe\n"}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_a_secret_that_is_not_typed_is_refused(database: str, keys: bytes) -> None:
    run("number", "add", "777", "--database", database)

    status, screen = _typed(keys, "--app-secret: ", "account", "set", "--app-secret=-", "--database", database)

    assert status == 2
    assert "wablock: --app-secret " in screen
    assert "bug" not in screen


def test_a_question_at_a_closed_standard_input_removes_nothing(database: str) -> None:
    run("number", "add", "777", "--database", database)

    process = run("-c", f"{WABLOCK} number remove 777 --database {database} <&-", command="bash")

    assert process.returncode == 2
    assert process.stderr.startswith("wablock: Nothing was removed")


@pytest.mark.parametrize(
    "arguments",
    [
        ("number", "add", "777", "--account", "\udcff"),
        ("block", "+16505550101", "--reason=\udcff"),
        ("block", "\udcff"),
        ("token", "create", "--label", "\udcff"),
        ("\udcff",),
    ],
    ids=ascii,
)
def test_an_argument_with_bytes_that_are_not_utf_8_is_refused(arguments: tuple[str, ...]) -> None:
    process = run(*arguments)

    assert process.returncode == 2
    assert process.stdout == ""
    assert "has bytes that are not UTF-8" in process.stderr


def test_a_variable_with_bytes_that_are_not_utf_8_is_refused(database: str) -> None:
    process = run("account", "set", "--create", "--database", database, WABLOCK_VERIFY_TOKEN="\udcff")

    assert process.returncode == 2
    assert "has bytes that are not UTF-8" in process.stderr


@pytest.mark.parametrize("form", ["--file {}", "--file={}"])
def test_the_name_of_a_file_may_have_bytes_that_are_not_utf_8(tmp_path: Path, form: str) -> None:
    path = tmp_path / "users\udcff"
    path.write_text("+16505550101\n")

    arguments = form.format(path).split(" ")
    process = run("block", *arguments, "--url", "http://127.0.0.1:1", WABLOCK_TOKEN="t", WABLOCK_PHONE_NUMBER_ID="1")

    assert "Cannot reach http://127.0.0.1:1" in process.stderr


def test_too_little_memory_is_no_bug() -> None:
    script = """
from wablock.cli import app, main

@app.command
def fail():
    raise MemoryError

main(["fail"])
"""

    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert process.returncode == 2
    assert process.stderr == "wablock: There is not enough memory\n"


@pytest.mark.parametrize("number", ["2.5", "0.5", "0x10", "0b11", "1_000", "1e3", "\uff12", ""])
def test_a_whole_number_has_decimal_digits_only(number: str) -> None:
    process = run("list", "--limit", number, WABLOCK_TOKEN="t", WABLOCK_PHONE_NUMBER_ID="1")

    assert process.returncode == 2
    assert process.stderr.startswith(f"wablock: --limit '{number}' must be a whole number.")


def test_a_whole_number_in_a_variable_has_decimal_digits_only(database: str) -> None:
    process = run("serve", "--port", "0", "--database", database, WABLOCK_WORKERS="0x2")

    assert process.returncode == 2
    assert process.stderr.startswith("wablock: WABLOCK_WORKERS '0x2' must be a whole number.")
