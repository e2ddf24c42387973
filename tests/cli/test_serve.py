"""`wablock serve`: the databases that it opens and refuses, and its settings."""

import re
import resource
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import WABLOCK, run_here, started
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import body


def _refusal(url: str) -> str:
    """The error of `serve` for a database that it does not open."""
    refused = run_here("serve", "--port", "0", "--database", url)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("wablock: ")
    assert refused.stderr.count("\n") == 1
    return refused.stderr


def test_serve_prints_its_address_its_database_and_its_rules(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'wablock.db'}"

    with started("serve", "--port", "0", "--database", url, "--rules", "meta") as server:
        assert re.fullmatch(rf"wablock serves http://127\.0\.0\.1:\d+ on {url}, meta rules\n", server.announced)


def test_serve_creates_its_database_in_the_data_directory_by_default(tmp_path: Path) -> None:
    with started("serve", "--port", "0", XDG_DATA_HOME=str(tmp_path)):
        assert (tmp_path / "wablock" / "wablock.db").exists()


def test_serve_takes_its_settings_from_the_environment(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)

    with (
        deployment.server(WABLOCK_PARTIAL_FAILURE_STATUS="400") as server,
        httpx2.Client(base_url=server.url, headers=deployment.headers) as client,
    ):
        answer = client.post(BLOCK_USERS, json=body(["5"]))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 139100


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    assert str(tmp_path) in _refusal(f"sqlite:///{tmp_path}")


def test_a_text_file_is_not_a_database_and_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, and long enough to be looked at as one\n" * 100)

    assert str(file) in _refusal(f"sqlite:///{file}")
    assert file.read_text().startswith("not a database")


def test_the_database_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE theirs (id)")
    before = file.read_bytes()

    assert "another program" in _refusal(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_the_database_of_a_newer_wablock_is_refused_and_not_changed(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with closing(sqlite3.connect(deployment.file)) as newer:
        newer.execute("PRAGMA user_version = 9999")

    assert "upgrade wablock" in _refusal(deployment.database)
    with closing(sqlite3.connect(deployment.file)) as same:
        assert same.execute("PRAGMA user_version").fetchone() == (9999,)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "Cannot open" in _refusal(f"sqlite:///{tmp_path}/file/wablock.db")


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    assert "Cannot open" in _refusal("sqlite:////proc/wablock.db")


@pytest.mark.parametrize(
    "url", ["mysql://localhost/wablock", "wablock.db", "sqlite://wablock.db", "sqlite:///", "sqlite:", "http://["]
)
def test_a_url_that_names_no_file_is_refused_with_an_example(url: str) -> None:
    assert "sqlite:///path/to/file.db" in _refusal(url)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_systemd_is_notified_when_the_server_is_ready(tmp_path: Path, workers: str) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(address)
        notifications.settimeout(60)
        url = f"sqlite:///{tmp_path / 'wablock.db'}"

        with started("serve", "--port", "0", "--workers", workers, WABLOCK_DATABASE=url, NOTIFY_SOCKET=address):
            assert notifications.recv(100) == b"READY=1"


def test_a_systemd_that_does_not_listen_does_not_stop_the_server(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'wablock.db'}"

    with started("serve", "--port", "0", WABLOCK_DATABASE=url, NOTIFY_SOCKET="@wablock-no-listener") as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200


def test_a_server_may_open_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    few = tmp_path / "wablock-with-few-files"
    few.write_text(f'#!/bin/sh\nulimit -S -n 200\nexec "{WABLOCK}" "$@"\n')
    few.chmod(0o755)

    with started("serve", "--port", "0", command=str(few), XDG_DATA_HOME=str(tmp_path)) as server:
        limits = Path(f"/proc/{server.pid}/limits").read_text()

    assert re.search(rf"^Max open files +{most} ", limits, re.MULTILINE)


def test_serve_says_that_a_database_has_no_numbers_yet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"

    with started("serve", "--port", "0", "--database", url) as server:
        server.signal(signal.SIGTERM)
        server.ended()

    assert server.log == f"There are no numbers yet in {url}: wablock number add\n"
