"""Masked paths for the log: the words of the routes, and at most a masked part of the caller's own text.

Callers put users' numbers, user ids and, by mistake, tokens into paths. A search would miss some of their spellings.
So only the words of routes are logged unchanged. Digits are masked, and everything else is left out.
"""

import re
from collections.abc import Iterable
from typing import Final

from wablock.contract.versions import is_version

_NUMBER: Final = re.compile(r"[0-9]{1,32}")
_LEFT_OUT: Final = "…"
_MOST_SEGMENTS: Final = 8  # no route has more


class LoggedPath:
    """Masks paths. `templates` are those of all routes, such as `/v1/numbers/{phone_number_id}/check`."""

    def __init__(self, templates: Iterable[str]) -> None:
        segments = {segment for template in templates for segment in template.split("/")}
        self._words = {segment for segment in segments if "{" not in segment}

    def __call__(self, path: str) -> str:
        segments = path.split("/", _MOST_SEGMENTS + 1)
        logged = [self._segment(segment) for segment in segments[: _MOST_SEGMENTS + 1]]
        return "/".join(logged + [_LEFT_OUT] * (len(segments) > len(logged)))

    def _segment(self, segment: str) -> str:
        if segment in self._words or is_version(segment):
            return segment
        if _NUMBER.fullmatch(segment):
            return segment if len(segment) <= 6 else f"{segment[:3]}{_LEFT_OUT}{segment[-2:]}"
        return _LEFT_OUT
