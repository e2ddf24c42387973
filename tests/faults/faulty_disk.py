"""A disk under SQLite that fails when a test wants it to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw


class FaultyDisk(apsw.VFS):
    """Works like the real disk until `fail` is called, and again after `heal`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.failures = 0
        self.heal()

    def fail(self, error: type[apsw.Error], method: str, ending: str = "", good_for: int = 0) -> None:
        """From now on `method` raises `error` for files with this `ending`, after `good_for` calls that succeed."""

        def act() -> None:
            raise error("as the test wants it")

        self.do(act, method, ending, good_for)

    def do(self, act: Callable[[], None], method: str, ending: str = "", good_for: int = 0) -> None:
        self._act, self._method, self._ending, self._good_for = act, method, ending, good_for

    def heal(self) -> None:
        self.do(lambda: None, "")

    def try_to(self, method: str, base: str) -> None:
        if method != self._method or not base.endswith(self._ending):
            return
        if self._good_for:
            self._good_for -= 1
            return
        self.failures += 1
        self._act()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self.try_to("xOpen", path)
        opened = _OpenFile("", name, flags)
        opened.put_on(self, Path(path).name)
        return opened


class _OpenFile(apsw.VFSFile):
    def put_on(self, disk: FaultyDisk, base: str) -> None:
        self._disk, self._base = disk, base

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        try:
            self._disk.try_to("xWrite", self._base)
        except apsw.Error:
            super().xWrite(bytes(data)[: len(data) // 2], offset)  # a full disk writes a part
            raise
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.try_to("xTruncate", self._base)
        super().xTruncate(newsize)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.try_to("xRead", self._base)
        return super().xRead(amount, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.try_to("xSync", self._base)
        super().xSync(flags)
