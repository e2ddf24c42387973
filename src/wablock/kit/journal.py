"""The journal of a development server: its requests and responses, for assertions in tests."""

import re
from collections import deque
from typing import Final

import msgspec

_MOST_ENTRIES: Final = 10_000
_MOST_BYTES: Final = 50_000_000
LARGEST_SHOWN: Final = 1_048_576  # bytes of one body
_TOKEN: Final = re.compile(r"(access_token(?:=|\"\s*:\s*\"))[^&\"]*")
_MADE_HERE: Final = re.compile(r"wablock_[A-Za-z0-9_-]{20,}")
_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "cookie")


class JournalEntry(msgspec.Struct):
    """A request and its response. `status` 0: there was no response. `fault_id`: the fault that was applied."""

    seq: int
    at: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int
    answer: str
    ms: float
    fault_id: int | None = None

    @property
    def size(self) -> int:
        return len(self.body) + len(self.answer)


class Journal:
    """The newest entries, oldest first; bounded in number and size."""

    def __init__(self) -> None:
        self._entries: deque[JournalEntry] = deque()
        self._size = 0
        self._last = 0

    def add(self, entry: JournalEntry) -> None:
        """Append `entry` and set its `seq`."""
        self._last += 1
        entry.seq = self._last
        self._entries.append(entry)
        self._size += entry.size
        while len(self._entries) > _MOST_ENTRIES or self._size > _MOST_BYTES:
            self._size -= self._entries.popleft().size

    def since(self, seq: int) -> list[JournalEntry]:
        return [entry for entry in self._entries if entry.seq > seq]

    def clear(self) -> None:
        self._entries.clear()
        self._size = 0


def shown(body: bytes, token: str) -> str:
    """A body or a query as text without access tokens: `token`, tokens created here, and values of `access_token`."""
    text = body.decode("utf-8", "replace").replace(token, "…")
    return _MADE_HERE.sub("…", _TOKEN.sub(r"\1…", text))


def shown_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case names. `Authorization` shows only its scheme."""
    texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    for name in _SECRET_HEADERS:
        if name in texts:
            texts[name] = texts[name].partition(" ")[0] + " …" if name != "cookie" else "…"
    return texts
