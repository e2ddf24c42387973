"""Stored secrets: how they are sealed and opened, and where the key comes from."""

import logging
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from wablock.gate.ports import CannotUnseal
from wablock.vault import AeadVault, BadKey, LazyVault, key_file, keys_from_text, new_key

PLACE = "account/acme/app_secret"
OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))

posix = pytest.mark.skipif(sys.platform == "win32", reason="files there have no modes")


@pytest.fixture
def vault() -> AeadVault:
    return AeadVault([OLD_KEY])


@pytest.mark.parametrize("text", ["", "secret", "sécret \U0001f512", "x" * 100_000])
def test_a_sealed_secret_opens(vault: AeadVault, text: str) -> None:
    assert vault.open(vault.seal(text, PLACE), PLACE) == text


def test_a_sealed_text_does_not_contain_the_secret(vault: AeadVault) -> None:
    assert b"app-secret" not in vault.seal("app-secret", PLACE)


def test_the_same_secret_is_never_sealed_alike(vault: AeadVault) -> None:
    assert len({vault.seal("secret", PLACE) for _ in range(100)}) == 100


def test_a_sealed_secret_does_not_open_in_another_place(vault: AeadVault) -> None:
    sealed = vault.seal("secret", PLACE)

    with pytest.raises(CannotUnseal, match="set it again"):
        vault.open(sealed, "account/rival/app_secret")


@pytest.mark.parametrize("length", [*range(4 + 12 + 16 + 6)])
def test_a_truncated_secret_does_not_open(vault: AeadVault, length: int) -> None:
    sealed = vault.seal("secret", PLACE)

    with pytest.raises(CannotUnseal):
        vault.open(sealed[:length], PLACE)


@pytest.mark.parametrize("place", [*range(4 + 12 + 16 + 6)])
def test_a_changed_secret_does_not_open(vault: AeadVault, place: int) -> None:
    sealed = bytearray(vault.seal("secret", PLACE))
    sealed[place] ^= 1

    with pytest.raises(CannotUnseal):
        vault.open(bytes(sealed), PLACE)


def test_another_key_does_not_open_a_secret_and_the_error_has_advice(vault: AeadVault) -> None:
    sealed = vault.seal("secret", PLACE)

    with pytest.raises(CannotUnseal, match="WABLOCK_SECRET_KEY"):
        AeadVault([NEW_KEY]).open(sealed, PLACE)


def test_an_old_key_opens_while_it_is_listed(vault: AeadVault) -> None:
    sealed = vault.seal("secret", PLACE)

    assert AeadVault([NEW_KEY, OLD_KEY]).open(sealed, PLACE) == "secret"


def test_the_first_key_seals(vault: AeadVault) -> None:
    sealed = AeadVault([NEW_KEY, OLD_KEY]).seal("secret", PLACE)

    assert AeadVault([NEW_KEY]).open(sealed, PLACE) == "secret"
    with pytest.raises(CannotUnseal):
        vault.open(sealed, PLACE)


def test_a_vault_does_not_show_its_keys(vault: AeadVault) -> None:
    assert OLD_KEY.hex() not in repr(vault)
    assert repr(OLD_KEY) not in repr(vars(vault))


def test_a_lazy_vault_is_created_once_at_first_use() -> None:
    made: list[AeadVault] = []

    def make() -> AeadVault:
        made.append(AeadVault([OLD_KEY]))
        return made[-1]

    vault = LazyVault(make)
    before = len(made)
    opened = vault.open(vault.seal("secret", PLACE), PLACE)

    assert (before, opened, len(made)) == (0, "secret", 1)


def test_a_new_key_is_32_bytes_and_new() -> None:
    keys = [keys_from_text(new_key()) for _ in range(10)]

    assert {len(key) for (key,) in keys} == {32}
    assert len({key for (key,) in keys}) == 10


def test_several_keys_have_commas_between_them() -> None:
    first, second = new_key(), new_key()

    assert keys_from_text(f"{first}, {second}\n") == keys_from_text(first) + keys_from_text(second)


