"""The log: structured records on standard error, with numbers, ids and tokens masked."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from wablock.cli.masking import masked
from wablock.printable import printable, printable_lines

_LINES = frozenset(("exception", "stack"))  # texts of several lines, which Python writes
_IDS = frozenset(("request_id", "phone_number_id", "downstream_id", "entry", "timestamp"))
_ID = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")  # a webhook may have any text in the place of an id
_LONGEST = 2_000  # characters of a text; a traceback may have ten times as many


def configure(*, for_people: bool) -> None:
    """Write every log record to standard error: as lines for people, or as JSON objects for programs."""
    colors = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer(colors=colors) if for_people else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if for_people else "iso", utc=not for_people),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("wablock").setLevel(logging.INFO)


def mask(_logger: Any, _method: str, event: Any) -> Any:
    """Remove terminal control characters, and mask phone numbers, user ids and tokens."""
    return {key: _printable(value, key) for key, value in event.items()}


def _printable(value: Any, key: str) -> Any:
    if value is None or isinstance(value, bool | int | float):  # counts and codes; users' numbers are always texts
        return value
    if isinstance(value, Mapping):
        return {name: _printable(it, str(name)) for name, it in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_printable(it, key) for it in value]
    text = str(value)
    if key in _IDS and _ID.fullmatch(text):
        return text
    if key in _LINES:
        return masked(printable_lines(_shortened(text, 10 * _LONGEST)))
    return masked(printable(_shortened(text, _LONGEST)))


def _shortened(text: str, longest: int) -> str:
    """Keep the beginning, which matters most in most texts, and the end, which matters most in a traceback."""
    return text if len(text) <= longest else f"{text[: longest // 2]} … {text[-longest // 2 :]}"
