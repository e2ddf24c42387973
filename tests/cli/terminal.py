"""Commands on a real terminal of a certain width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import Final

from tests.cli.command import WABLOCK, environment

_STYLES: Final = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, *command: str, typed: str | None = None, **variables: str) -> tuple[int, str]:
    """Run a command whose output and errors are one terminal. Return its exit status and what the terminal got.

    `typed`: what a person types there; without it, the command has no input.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = environment(TERM="xterm-256color", **variables)
    del inherited["COLUMNS"]
    if typed is not None:
        os.write(ours, typed.encode())
    stdin = subprocess.DEVNULL if typed is None else its
    with subprocess.Popen(command, env=inherited, stdin=stdin, stdout=its, stderr=its) as process:
        os.close(its)
        screen = b""
        while True:
            try:
                read = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not read:
                break
            screen += read
    os.close(ours)
    return process.returncode, screen.decode().replace("\r\n", "\n")


def wablock_on_terminal(columns: int, *arguments: str, typed: str | None = None, **variables: str) -> tuple[int, str]:
    """The same for `wablock`."""
    return on_terminal(columns, WABLOCK, *arguments, typed=typed, **variables)


def without_styles(screen: str) -> str:
    """The text without bold and colours."""
    return _STYLES.sub("", screen)
