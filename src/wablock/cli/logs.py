"""What is logged, and how: masked, structured, on standard error."""

import logging
import re
import sys
from typing import Any

import structlog

_NUMBER = re.compile(r"\d{7,}")
_IDS = frozenset(("request_id", "phone_number_id", "timestamp"))


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
            mask_numbers,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("wablock").setLevel(logging.INFO)


def mask_numbers(_logger: Any, _method: str, event: Any) -> Any:
    """No log line holds a whole phone number: the first three digits and the last two are left of it."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _IDS:
            event[key] = _NUMBER.sub(lambda match: f"{match[0][:3]}…{match[0][-2:]}", value)
    return event
