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
_PLAIN_NAME: Final = re.compile(r"\{\w+\}")
_MOST_REMEMBERED: Final = 4_096  # folders; those of block lists are requested often
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


class _Template:
    """The paths of a template, and the place of all of them."""

    def __init__(self, template: str, place: Place) -> None:
        folder, _, self.segment = template.rpartition("/")
        self.folder = _pattern(folder)
        self.pattern = _pattern(template)
        self.place = place


class _Folder(msgspec.Struct, frozen=True):
    """The places of the paths that differ only in their last segment. Each place has the values of its names."""

    places: dict[str, tuple[Place, dict[str, str]]]
    """By the last segment."""
    name: str = ""
    """The name of all other last segments; empty if they have no place."""
    place: tuple[Place, dict[str, str]] | None = None
    """The place of those."""

    def find(self, segment: str) -> tuple[Place, dict[str, str]] | None:
        found = self.places.get(segment)
        if found is not None or self.place is None or not segment:
            return found
        place, parameters = self.place
        return place, {**parameters, self.name: segment}


class Router:
    """Finds the place of a path. If several templates match, the first route wins.

    It remembers folders instead of paths: the last segment of a check's path is a user.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        places: dict[str, Place] = {}
        for it in routes:
            place = places.setdefault(it.template, Place(it.operation, it.starts_without_task, {}))
            place.handlers[it.method] = it.handler
        self.templates = tuple(places)
        self._by_path = {template: place for template, place in places.items() if "{" not in template}
        self._folder = lru_cache(_MOST_REMEMBERED)(self._read_folder)
        # By the number of slashes, so that few patterns are tried.
        self._by_length: dict[int, list[_Template]] = {}
        self._open_ended: list[_Template] = []
        for template, place in places.items():
            if "{edge}" in template:
                self._open_ended.append(_Template(template, place))
            elif "{" in template:
                self._by_length.setdefault(template.count("/"), []).append(_Template(template, place))

    def find(self, path: str) -> tuple[Place, dict[str, str]]:
        """The place, and the values of the template's names. Raises `UnknownPath`."""
        folder, _, segment = path.rpartition("/")
        found = self._folder(folder).find(segment) if len(folder) <= _LONGEST_REMEMBERED else None
        return found or self._find(path)

    def _read_folder(self, path: str) -> _Folder:
        places: dict[str, tuple[Place, dict[str, str]]] = {}
        for template, place in self._by_path.items():
            folder, _, segment = template.rpartition("/")
            if folder == path:
                places[segment] = place, {}
        for it in self._by_length.get(path.count("/") + 1, ()):
            match = it.folder.fullmatch(path)
            if match is None:
                continue
            if "{" not in it.segment:
                places.setdefault(it.segment, (it.place, match.groupdict()))
                continue
            if _PLAIN_NAME.fullmatch(it.segment) is None or it.segment[1:-1] in _KINDS:
                break  # `_find` must look at the last segment
            return _Folder(places, it.segment[1:-1], (it.place, match.groupdict()))
        return _Folder(places)

    def _find(self, path: str) -> tuple[Place, dict[str, str]]:
        place = self._by_path.get(path)
        if place is not None:
            return place, {}
        for it in (*self._by_length.get(path.count("/"), ()), *self._open_ended):
            match = it.pattern.fullmatch(path)
            if match is not None:
                return it.place, match.groupdict()
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
