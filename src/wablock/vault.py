"""Encryption of stored secrets, with a key that is not in the database."""

import base64
import binascii
import contextlib
import hashlib
import logging
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wablock.gate.ports import CannotUnseal, Vault

_log = logging.getLogger("wablock")

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # random: safe for the 2^32 secrets that one key may seal
_NAME_BYTES: Final = 4


class BadKey(CannotUnseal):
    """The secret key cannot be used. The message says what to do, in one line."""


class AeadVault:
    """A `Vault` with AES-256-GCM. The first key seals, and every key opens, so that the key can be replaced."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self._sealing = _name(keys[0])

    def seal(self, text: str, context: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._sealing].encrypt(nonce, text.encode(), context.encode())
        return self._sealing + nonce + sealed

    def open(self, sealed: bytes, context: str) -> str:
        cipher = self._ciphers.get(sealed[:_NAME_BYTES])
        if cipher is None:
            raise CannotUnseal(
                "A secret in the database was sealed with another key: set WABLOCK_SECRET_KEY or "
                "WABLOCK_SECRET_KEY_FILE to the key that was used, or set the secret again"
            )
        nonce, rest = sealed[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES], sealed[_NAME_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, context.encode()).decode()
        except (InvalidTag, ValueError):
            raise CannotUnseal("A secret in the database is damaged or was moved: set it again") from None


class LazyVault:
    """A `Vault` that is created when it is first used."""

    def __init__(self, make: Callable[[], Vault]) -> None:
        self._make = make
        self._made: Vault | None = None

    def seal(self, text: str, context: str) -> bytes:
        return self._vault().seal(text, context)

    def open(self, sealed: bytes, context: str) -> str:
        return self._vault().open(sealed, context)

    def _vault(self) -> Vault:
        if self._made is None:
            self._made = self._make()
        return self._made


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def keys_from_text(text: str) -> list[bytes]:
    """The keys in a text with one key, or several separated by commas; raises `BadKey`."""
    return [_key(part.strip()) for part in text.split(",")]


def key_file(path: Path, *, make: bool = True) -> str:
    """The content of the key file. If there is none, creates it with a new key, readable only by its owner.

    With `make` False the file is not created: other machines could not open the secrets that this machine seals with a
    new key. Raises `BadKey`.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        if not make:
            raise BadKey(
                f"There is no key file {path}, and all nodes on one database need the same key: create one with "
                "openssl rand -base64 32, and set it on each node as WABLOCK_SECRET_KEY or WABLOCK_SECRET_KEY_FILE"
            )
        folders = _make_folders(path)
        _make(path)
        for folder in folders:
            _sync_folder(folder)
        return _read(path)
    except (OSError, UnicodeError) as error:
        raise BadKey(f"Cannot use the key file {path}: {error}; correct it, or set WABLOCK_SECRET_KEY") from error


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        _warn_of_readers(path, os.fstat(file.fileno()).st_mode)
        text = file.read().strip()
    if not text:  # not replaced: the key may still be copied into it, and a new key could not open existing secrets
        raise BadKey(f"The key file {path} is empty: restore the key, or remove the file, and a new key is created")
    return text


def _warn_of_readers(path: Path, mode: int) -> None:
    """Log a warning if others can read the file. Not an error: in containers, files are often readable by a group."""
    if os.name != "nt" and mode & (stat.S_IRGRP | stat.S_IROTH):
        _log.warning("other users can read the key file; unless that is intended: chmod 600 %s", path)


def _make(path: Path) -> None:
    """Create the file atomically: another process finds either no file, or the complete one."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _make_folders(path: Path) -> list[Path]:
    """Create the missing folders of `path`, accessible only by their owner. Returns the folders to sync.

    Without the sync, a power failure could lose the key while the database has secrets.
    """
    folders = [path.parent]
    while not folders[-1].exists():  # the entry of a new folder is in its parent
        folders.append(folders[-1].parent)
    for folder in reversed(folders[:-1]):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folders


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # not possible and not needed: Windows journals the entries of folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(text: str) -> bytes:
    """The key in base64. Both alphabets are valid: `new_key` writes one, openssl the other."""
    try:
        key = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise BadKey(f"A secret key is {_KEY_BYTES} random bytes in base64: create one with openssl rand -base64 32")
    return key


def _name(key: bytes) -> bytes:
    """The name of a key, stored with what it seals: a part of its hash."""
    return hashlib.sha256(b"wablock key " + key).digest()[:_NAME_BYTES]
