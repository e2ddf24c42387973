"""The systemd unit: valid, and its parts fit one another and the program."""

import shlex
import subprocess
from pathlib import Path

import pytest
from tests.cli.command import WABLOCK
from tests.deployment.reading import STOPS_WITHIN, UNIT, environment_of_unit, seconds, understood, unit
from tests.missing import installed


def _only(name: str) -> str:
    (value,) = unit()[name]
    return value


def test_systemd_has_nothing_to_say_about_it(tmp_path: Path) -> None:
    analyze = installed("systemd-analyze")
    program = shlex.split(_only("ExecStart"))[0]
    copied = tmp_path / UNIT.name
    copied.write_text(UNIT.read_text().replace(program, WABLOCK))

    verified = subprocess.run([analyze, "verify", copied], capture_output=True, text=True, check=False)

    assert verified.returncode == 0
    assert verified.stdout + verified.stderr == ""


def test_systemd_finds_it_little_exposed() -> None:
    analyze = installed("systemd-analyze")
    offline = ["--offline=true", "--threshold=20", "--no-pager"]  # 2.0 of 10

    judged = subprocess.run([analyze, "security", *offline, UNIT], capture_output=True, text=True, check=False)

    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_its_command_is_understood_with_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(_only("ExecStart"))

    settings = understood(words, environment_of_unit(), monkeypatch)

    assert program == "/opt/wablock/bin/wablock"
    assert settings.database == f"sqlite:////var/lib/{_only('StateDirectory')}/wablock.db"


def test_the_key_is_the_credential_that_systemd_hands_over() -> None:
    name, _, source = _only("LoadCredential").partition(":")

    assert environment_of_unit()["WABLOCK_SECRET_KEY_FILE"] == f"%d/{name}"
    assert not source.startswith(f"/var/lib/{_only('StateDirectory')}")


def test_requests_in_flight_have_their_time() -> None:
    assert seconds(_only("TimeoutStopSec")) > STOPS_WITHIN
    assert _only("KillMode") == "mixed"  # the parent of workers tells them itself


def test_systemd_waits_until_it_serves() -> None:
    assert _only("Type") == "notify"
