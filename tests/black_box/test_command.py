"""`wablock conformance`: the real command, against wablock, a static mock of its document, and what is neither."""

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
from tests.cli.command import WABLOCK, called, environment, run
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
    ran = called("conformance", *_flags(server))

    assert ran.returncode == 0, ran.stdout
    assert "73 passed, 0 failed" in ran.stdout
    assert "✗" not in ran.stdout


def test_a_fault_makes_the_status_1_and_tells_what_was_expected(server: RunningServer, tmp_path: Path) -> None:
    def renames(told: Passed) -> None:
        told.body = told.body.replace(b"added_users", b"blocked_users")

    with between(server.url, on_answer=renames) as url:
        ran = called("conformance", *_flags(server, url), "--markdown", str(tmp_path / "report.md"))
    with calling(server) as caller:
        caller.unblock(*USERS)

    assert ran.returncode == 1
    assert "✗ POST blocks, and returns added_users" in ran.stdout
    assert "expected body" in ran.stdout
    assert "| ✗ | POST blocks" in (tmp_path / "report.md").read_text()


def test_json_has_every_result(server: RunningServer) -> None:
    ran = called("conformance", *_flags(server), "--read-only", "--json")

    said = json.loads(ran.stdout)
    assert {result["outcome"] for result in said["results"]} == {"passed", "skipped"}
    assert server.token not in ran.stdout


@pytest.mark.parametrize(
    "changes, told",
    [
        (("--url", "http://127.0.0.1:1"), "Cannot reach http://127.0.0.1:1"),
        (("--token", "wrong"), "returned 401 for the list"),
        (("--phone-number-id", "x"), "is not a phone number id"),
    ],
)
def test_a_server_that_cannot_be_checked_makes_the_status_2(
    server: RunningServer, changes: tuple[str, str], told: str
) -> None:
    flags = _flags(server)
    flags[flags.index(changes[0]) + 1] = changes[1]

    ran = called("conformance", *flags)

    assert ran.returncode == 2
    assert told in ran.stderr


def test_an_interrupted_check_leaves_the_list_as_it_was(server: RunningServer) -> None:
    def slow(told: Passed) -> None:
        time.sleep(0.05 if told.method == "GET" else 0)  # slow by nature, so that the interrupt comes in the middle

    with between(server.url, on_answer=slow) as url:
        command = [WABLOCK, "conformance", *_flags(server, url)]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as checking:
            assert checking.stdout
            for _ in range(8):  # it is in the middle of it
                checking.stdout.readline()
            checking.send_signal(signal.SIGINT)
            checking.communicate(timeout=60)
    with calling(server) as caller:
        left = caller.listed()

    assert left == []


@contextmanager
def _mocked(server: RunningServer, folder: Path) -> Iterator[str]:
    """Prism, which answers with the examples of wablock's own document and keeps nothing."""
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
        ran = run("conformance", *_flags(server, url))

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "The server answers POST with 200, but the user is not on the list: it keeps no state." in ran.stdout
    assert "✗ A blocked user is on the list" in ran.stdout
    assert "the server keeps no state" in ran.stdout
