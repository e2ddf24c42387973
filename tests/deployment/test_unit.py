"""The systemd unit is valid, and agrees with the program."""

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


def test_systemd_accepts_the_unit_without_warnings(tmp_path: Path) -> None:
    analyze = installed("systemd-analyze")
    program = shlex.split(_only("ExecStart"))[0]
    copied = tmp_path / UNIT.name
    copied.write_text(UNIT.read_text().replace(program, WABLOCK))

    verified = subprocess.run([analyze, "verify", copied], capture_output=True, text=True, check=False)

    assert verified.returncode == 0
    assert verified.stdout + verified.stderr == ""


def test_systemd_rates_the_unit_as_secure() -> None:
    analyze = installed("systemd-analyze")
    offline = ["--offline=true", "--threshold=20", "--no-pager"]  # 2.0 of 10

    judged = subprocess.run([analyze, "security", *offline, UNIT], capture_output=True, text=True, check=False)

    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_command_of_the_unit_is_valid_with_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(_only("ExecStart"))

    settings = understood(words, environment_of_unit(), monkeypatch)

    assert program == "/opt/wablock/bin/wablock"
    assert settings.database == f"sqlite:////var/lib/{_only('StateDirectory')}/wablock.db"


def test_the_key_is_the_credential_from_systemd() -> None:
    name, _, source = _only("LoadCredential").partition(":")

    assert environment_of_unit()["WABLOCK_SECRET_KEY_FILE"] == f"%d/{name}"
    assert not source.startswith(f"/var/lib/{_only('StateDirectory')}")


def test_requests_in_flight_have_time_to_end() -> None:
    assert seconds(_only("TimeoutStopSec")) > STOPS_WITHIN
    assert _only("KillMode") == "mixed"  # the parent stops the workers itself


def test_systemd_waits_until_the_server_is_ready() -> None:
    assert _only("Type") == "notify"
