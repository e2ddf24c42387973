"""The Dockerfile: the copied files exist, its steps build a wablock that runs, and the image starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.deployment.reading import ROOT, environment_of_image, instructions, stages, understood
from tests.missing import missing
from tests.release import released
from tests.running_server import running_server

from wablock import __version__

_PINNED: Final = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)

BUILD, IMAGE = stages()


def _copied() -> list[tuple[list[str], str]]:
    """The sources that the build copies from this folder, and their target."""
    return [(list(it.words[:-1]), it.words[-1]) for it in instructions(BUILD, "COPY")]


def _entrypoint() -> list[str]:
    (entrypoint,), (command,) = instructions(IMAGE, "ENTRYPOINT"), instructions(IMAGE, "CMD")
    return [*entrypoint.words, *command.words]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build's folder has after `make release`."""
    folder = tmp_path_factory.mktemp("folder")
    released(folder / "dist")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    return folder


def test_copied_files_exist_and_are_not_ignored(folder: Path) -> None:
    first, *allowed = [it for it in (ROOT / ".dockerignore").read_text().splitlines() if not it.startswith("#")]

    assert first == "*"
    for sources, _ in _copied():
        for source in sources:
            assert list(folder.glob(source))
            assert f"!{source}" in allowed


def test_nothing_else_is_sent_to_the_build() -> None:
    let_through = {it[1:] for it in (ROOT / ".dockerignore").read_text().splitlines() if it.startswith("!")}

    assert let_through == {source for sources, _ in _copied() for source in sources}


def test_the_image_has_only_the_result_of_the_build() -> None:
    assert [it.flags for it in instructions(IMAGE, "COPY")] == [("--from=build",)]
    assert not instructions(IMAGE, "ADD")


def test_both_stages_are_of_one_python() -> None:
    assert BUILD[0].words[0] == IMAGE[0].words[0]


def test_every_installed_package_is_pinned_by_its_hash_or_of_the_release() -> None:
    installs = [
        line for it in instructions(BUILD, "RUN") for line in it.words[0].split("&&") if re.search(r"\binstall\b", line)
    ]

    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


@pytest.mark.parametrize("name", ["server.txt", "package.txt"])
def test_the_locks_of_a_server_and_of_its_build_pin_what_is_tested(name: str) -> None:
    tested = dict(_PINNED.findall((ROOT / "requirements/dev.txt").read_text()))

    pinned = dict(_PINNED.findall((ROOT / "requirements" / name).read_text()))

    assert pinned
    assert pinned == {package: tested[package] for package in pinned}


def test_the_steps_of_the_build_install_a_wablock_that_runs(tmp_path: Path, folder: Path) -> None:
    build, made = tmp_path / "build", tmp_path / "wablock"
    build.mkdir()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True)
    path = f"{tmp_path / 'python' / 'bin'}:{os.environ['PATH']}"

    for step in BUILD:
        if step.name == "COPY":
            for source in step.words[:-1]:
                for file in folder.glob(source):
                    (build / step.words[-1]).mkdir(exist_ok=True)
                    shutil.copy(file, build / step.words[-1])
        if step.name == "RUN":
            command = step.words[0].replace("/opt/wablock", str(made))
            process = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=build,
                env=os.environ | {"PATH": path, "PIP_COMPILE": "0"},  # this halves the time
                capture_output=True,
                text=True,
                check=False,
            )
            if process.returncode and "connection broken" in process.stderr:
                missing("the dependencies need a package index")
            assert process.returncode == 0, process.stderr

    version = subprocess.run([made / "bin/wablock", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == __version__
    helped = subprocess.run([made / "bin/wablock", "serve", "--help"], capture_output=True, text=True, check=True)
    assert "--workers" in helped.stdout
    assert not (made / "bin/pip").exists()


def test_the_build_stops_if_the_wheel_is_not_that_of_the_release(folder: Path, tmp_path: Path) -> None:
    [step] = [it.words[0] for it in instructions(BUILD, "RUN") if "dist/*.whl" in it.words[0]]
    shutil.copytree(folder / "dist", tmp_path / "dist")
    next((tmp_path / "dist").glob("*.whl")).write_bytes(b"another")

    stopped = subprocess.run(["/bin/sh", "-c", step], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert stopped.returncode != 0
    assert "whl: FAILED" in stopped.stdout


def test_the_image_is_not_run_by_root_and_its_user_owns_its_volumes() -> None:
    (user,), (made,) = instructions(IMAGE, "USER"), instructions(IMAGE, "RUN")
    (volumes,) = instructions(IMAGE, "VOLUME")
    uid, _, gid = user.words[0].partition(":")

    assert int(uid) >= 10_000
    assert f"--uid {uid} --gid {gid}" in made.words[0]
    assert f"--owner=wablock --group=wablock --mode=0700 {' '.join(volumes.words)}" in made.words[0]


def test_the_image_serves_all_addresses_at_the_port_that_it_exposes(monkeypatch: pytest.MonkeyPatch) -> None:
    wablock, *words = _entrypoint()

    settings = understood(words, environment_of_image(), monkeypatch)

    assert wablock == "wablock"
    assert settings.host == "0.0.0.0"
    assert [it.words for it in instructions(IMAGE, "EXPOSE")] == [(str(settings.port),)]


def test_the_lists_and_the_key_are_in_separate_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = understood(_entrypoint()[1:], environment_of_image(), monkeypatch)
    (volumes,) = instructions(IMAGE, "VOLUME")

    folders = [
        str(Path((settings.database or "").removeprefix("sqlite:///")).parent),
        str(settings.key.secret_key_file),
    ]

    assert folders[0] == volumes.words[0]
    assert Path(folders[1]).parent == Path(volumes.words[1])


def test_a_server_that_answers_is_healthy(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        checked = _health(server.port)

    assert checked.returncode == 0, checked.stderr


def test_a_server_that_does_not_answer_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_port:
        port = closed_port.getsockname()[1]

    assert _health(port).returncode == 1


def test_the_image_is_stopped_by_wablocks_signal() -> None:
    assert [it.words for it in instructions(IMAGE, "STOPSIGNAL")] == [("SIGTERM",)]


def _health(port: int) -> "subprocess.CompletedProcess[str]":
    """Run the image's health check on a server at this port."""
    (check,) = instructions(IMAGE, "HEALTHCHECK")
    kind, python, *words = check.words
    assert (kind, python) == ("CMD", "python")
    words = [word.replace(f":{environment_of_image()['WABLOCK_PORT']}/", f":{port}/") for word in words]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=60)
