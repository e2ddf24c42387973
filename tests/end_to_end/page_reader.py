"""A reader of a page, who runs each of its commands in the order of the page, in a shell."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.cli.command import WABLOCK, Server, environment
from tests.release import ROOT

DOCS: Final = ROOT / "docs"
APP_SECRET: Final = "an app secret of Meta's"

# Commands that are not run, by their beginning, and why. `test_documented_commands.py` finds those that no page has.
NOT_RUN: Final = {
    'curl -X POST "https://graph.facebook.com/': "changes the settings of an account at Meta",
    "make test": "these tests are part of it",
    "make check": "CI runs it before the tests",
    "make docs": "test_documentation.py runs docs/generate.py",
    "make bench": "takes 10 minutes; test_results.py checks what it writes",
    "make torture": "takes hours; without TORTURE=1, the same tests run shorter",
}

# Programs that a test cannot have, or must not use. In their place, a script runs what they would run in a container or
# as another user. An image is built from the release: tests/deployment/test_dockerfile.py does its steps.
STAND_INS: Final = {
    "docker": """case "$*" in
  build*|*--build*) test -f dist/SHA256SUMS ;;
  exec*) shift 2; WABLOCK_DATABASE="sqlite:///$HOME/docker.db" "$@" ;;
  "compose exec"*) shift 3; WABLOCK_DATABASE="sqlite:///$HOME/compose.db" "$@" ;;
esac""",
    "kubectl": """case "$*" in
  exec*) shift 3; WABLOCK_DATABASE="sqlite:///$HOME/kubernetes.db" "$@" ;;
esac""",
    "runuser": """shift 3; "$@" """,
    "systemctl": ":",
    "useradd": ":",
}
# Folders of the machine, which become folders of the test.
_FOLDERS: Final = ("/backup", "/etc/systemd/system", "/etc/wablock", "/opt/wablock", "/var/lib/wablock")

_FENCED: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(r"^`(\w+\.py)`[^`]*:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SERVES: Final = re.compile(r"(?:(?:\S*/)?wablock (?:serve|dev)\b|make run$)(?:.*--port (\d+))?")
_EXPORTED: Final = re.compile(r"export (\w+)=(\S+)")
_TOKEN: Final = re.compile(r"^wablock_\S+$", re.MULTILINE)
_OURS: Final = Path(WABLOCK).parent  # the programs of this environment
_ENDS_WITHIN: Final = 300  # seconds; some commands install packages


def commands_of(page: Path) -> list[str]:
    """The page's shell commands, each on one line."""
    blocks = "".join(_FENCED.findall(page.read_text()))
    lines = re.sub(r"\\\n\s*", "", blocks).splitlines()
    return [command for line in lines if (command := re.sub(r"\s+# .*$", "", line).strip())]


class Reader:
    """Does what a page says. `printed` has the output of each command, and `server` the last one that it started."""

    def __init__(self, page: Path, folder: Path, instead: Mapping[str, str], variables: Mapping[str, str]) -> None:
        """Read `page` in this folder. Each text of `instead` is on the page, and another one takes its place.

        The shell finds the programs of this environment, unless `variables` has a `PATH`. A page that installs
        something needs one, and another environment there.
        """
        self.commands = commands_of(page)
        self.printed: dict[str, str] = {}
        self.server: Server | None = None
        self._folder = folder
        self._instead = {name: str(folder / "machine") + name for name in _FOLDERS} | dict(instead)
        self._ends = ExitStack()
        self._port = "8080"
        self._variables = environment(**{"PATH": f"{_OURS}:{os.environ['PATH']}"} | dict(variables))
        self._variables |= {"HOME": str(folder), "PATH": f"{self._stand_ins()}:{self._variables['PATH']}"}
        for name, code in _FILE.findall(page.read_text()):
            (folder / name).write_text(code)
        for text in instead:
            assert text in page.read_text(), f"{text} is not on the page"

    def read(self) -> None:
        for command in self.commands:
            serves = _SERVES.match(command)
            if serves is not None:
                self._port = serves[1] or "8080"
                self.server = self._ends.enter_context(self._serving(command))
            elif not command.startswith(tuple(NOT_RUN)):
                self.printed[command] = self.run(command)

    def run(self, command: str) -> str:
        """Run it, and return its output; it has to succeed. A token that it prints goes into `WABLOCK_TOKEN`."""
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(command)],
            cwd=self._folder,
            env=self._variables,
            input=APP_SECRET,  # for a command that reads a secret
            capture_output=True,
            text=True,
            timeout=_ENDS_WITHIN,
            check=False,
        )
        assert process.returncode == 0, f"{command}: {process.stdout}{process.stderr}"
        assert '"error"' not in process.stdout, f"{command}: {process.stdout}"
        for name, value in _EXPORTED.findall(command):
            self._variables[name] = value
        if token := _TOKEN.search(process.stdout):
            self._variables["WABLOCK_TOKEN"] = token[0]
        return process.stdout

    def use(self, server: Server) -> None:
        """Read on with this server, as if the page had started it."""
        self.server = server
        self._variables["WABLOCK_URL"] = server.url

    def close(self) -> None:
        self._ends.close()

    def _here(self, command: str) -> str:
        for text, instead in self._instead.items():
            command = re.sub(rf"(?<![\w.]){re.escape(text)}", instead.replace("\\", r"\\"), command)
        return command.replace(f"http://127.0.0.1:{self._port}", self.server.url) if self.server else command

    def _stand_ins(self) -> Path:
        """A folder with them; the folders of the machine are made, too."""
        folder = self._folder / "stand-ins"
        folder.mkdir()
        for name, script in STAND_INS.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        for name in _FOLDERS:
            if name not in {"/etc/wablock", "/opt/wablock"}:  # the page creates them
                Path(f"{self._folder}/machine{name}").mkdir(parents=True)
        return folder

    @contextmanager
    def _serving(self, command: str) -> Iterator[Server]:
        """Start a server on a free port; it is stopped at the end of the block."""
        command = re.sub(r" --port \d+|\s*&$", "", self._here(command))
        with subprocess.Popen(
            ["bash", "-euc", command],
            cwd=self._folder,
            env=self._variables | {"WABLOCK_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            server = Server(process, "wablock serves" if "wablock serve" in command else "Ctrl-C")
            try:
                self._variables["WABLOCK_URL"] = server.url
                yield server
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                server.ended()
