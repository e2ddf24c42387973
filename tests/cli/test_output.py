"""Output to terminals, pipes and files, in any encoding, until its end or until the reader ends: never a traceback."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import WABLOCK, environment, run, run_bytes
from tests.cli.terminal import wablock_on_terminal, without_styles
from tests.running_server import RunningServer, running_server

from wablock.kit.fixture import Wablock

USERS = 3_000  # more than a pipe holds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a long list. The newest user has a reason that few encodings have."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        users = "\n".join(f"+1650556{number:04d}" for number in range(USERS))
        assert run("block", stdin=users, **_at(running)).returncode == 0
        reason = "größer ✓ 😀"
        assert (
            run(
                "block", "+16505550101", "--reason", reason, "--until", "2100-01-31T12:00:00Z", **_at(running)
            ).returncode
            == 0
        )
        yield running


def _at(server: RunningServer | Wablock) -> dict[str, str]:
    return {
        "WABLOCK_URL": server.url,
        "WABLOCK_TOKEN": server.token,
        "WABLOCK_PHONE_NUMBER_ID": server.phone_number_id,
    }


LONG = ["list --all", "list --all --json", "list --all --plain", "list --all --details", "dev --help"]


@pytest.mark.parametrize("arguments", LONG)
def test_a_reader_that_ends_early_ends_the_command_as_it_ends_others(server: RunningServer, arguments: str) -> None:
    script = f"{WABLOCK} {arguments} | head -c 1; exit ${{PIPESTATUS[0]}}"

    status, _, errors = run_bytes("bash", "-c", script, stdin=b"", variables=environment(**_at(server)))

    assert (status, errors) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("arguments", LONG)
def test_output_that_cannot_be_written_is_one_line(server: RunningServer, arguments: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [WABLOCK, *arguments.split()],
            env=environment(**_at(server)),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert process.returncode == 2
    assert process.stderr == "wablock: Cannot write the output: No space left on device\n"


ENCODINGS = {
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "Windows-1252": {"PYTHONIOENCODING": "cp1252"},
    "the locale C": {"LC_ALL": "C"},
    "the locale C without Python's UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "the locale POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0"},
}


@pytest.mark.parametrize("variables", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize(
    "arguments", ["list --details --limit 2", "check größer", "block größer --json", "nö", "dev --help", "--fïle"]
)
def test_an_encoding_without_a_character_is_no_error(
    server: RunningServer, variables: dict[str, str], arguments: str
) -> None:
    status, output, errors = _decoded(arguments.split(), environment(**_at(server), **variables))

    assert "Traceback" not in errors
    assert "bug" not in errors
    assert status in (0, 1, 2)
    assert output or errors


@pytest.mark.parametrize("variables", ENCODINGS.values(), ids=ENCODINGS)
def test_json_has_the_same_value_in_every_encoding(server: RunningServer, variables: dict[str, str]) -> None:
    arguments = ["list", "--details", "--limit", "1", "--json"]

    _, output, _ = _decoded(arguments, environment(**_at(server), **variables))

    assert json.loads(output)[0]["reason"] == "größer ✓ 😀"


def _decoded(arguments: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
    process = subprocess.run([WABLOCK, *arguments], env=variables, capture_output=True, check=False)
    encoding = variables.get("PYTHONIOENCODING", "utf-8")
    return process.returncode, process.stdout.decode(encoding), process.stderr.decode(encoding)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120])
def test_a_terminal_of_any_width_shows_numbers_and_times_whole(server: RunningServer, columns: int) -> None:
    _, screen = wablock_on_terminal(columns, "list", "--details", "--limit", "2", **_at(server))

    words = without_styles(screen).split()
    assert words.count("16505550101") == words.count("+16505550101") == 1
    assert "2100-01-31T12:00:00Z" in words
    assert "größer" in words


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_is_never_wider_than_the_terminal(server: RunningServer, columns: int) -> None:
    _, screen = wablock_on_terminal(columns, "list", "--details", "--limit", "2", **_at(server))

    assert max(map(len, without_styles(screen).splitlines()[:-1])) <= columns


ORIGIN = ["source", "batch", "id"]


def test_into_a_pipe_each_row_is_one_line(server: RunningServer) -> None:
    variables = environment(**_at(server)) | {"COLUMNS": "40"}

    _, output, _ = _decoded(["list", "--details", "--limit", "2"], variables)

    header, first, second, more = output.splitlines()
    assert header.split() == ["wa", "id", "input", "reason", "blocked", "at", "blocked", "by", "expires", "at", *ORIGIN]
    assert first.startswith("16505550101  +16505550101  größer ✓ 😀")
    assert second.split()[:2] == ["16505562000", "+16505562000"]
    assert more.startswith("There are more")


def test_without_color_a_terminal_gets_none(server: RunningServer) -> None:
    _, screen = wablock_on_terminal(80, "list", "--limit", "1", **_at(server))
    _, refusal = wablock_on_terminal(80, "list", "--limit", "0", **_at(server))

    assert "\x1b[3" not in screen + refusal
    assert "--limit 0 must be at least 1" in refusal


@pytest.mark.parametrize(
    "command, summary",
    [
        ("block", "Blocked 1,000 users before it was interrupted."),
        ("unblock", "Unblocked 0 users before it was interrupted; 1,000 were not blocked."),
        ("check", "Checked 1,000 users before it was interrupted."),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for programs"])
def test_ctrl_c_says_how_many_users_were_done(
    wablock: Wablock, tmp_path: Path, command: str, summary: str, form: list[str]
) -> None:
    (tmp_path / "users").write_text("\n".join(f"+1650556{number:04d}" for number in range(1_500)))
    wablock.fail_next(delay=0.001)
    wablock.fail_next(delay=3)
    arguments = [WABLOCK, command, "--file", str(tmp_path / "users"), *form]

    with subprocess.Popen(
        arguments, env=environment(**_at(wablock)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        _wait_for_a_request(wablock)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT
    assert errors == (
        "wablock: Interrupted. The server may still process the last request, with 500 of the users; "
        "the others were not sent\n"
    )
    if form:
        assert len(json.loads(output)["users" if command == "check" else "done"]) == 1_000
        assert json.loads(output)["error"]["message"].startswith("Interrupted")
    else:
        assert summary in output


def _wait_for_a_request(wablock: Wablock) -> None:
    """Wait until the server has answered one, and the next one is on its way."""
    while not wablock.journal:
        time.sleep(0.05)
    time.sleep(0.5)


def test_ctrl_c_while_a_command_starts_is_no_traceback() -> None:
    script = """
import sys

class PressesCtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "wablock.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, PressesCtrlC())
from wablock.__main__ import main
main()
"""

    status, _, errors = run_bytes(sys.executable, "-c", script, stdin=b"", variables=environment())

    assert (status, errors) == (128 + signal.SIGINT, "")
