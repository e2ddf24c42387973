"""The router: the table of all paths and their handlers.

In a template, `{name}` matches one segment of the path, `{version}` a Graph version, `{number_id}` digits, and `{edge}`
the rest of the path, with its slashes.
"""

import re
from collections.abc import Callable, Coroutine, Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec

from wablock.contract.errors import UnknownPath, UnsupportedMethod
from wablock.contract.versions import is_version
from wablock.server.answers import Answer
from wablock.server.request import Request

Handler = Callable[[Request], Coroutine[Any, Any, Answer]]

ANY_METHOD: Final = "*"

_NAME: Final = re.compile(r"\{(\w+)\}")
_KINDS: Final = {"version": r"v[0-9]{1,4}\.[0-9]{1,4}", "number_id": "[0-9]{1,32}", "edge": ".*"}
_SEGMENT: Final = "[^/]+"
_MOST_REMEMBERED: Final = 4_096  # paths; those of block lists are requested often
_LONGEST_REMEMBERED: Final = 256  # characters


class Route(msgspec.Struct, frozen=True):
    """`handler` answers requests with `method`, or `ANY_METHOD`, to the paths of `template`.

    `operation` is its name in the metrics. `starts_without_task`: whether it may run without a task, see `Application`.
    """

    method: str
    template: str
    handler: Handler
    operation: str
    starts_without_task: bool = False


class Place(msgspec.Struct, frozen=True):
    """The handlers of one template's paths, by method."""

    operation: str
    starts_without_task: bool
    handlers: dict[str, Handler]

    def handler(self, method: str) -> Handler:
        """Raises `UnsupportedMethod`."""
        handler = self.handlers.get(method) or self.handlers.get(ANY_METHOD)
        if handler is None and method == "HEAD":
            handler = self.handlers.get("GET")
        if handler is None:
            raise UnsupportedMethod(method)
        return handler


def route(method: str, template: str, handler: Handler) -> Route:
    """A route whose name in the metrics is its template."""
    return Route(method, template, handler, template)


class Router:
    """Finds the place of a path. If several templates match, the first route wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        places: dict[str, Place] = {}
        for it in routes:
            place = places.setdefault(it.template, Place(it.operation, it.starts_without_task, {}))
            place.handlers[it.method] = it.handler
        self.templates = tuple(places)
        self._by_path = {template: place for template, place in places.items() if "{" not in template}
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._find)
        # By the number of slashes, so that few patterns are tried.
        self._by_length: dict[int, list[tuple[re.Pattern[str], Place]]] = {}
        self._open_ended: list[tuple[re.Pattern[str], Place]] = []
        for template, place in places.items():
            if "{edge}" in template:
                self._open_ended.append((_pattern(template), place))
            elif "{" in template:
                self._by_length.setdefault(template.count("/"), []).append((_pattern(template), place))

    def find(self, path: str) -> tuple[Place, dict[str, str]]:
        """The place, and the values of the template's names. Raises `UnknownPath`."""
        return self._remembered(path) if len(path) <= _LONGEST_REMEMBERED else self._find(path)

    def _find(self, path: str) -> tuple[Place, dict[str, str]]:
        place = self._by_path.get(path)
        if place is not None:
            return place, {}
        for pattern, place in (*self._by_length.get(path.count("/"), ()), *self._open_ended):
            match = pattern.fullmatch(path)
            if match is not None:
                return place, match.groupdict()
        raise unknown_path(path)


def unknown_path(path: str) -> UnknownPath:
    """The error for `path`. It shows the unknown part of the path, after the version and the object."""
    parts = [part for part in path.split("/") if part]
    if parts and is_version(parts[0]):
        parts = parts[1:]
    return UnknownPath("/" + "/".join(parts[1:] if len(parts) > 1 else parts))


def _pattern(template: str) -> re.Pattern[str]:
    parts = _NAME.split(template)  # text, name, text, name, …
    names = [f"(?P<{name}>{_KINDS.get(name, _SEGMENT)})" for name in parts[1::2]]
    texts = [re.escape(text) for text in parts[::2]]
    return re.compile("".join(text + name for text, name in zip(texts, [*names, ""], strict=True)), re.DOTALL)
