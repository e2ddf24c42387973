"""The commands in the pages about deployment: wablock accepts them, and some of them run."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.deployment.reading import COMPOSE, ROOT, container

from wablock.cli import app
from wablock.vault import keys_from_text

PAGES = [
    ROOT / "docs/how-to" / name
    for name in ("deploy-with-containers.md", "run-on-postgresql.md", "run-in-production.md")
]

_FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OURS = re.compile(r"(?:^|/bin/| wablock | -- )(wablock (?:serve|number|token|account|block|downstream)\b.*)$")


def _lines(page: Path) -> list[str]:
    return [line for block in _FENCED.findall(page.read_text()) for line in re.sub(r"\\\n\s*", "", block).splitlines()]


def _line(page: Path, word: str) -> str:
    return next(line for line in _lines(page) if word in line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_wablock_command_of_the_page_is_valid(page: Path) -> None:
    commands = [match[1] for line in _lines(page) if (match := _OURS.search(line))]

    assert commands
    for command in commands:
        app.parse_args(shlex.split(command)[1:], print_error=False, exit_on_error=False)


def test_the_page_creates_the_secrets_that_compose_needs(tmp_path: Path) -> None:
    made = subprocess.run(["sh", "-euc", _line(PAGES[0], "> .env")], cwd=tmp_path, check=True, capture_output=True)

    secrets = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert made.stderr == b""
    assert set(secrets) == set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    assert keys_from_text(secrets["WABLOCK_SECRET_KEY"])
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_the_page_creates_the_secret_of_the_manifest(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    pretended = tmp_path / "kubectl"
    pretended.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}\n')
    pretended.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    line = _line(PAGES[0], "kubectl create secret")
    subprocess.run(["sh", "-euc", line], env=os.environ | {"PATH": path, "DATABASE_URL": "a-url"}, check=True)

    *words, database, key = seen.read_text().splitlines()
    keys = {it["valueFrom"]["secretKeyRef"]["key"] for it in container()["env"]}
    assert words == ["create", "secret", "generic", container()["env"][0]["valueFrom"]["secretKeyRef"]["name"]]
    assert {it.split("=")[1] for it in (database, key)} == keys
    assert keys_from_text(key.split("=", 2)[2])