@pytest.mark.parametrize("text", ["+" * 43 + "=", "/" * 43 + "=", "-" * 43 + "=", "_" * 43 + "="])
def test_both_alphabets_of_base64_are_read(text: str) -> None:
    assert [len(key) for key in keys_from_text(text)] == [32]


@pytest.mark.parametrize(
    "text",
    ["", ",", "secret", "é" * 44, "A" * 43, "A" * 42 + "==", "A" * 64, "A" * 43 + "=,", "\ud800", "A" * 44 + "!"],
)
def test_an_invalid_key_is_refused_with_advice_in_one_line(text: str) -> None:
    with pytest.raises(BadKey, match=r"\A.*openssl rand -base64 32.*\Z"):
        keys_from_text(text)


def test_the_error_of_an_invalid_key_does_not_show_it() -> None:
    with pytest.raises(BadKey) as refused:
        keys_from_text("almost-a-key")

    assert "almost-a-key" not in str(refused.value)


def test_a_key_file_is_created_once_and_then_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"

    made = key_file(path)

    assert len(keys_from_text(made)) == 1
    assert key_file(path) == made
    assert path.read_text() == f"{made}\n"


@posix
def test_only_the_owner_can_read_a_key_file_and_its_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "config" / "wablock" / "secret.key"

    key_file(path)

    modes = [stat.S_IMODE(it.stat().st_mode) for it in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_new_key_file_leaves_no_other_file(tmp_path: Path) -> None:
    key_file(tmp_path / "secret.key")

    assert [it.name for it in tmp_path.iterdir()] == ["secret.key"]


def test_a_key_file_may_have_several_keys(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text(f"{new_key()},\n{new_key()}\n")

    assert len(keys_from_text(key_file(path))) == 2


def test_threads_that_create_a_key_file_at_once_get_one_key(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def make(path: Path) -> str:
        barrier.wait()
        return key_file(path)

    with ThreadPoolExecutor(8) as pool:
        for turn in range(20):
            keys = list(pool.map(make, [tmp_path / f"{turn}" / "secret.key"] * 8))
            assert len(set(keys)) == 1


def test_processes_that_create_a_key_file_at_once_get_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from wablock.vault import key_file; "
        "print('ready', flush=True); sys.stdin.readline(); print(key_file(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "new" / "secret.key")]
    makers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # communicate() closes it
        for _ in range(3)
    ]
    for maker in makers:
        assert maker.stdout is not None
        maker.stdout.readline()

    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    keys = {maker.communicate(timeout=30)[0] for maker in makers}

    assert len(keys) == 1
    assert len(keys_from_text(keys.pop())) == 1


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_that_others_can_read_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    path = tmp_path / "secret.key"
    made = key_file(path)
    path.chmod(mode)

    with caplog.at_level(logging.WARNING, "wablock"):
        read = key_file(path)

    assert read == made
    assert f"chmod 600 {path}" in caplog.text
    assert made not in caplog.text


def test_a_key_file_that_others_cannot_read_is_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "wablock"):
        key_file(tmp_path / "secret.key")

    assert not caplog.records


def test_an_empty_key_file_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("\n")

    with pytest.raises(BadKey, match="is empty"):
        key_file(path)

    assert path.read_text() == "\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.symlink_to(path.parent / "missing"),
    ],
    ids=["a folder", "no text", "a link to nothing"],
)
def test_the_error_of_an_unreadable_key_file_has_its_name(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    path = tmp_path / "secret.key"
    spoil(path)

    with pytest.raises(BadKey, match=r"secret\.key.*WABLOCK_SECRET_KEY"):
        key_file(path)


def test_a_key_file_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BadKey, match="Cannot use the key file"):
        key_file(tmp_path / "file" / "secret.key")


def test_a_missing_key_file_that_may_not_be_created_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match=r"\A.*secret\.key.*same key.*openssl rand -base64 32.*WABLOCK_SECRET_KEY_FILE\Z"):
        key_file(tmp_path / "secret.key", make=False)

    assert not list(tmp_path.iterdir())


def test_an_existing_key_file_is_read_where_none_may_be_created(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("a key\n")
    (tmp_path / "secret.key").chmod(0o600)

    assert key_file(tmp_path / "secret.key", make=False) == "a key"
