"""Installs locked packages into an environment: `python3 requirements/install.py .venv server`, or `dev`.

It needs Python only. `server` also installs wablock. Each step prints a line, and a failure prints what to do.
"""

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = {"server": "the packages of a server", "dev": "the packages for tests and checks"}

_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-deps")
_PACKAGE = re.compile(r"(?:Collecting |Processing (?:\S*/)?|Requirement already satisfied: )([A-Za-z0-9._]+)")
_OUT_OF_REACH = re.compile(r"connection broken|Max retries|Could not fetch|from versions: none")
_WITHOUT_INDEX = (
    "pip cannot reach a package index. Check the network. Behind a proxy, set HTTPS_PROXY; "
    "to use another index, set PIP_INDEX_URL."
)
_WITHOUT_VENV = "this Python has no venv. On Debian and Ubuntu: apt install python3-venv"


def main(folder: str, lock: str) -> None:
    """Leave an environment in `folder` that has all packages of the lock; if that fails, exit with a message."""
    python = str(Path(folder, "bin/python").absolute())
    if not Path(python).exists() or run(python, "-m", "pip", "--version").returncode:
        with step(f"an environment in {folder}, with Python {sys.version.split()[0]}"):
            create(folder)
    with step(LOCKS[lock]) as show:
        packages(python, lock, show)
    if lock == "server":
        with step("wablock itself"):
            wablock(python, str(Path(folder, "tools").absolute()))


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Print what begins, on a terminal how far it is, and at the end how many seconds it took."""
    began, shown = time.monotonic(), ""

    def show(text: str) -> None:
        nonlocal shown
        shown = f"{text}, "
        if sys.stdout.isatty():
            print(f"\r\033[K  {what} ... {text}", end="", flush=True)

    print(f"  {what} ... ", end="", flush=True)
    yield show
    if sys.stdout.isatty():
        print(f"\r\033[K  {what} ... ", end="")
    print(f"{shown}{time.monotonic() - began:.0f} s", flush=True)


def create(folder: str) -> None:
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        fail(_WITHOUT_VENV)
    made = run(sys.executable, "-m", "venv", "--clear", folder)
    if made.returncode:
        fail(_WITHOUT_VENV if "ensurepip" in made.stdout else "Python could not create the environment.", made.stdout)


def packages(python: str, lock: str, show: Callable[[str], None]) -> None:
    """Install the packages of the lock, and show their number."""
    names, printed = [], ""
    command = [python, *_PIP, "--require-hashes", "-r", f"requirements/{lock}.txt"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            printed += line
            if named := _PACKAGE.match(line):
                names.append(named[1])
                show(f"{len(names)}, {named[1]}")
            if line.startswith("Installing"):
                show(f"{len(names)}, unpacking them")
    if pip.returncode:
        fail_as(printed)
    show(str(len(names)))


def wablock(python: str, tools: str) -> None:
    """Install this folder. What builds it is in the folder `tools`, where a server does not import it."""
    done = run(python, *_PIP, "--upgrade", "--target", tools, "--require-hashes", "-r", "requirements/package.txt")
    if done.returncode == 0:
        done = run(python, *_PIP, "--no-build-isolation", "--editable", ".", PYTHONPATH=tools)
    if done.returncode:
        fail_as(done.stdout)


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it in this project's folder; `stdout` has what it prints on both streams."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def fail_as(printed: str) -> None:
    """Exit with pip's errors, and what to do about them."""
    errors = [line for line in printed.splitlines(keepends=True) if line.startswith("ERROR")]
    fail(_WITHOUT_INDEX if _OUT_OF_REACH.search(printed) else "pip failed.", "".join(errors) or printed)


def fail(advice: str, details: str = "") -> None:
    sys.exit(f"failed\n{details}wablock: {advice}")


if __name__ == "__main__":
    main(*sys.argv[1:])
