"""How a command ends: each exception becomes a sentence on standard error and an exit status, never a traceback."""

import contextlib
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final

from wablock.cli.arguments import Refused
from wablock.cli.output import OutputClosed, complain, discard, flush
from wablock.extras import how_to_install
from wablock.printable import printable_lines

_REFUSED: Final = 2
_SIGNALLED: Final = 128  # the exit status of shells for a signal, to which the signal's number is added
_SIGPIPE: Final = 13  # Windows has no such signal


def status_of(command: Callable[[], object]) -> int:
    """Run the command and write its whole output; return the exit status. An error gives one line on standard error."""
    try:
        try:
            command()
        finally:
            flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except OutputClosed:
        discard()
        return _SIGNALLED + _SIGPIPE
    except KeyboardInterrupt as interrupt:
        _complain(str(interrupt) or "Interrupted")
        return _SIGNALLED + signal.SIGINT
    except Exception as error:
        discard()
        _complain(_message(error))
        return _REFUSED
    return 0


def _complain(message: str) -> None:
    with contextlib.suppress(OSError, OutputClosed):  # it is closed as well
        complain(message)


def _message(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    try:
        from wablock.cli.databases import REFUSALS  # noqa: PLC0415 - needs the server, which is an extra
    except ModuleNotFoundError as missing:
        if isinstance(error, ImportError) and not str(missing.name).startswith("wablock"):
            return f"this command needs the extra server: {how_to_install('server')}"
    else:
        if isinstance(error, REFUSALS):
            return str(error)
    return _of_the_machine(error) or _bug(error)


def _of_the_machine(error: Exception) -> str | None:
    match error:
        case MemoryError():
            return "There is not enough memory"
        case UnicodeEncodeError():
            return "A variable or a name has bytes that are not UTF-8"  # it may be a secret
        case OSError(filename=str(name)):
            return f"{name}: {error.strerror}"
        case OSError():
            return f"Cannot write the output: {error.strerror}"
        case _:
            return None


def _bug(error: Exception) -> str:
    """A server's log has the traceback; other commands print it if Python's development mode is on."""
    message = f"A bug of wablock: {type(error).__name__}: {error}"
    if logging.getLogger().handlers:
        logging.getLogger("wablock").critical("a bug ended the command", exc_info=error)
        return message
    if sys.flags.dev_mode:
        # Without control characters: the error's message may quote a remote input.
        sys.stderr.write(printable_lines("".join(traceback.format_exception(error))))
        return message
    return f"{message}. PYTHONDEVMODE=1 shows where; please report it"
