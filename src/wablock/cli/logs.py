"""What is logged, and how: masked, structured, on standard error."""

import logging
import re
import sys
from typing import Any

import structlog

from wablock.cli.console import harmless

_LINES = frozenset(("exception", "stack"))  # what Python itself writes in lines
_NUMBER = re.compile(r"\d{7,}")
_IDS = frozenset(("request_id", "phone_number_id", "downstream_id", "entry", "timestamp"))


def configure(*, for_people: bool) -> None:
    """Send every log record to standard error: as lines for people, or as JSON objects for programs."""
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
    """No log line gives orders to a terminal, or holds a whole phone number: its first 3 digits and last 2 are left."""
    for key, value in event.items():
        if isinstance(value, str):
            shown = "\n".join(map(harmless, value.split("\n"))) if key in _LINES else harmless(value)
            event[key] = shown if key in _IDS else _NUMBER.sub(_masked, shown)
    return event


def _masked(number: re.Match[str]) -> str:
    return f"{number[0][:3]}…{number[0][-2:]}"
