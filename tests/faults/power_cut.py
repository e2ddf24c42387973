"""A disk under SQLite whose power can be cut: it records all writes and syncs.

After a cut, a file has its bytes up to its last sync, and the folder its names at its last sync. Everything later may
be on the disk or not, sector by sector and in any order. SQLite's unix VFS syncs the folder with the first sync of a
log or journal that it opened, and with a synchronous deletion. The store's own sync of the folder does not use the VFS
and does not count, so this disk promises less than a real one. Shared memory is always lost.
"""

import itertools
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw

_SECTOR = 512
_LOGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class _Write(NamedTuple):
    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        if len(content) < self.offset:
            content.extend(bytes(self.offset - len(content)))
        content[self.offset : self.offset + len(self.data)] = self.data

    def pieces(self) -> list["_Write | _Truncate"]:
        """The parts of the write, split at the borders of sectors: the disk may write only some."""
        end = self.offset + len(self.data)
        borders = [self.offset, *range(self.offset // _SECTOR * _SECTOR + _SECTOR, end, _SECTOR), end]
        return [
            _Write(start, self.data[start - self.offset : stop - self.offset])
            for start, stop in itertools.pairwise(borders)
        ]

    def lose(self, content: bytearray, chance: random.Random) -> None:
        """The bytes were not written, but the file may have grown: then it has zeros or older bytes there."""
        missing = self.offset + len(self.data) - len(content)
        if missing > 0 and chance.random() < 0.2:
            content.extend(bytes(missing) if chance.random() < 0.5 else chance.randbytes(missing))


class _Truncate(NamedTuple):
    size: int

    def apply(self, content: bytearray) -> None:
        del content[self.size :]
        content.extend(bytes(self.size - len(content)))

    def pieces(self) -> list["_Write | _Truncate"]:
        return [self]

    def lose(self, content: bytearray, chance: random.Random) -> None:
        pass


class _File:
    """A file's history: its first content, all operations since, and the number of them that are synced."""

    def __init__(self, first_content: bytes) -> None:
        self.first_content = first_content
        self.done: list[_Write | _Truncate] = []
        self.synced = 0


class Image(NamedTuple):
    """The state of the disk at one moment, from which the files after a power cut are made."""

    moment: str
    names: dict[str, _File]
    renamed: list[tuple[str, _File | None]]
    lengths: dict[_File, tuple[int, int]]

    def restore(self, folder: Path, chance: random.Random) -> None:
        """Write one of the possible states after the cut to `folder`."""
        folder.mkdir()
        names: dict[str, _File | None] = dict(self.names)
        for name in dict.fromkeys(name for name, _ in self.renamed):
            became = [self.names.get(name), *(file for renamed, file in self.renamed if renamed == name)]
            names[name] = chance.choice(became)
        for name, file in names.items():
            if file is not None:
                (folder / name).write_bytes(self._content(file, chance))

    def _content(self, file: _File, chance: random.Random) -> bytes:
        synced, length = self.lengths[file]
        content = bytearray(file.first_content)
        for done in file.done[:synced]:
            done.apply(content)
        pieces = [piece for done in file.done[synced:length] for piece in done.pieces()]
        if chance.random() < 0.7:
            chance.shuffle(pieces)
        arrives = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        for piece in pieces:
            if chance.random() < arrives:
                piece.apply(content)
            else:
                piece.lose(content, chance)
        return bytes(content)


class PowerCutDisk(apsw.VFS):
    """Uses the real disk, and records all operations. `before_each` is called with each operation before it is done."""

    def __init__(self, name: str, folder: Path, *, lies: bool = False) -> None:
        """The content of `folder` counts as synced. `lies`: the disk reports a sync without doing it."""
        super().__init__(name, "")
        self.name = name
        self.before_each: Callable[[str], None] = lambda _: None
        self.lock = threading.RLock()
        """Locked while `before_each` runs, so that nothing is written during it."""
        self._lies = lies
        self._names = {path.name: _File(path.read_bytes()) for path in folder.iterdir()}
        self._durable_names = dict(self._names)
        self._renamed: list[tuple[str, _File | None]] = []

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", name, flags)
        base = Path(path).name
        self.announce("xOpen", base)
        opened = _OpenFile(name, flags)
        with self.lock:
            if base not in self._names:
                self._names[base] = _File(b"")
                self._renamed.append((base, self._names[base]))
            opened.remember(self, base, self._names[base])
        return opened

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        base = Path(filename).name
        self.announce("xDelete", base)
        super().xDelete(filename, syncdir)
        with self.lock:
            self._names.pop(base, None)
            self._renamed.append((base, None))
            if syncdir:
                self.sync_folder()

    def image(self, moment: str) -> Image:
        files = {*self._names.values(), *self._durable_names.values()}
        files |= {file for _, file in self._renamed if file is not None}
        lengths = {file: (file.synced, len(file.done)) for file in files}
        return Image(moment, dict(self._durable_names), list(self._renamed), lengths)

    def sync_folder(self) -> None:
        if not self._lies:
            self._durable_names = dict(self._names)
            self._renamed.clear()

    def sync(self, file: _File) -> None:
        if not self._lies:
            file.synced = len(file.done)

    def announce(self, kind: str, base: str) -> None:
        with self.lock:
            self.before_each(f"{kind} {base}")


class _OpenFile(apsw.VFSFile):
    """Shared memory and locks use the real file: the log of a database needs them."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._folder_unsynced = bool(flags[0] & _LOGS and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def remember(self, disk: PowerCutDisk, base: str, file: _File) -> None:
        self._disk, self._base, self._file = disk, base, file

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        with self._disk.lock:
            self._disk.announce("xWrite", self._base)
            self._file.done.append(_Write(offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with self._disk.lock:
            self._disk.announce("xTruncate", self._base)
            self._file.done.append(_Truncate(newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002  # nothing is synced but in what is remembered
        with self._disk.lock:
            self._disk.announce("xSync", self._base)
            self._disk.sync(self._file)
            if self._folder_unsynced:
                self._disk.sync_folder()
        self._folder_unsynced = False
