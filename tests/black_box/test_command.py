"""`wablock conformance`: the real command with wablock, a static mock of its document, and broken servers."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.black_box.subjects import USERS, Passed, between
from tests.cli.command import WABLOCK, environment, run, run_here
from tests.client_libraries import FOLDER
from tests.conformance.caller import calling
from tests.running_server import RunningServer, running_server

_STARTS_WITHIN = 60  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def _flags(server: RunningServer, url: str | None = None) -> list[str]:
    number_id = server.phone_number_id
    return ["--url", url or server.url, "--token", server.token, "--phone-number-id", number_id]


def test_wablock_passes_and_the_status_is_0(server: RunningServer) -> None:
    process = run_here("conformance", *_flags(server))

    assert process.returncode == 0, process.stdout
    assert "73 passed, 0 failed" in process.stdout
    assert "✗" not in process.stdout


def test_the_status_is_1_for_a_fault_and_the_output_shows_what_was_expected(
    server: RunningServer, tmp_path: Path
) -> None:
    def renames(answer: Passed) -> None:
        answer.body = answer.body.replace(b"added_users", b"blocked_users")

    with between(server.url, on_answer=renames) as url:
        process = run_here("conformance", *_flags(server, url), "--markdown", str(tmp_path / "report.md"))
    with calling(server) as caller:
        caller.unblock(*USERS)

    assert process.returncode == 1
    assert "✗ POST blocks, and returns added_users" in process.stdout
    assert "expected body" in process.stdout
    assert "| ✗ | POST blocks" in (tmp_path / "report.md").read_text()


def test_json_has_every_result(server: RunningServer) -> None:
    process = run_here("conformance", *_flags(server), "--read-only", "--json")

    report = json.loads(process.stdout)
    assert {result["outcome"] for result in report["results"]} == {"passed", "skipped"}
    assert server.token not in process.stdout


@pytest.mark.parametrize(
    "changes, error",
    [
        (("--url", "http://127.0.0.1:1"), "Cannot reach http://127.0.0.1:1"),
        (("--token", "wrong"), "returned 401 for the list"),
        (("--phone-number-id", "x"), "No number has the name 'x'"),
    ],
)
def test_the_status_is_2_for_a_server_that_cannot_be_checked(
    server: RunningServer, changes: tuple[str, str], error: str
) -> None:
    flags = _flags(server)
    flags[flags.index(changes[0]) + 1] = changes[1]

    process = run_here("conformance", *flags)

    assert process.returncode == 2
    assert error in process.stderr


def test_an_interrupted_check_restores_the_list(server: RunningServer) -> None:
    def slow(answer: Passed) -> None:
        time.sleep(0.05 if answer.method == "GET" else 0)  # slow, so that the interrupt comes in the middle

    with between(server.url, on_answer=slow) as url:
        command = [WABLOCK, "conformance", *_flags(server, url)]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as checking:
            assert checking.stdout
            for _ in range(8):  # now it is in the middle
                checking.stdout.readline()
            checking.send_signal(signal.SIGINT)
            checking.communicate(timeout=60)
    with calling(server) as caller:
        left = caller.listed()

    assert left == []


@contextmanager
def _mocked(server: RunningServer, folder: Path) -> Iterator[str]:
    """Prism, which answers with the examples of wablock's own document and stores nothing."""
    (folder / "document.json").write_bytes(httpx2.get(server.url + "/openapi.json").content)
    command = ["node", str(FOLDER / "prism/node_modules/.bin/prism"), "mock", "-h", "127.0.0.1", "-p", "0"]
    variables = environment() | {"NO_UPDATE_NOTIFIER": "1", "HOME": str(folder), "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [*command, str(folder / "document.json")],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as mock:
        try:
            assert mock.stdout
            listening = next(line for line in mock.stdout if "is listening on" in line)
            yield listening.rsplit("on ", 1)[1].strip()
        finally:
            mock.terminate()
            mock.communicate(timeout=_STARTS_WITHIN)


@pytest.mark.usefixtures("client_libraries")
def test_a_static_mock_of_the_document_fails_with_a_note_about_its_missing_state(
    server: RunningServer, tmp_path: Path
) -> None:
    with _mocked(server, tmp_path) as url:
        process = run("conformance", *_flags(server, url))

    assert process.returncode == 1, process.stdout + process.stderr
    assert "The server answers POST with 200, but the user is not on the list: it keeps no state." in process.stdout
    assert "✗ A blocked user is on the list" in process.stdout
    assert "the server keeps no state" in process.stdout
