"""Output of commands to a terminal, a pipe or a file, in any encoding. All output goes through this module.

This module must not import the server, which may not be installed.
"""

import io
import os
import sys
from typing import Any, Final, NoReturn, TextIO

import msgspec
from rich.console import Console

from wablock.printable import escaped_json, printable, printable_json

_UTF_8: Final = "utf-8"
_WORDS: Final = {"✓": "ok", "✗": "failed", "≠": "differs", "·": "skipped"}


class OutputClosed(Exception):
    """The reader of the output has closed it, as `head` does when it has read enough."""


class Output(Console):
    """A console whose reader may close it: then `print` raises `OutputClosed`."""

    def on_broken_pipe(self) -> NoReturn:
        raise OutputClosed from None


def accept_every_character() -> None:
    """Escape the characters that the encoding of the output does not have, which would otherwise be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Returns when all output is written; raises `OutputClosed`, or `OSError` for example if a disk is full."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise OutputClosed from None


def discard() -> None:
    """Discard output that could not be written. Otherwise Python would try again, and fail, when it exits."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def has_utf_8(stream: TextIO) -> bool:
    """Whether the stream can show all characters."""
    return (getattr(stream, "encoding", None) or _UTF_8).lower().replace("_", "-") in (_UTF_8, "utf8")


def encodable(text: str) -> str:
    """The text as it will be printed: characters that the encoding of the output does not have are escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or _UTF_8
    return text.encode(encoding, "backslashreplace").decode(encoding)


def in_ascii(mark: str) -> str:
    """The mark of a check; a word, if the output has not all characters."""
    return mark if has_utf_8(sys.stdout) else _WORDS[mark]


def write(line: str, *, now: bool = False) -> None:
    """Write one line for programs. `now`: it is read immediately, so it must not wait in a buffer."""
    try:
        print(line, flush=now)  # noqa: T201 - the command's output
    except BrokenPipeError:
        raise OutputClosed from None


def print_json(data: Any) -> None:
    write(msgspec.json.format(json_text(data)))


def json_text(data: Any) -> str:
    """`data` as JSON on one line. Characters that the output cannot show are escaped: the JSON has the same value."""
    text = printable_json(msgspec.json.encode(data).decode())
    return text if has_utf_8(sys.stdout) else escaped_json(text)


def say(*lines: str) -> None:
    # No wrapping or markup: people paste this output into shells, and scripts read it.
    _print(Output(soft_wrap=True), *lines)


def complain(text: str) -> None:
    """Print one line on standard error, which begins with the program's name."""
    _print(Output(stderr=True, soft_wrap=True, style="red"), f"wablock: {text}")


def remark(text: str) -> None:
    """Print a hint on standard error, because programs read the results on standard output.

    It follows the results also if both go to one file.
    """
    flush()
    _print(Output(stderr=True, soft_wrap=True), text)


def print_result(data: Any, sentence: str, *, as_json: bool) -> None:
    """Print the sentence for people, or the data for programs."""
    if as_json:
        print_json(data)
    else:
        say(sentence)


def _print(console: Console, *lines: str) -> None:
    console.print("\n".join(map(printable, lines)), markup=False, highlight=False, emoji=False)
