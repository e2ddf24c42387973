"""Every command on every page works for a reader who has only a clone of this repository."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import run, started
from tests.cluster import Cluster
from tests.end_to_end.page_reader import DOCS, NOT_RUN, STAND_INS, Reader, commands_of
from tests.missing import need_package_index
from tests.release import ROOT, cloned

from wablock import __version__

PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
COMMANDS: Final = {
    name: commands for it in PAGES if (commands := commands_of(it)) for name in [str(it.relative_to(ROOT))]
}
README: Final = "README.md"
CONTAINERS: Final = "docs/how-to/deploy-with-containers.md"
LISTS: Final = "docs/how-to/block-a-list-of-users.md"
META: Final = "docs/how-to/from-meta-to-wablock-and-back.md"
NGINX: Final = "docs/how-to/nginx-auth-request.md"
PRODUCTION: Final = "docs/how-to/run-in-production.md"
POSTGRESQL: Final = "docs/how-to/run-on-postgresql.md"
INDEX: Final = "docs/README.md"
CI: Final = "docs/how-to/test-blocking-in-ci.md"
READ_HERE: Final = {README, INDEX, CONTAINERS, LISTS, META, NGINX, PRODUCTION, POSTGRESQL, CI}
# Pages whose commands another test runs, because they need more than a shell: what they print is compared, for example.
READ_ELSEWHERE: Final = {
    "docs/tutorial.md": "tests/end_to_end/test_tutorial.py",
    "docs/how-to/block-in-the-bot-itself.md": "tests/middleware/test_how_to.py",
    "docs/how-to/check-your-server-or-sdk.md": "tests/black_box/test_how_to.py",
    "docs/how-to/in-front-of-chatwoot.md": "tests/end_to_end/test_how_tos.py",
    "docs/how-to/in-front-of-evolution-api.md": "tests/end_to_end/test_how_tos.py",
    "docs/how-to/in-front-of-n8n.md": "tests/end_to_end/test_how_tos.py",
    "docs/how-to/in-front-of-typebot.md": "tests/end_to_end/test_how_tos.py",
    "docs/how-to/move-to-postgresql.md": "tests/end_to_end/test_moving_up_page.py",
    "docs/how-to/list-events-in-your-own-system.md": "tests/end_to_end/test_list_events_page.py",
    "docs/how-to/one-list-for-several-numbers.md": "tests/end_to_end/test_shared_lists_page.py",
    "docs/how-to/undo-a-change.md": "tests/end_to_end/test_undo_page.py",
    "docs/how-to/put-the-gate-in-front.md": "tests/end_to_end/test_how_tos.py",
    "docs/how-to/send-through-the-gate.md": "tests/end_to_end/test_how_tos.py",
}
# What else stands between ``` and ```: no language in which a command could hide.
LANGUAGES: Final = {"sh", "console", "json", "mermaid", "nginx", "python", "sql", "text", ""}

PYTHON_ONLY: Final = f"{sys.base_prefix}/bin:/usr/bin:/bin"  # no package of these tests
NUMBER: Final = "106540352242922"
DEV_TOKEN: Final = "wablock-dev-token"


def follow(page: str, folder: Path, instead: dict[str, str] | None = None, **variables: str) -> Reader:
    return Reader(ROOT / page, folder, instead or {}, variables)


@contextmanager
def reading(reader: Reader) -> Iterator[Reader]:
    try:
        reader.read()
        yield reader
    finally:
        reader.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with a number, as the pages about tokens expect it."""
    url = f"sqlite:///{tmp_path / 'wablock.db'}"
    assert run("number", "add", NUMBER, WABLOCK_DATABASE=url).returncode == 0
    return url


@pytest.fixture(scope="module")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    need_package_index(tmp_path_factory.mktemp("downloaded"))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server whose URL its own programs understand, too."""
    made = Cluster()
    try:
        made.create()
        made.start()
        yield made
    finally:
        made.remove()


@pytest.mark.usefixtures("package_index")
def test_the_commands_of_the_readme_succeed(tmp_path: Path) -> None:
    with reading(follow(README, cloned(tmp_path), PATH=PYTHON_ONLY)) as reader:
        assert sum(command.startswith("curl") for command in reader.printed) == 3


@pytest.mark.usefixtures("package_index")
def test_the_commands_of_the_index_put_wablock_into_the_shell(tmp_path: Path) -> None:
    reader = follow(INDEX, cloned(tmp_path), PATH=PYTHON_ONLY)

    printed = reader.run(f"{'; '.join(reader.commands)}; command -v wablock")

    assert printed.endswith(f"\n{tmp_path}/.venv/bin/wablock\n")


@pytest.mark.usefixtures("package_index")
def test_the_commands_about_containers_succeed(tmp_path: Path) -> None:
    with reading(follow(CONTAINERS, cloned(tmp_path), DATABASE_URL="postgresql://db.example/wablock")) as reader:
        assert "make release" in reader.printed


def test_the_commands_for_a_list_of_users_succeed(tmp_path: Path) -> None:
    with started("dev", "--port", "0") as ours:
        reader = follow(LISTS, tmp_path, WABLOCK_TOKEN=DEV_TOKEN, WABLOCK_PHONE_NUMBER_ID=NUMBER)
        reader.use(ours)

        with reading(reader):
            assert "wablock completion bash" in (tmp_path / ".bashrc").read_text()
            assert "wablock" in (tmp_path / ".config/fish/completions/wablock.fish").read_text()


def test_the_commands_for_a_list_at_meta_succeed(tmp_path: Path) -> None:
    with started("dev", "--port", "0") as meta, started("dev", "--port", "0") as ours:
        there = {"WABLOCK_URL": meta.url, "WABLOCK_TOKEN": DEV_TOKEN, "WABLOCK_PHONE_NUMBER_ID": NUMBER}
        run("block", "+16505550101", "+16505550102", **there)
        instead = {"https://graph.facebook.com": meta.url}
        reader = follow(META, tmp_path, instead, META_TOKEN=DEV_TOKEN, WABLOCK_TOKEN=DEV_TOKEN)
        reader.use(ours)

        with reading(reader):
            listed = run("list", "--plain", **there | {"WABLOCK_URL": ours.url}).stdout.split()
            assert sorted(listed) == ["16505550101", "16505550102"]


@pytest.mark.usefixtures("package_index")
def test_the_commands_about_production_succeed(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/machine/var/lib/wablock/wablock.db"

    with reading(follow(PRODUCTION, cloned(tmp_path), WABLOCK_DATABASE=database)):
        assert (tmp_path / "machine/backup/wablock.db").exists()
        assert (tmp_path / "machine/opt/wablock/bin/wablock").exists()
        assert (tmp_path / "machine/etc/systemd/system/wablock.service").exists()


def test_the_commands_about_postgresql_succeed(tmp_path: Path, cluster: Cluster) -> None:
    certified = "postgresql://wablock@db1.example.com/wablock?sslmode=verify-full&sslrootcert=/etc/ssl/db-ca.pem"

    with reading(follow(POSTGRESQL, tmp_path, {certified: cluster.url}, OWNER_URL=cluster.url)):
        assert (tmp_path / "wablock.dump").exists()


def test_the_commands_about_nginx_succeed(tmp_path: Path, database: str) -> None:
    with reading(follow(NGINX, tmp_path, WABLOCK_DATABASE=database)) as reader:
        assert "wablock_" in "".join(reader.printed.values())


@pytest.mark.usefixtures("package_index")
def test_the_commands_for_ci_succeed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "own"], check=True)
    path = f"{tmp_path / 'own/bin'}:/usr/bin:/bin"

    with reading(follow(CI, cloned(tmp_path), PATH=path)) as reader:
        assert "3 passed" in reader.printed["pytest test_blocking.py"]


def test_every_page_with_commands_is_read_by_a_test() -> None:
    assert set(COMMANDS) == READ_HERE | set(READ_ELSEWHERE)


@pytest.mark.parametrize("page, test", READ_ELSEWHERE.items())
def test_the_test_that_reads_a_page_names_it(page: str, test: str) -> None:
    assert Path(page).name in (ROOT / test).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_in_blocks_that_are_read(page: Path) -> None:
    fences = re.findall(r"^ *```(\S*)", page.read_text(), re.MULTILINE)

    assert set(fences[::2]) <= LANGUAGES
    assert set(fences[1::2]) <= {""}


USED: Final = re.compile(r"(?:^|\| )wablock ")
HOW_TOS: Final = [it for it in COMMANDS if it.startswith("docs/how-to/") and it != CI]  # there it is installed


@pytest.mark.parametrize("page", [it for it in HOW_TOS if any(map(USED.search, COMMANDS[it]))])
def test_a_how_to_with_commands_says_how_to_install_wablock(page: str) -> None:
    assert "(../README.md#install-wablock)" in (ROOT / page).read_text()


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_a_command_that_is_not_run_is_on_a_page(beginning: str) -> None:
    assert any(it.startswith(beginning) for commands in COMMANDS.values() for it in commands)


@pytest.mark.parametrize("program", STAND_INS)
def test_a_program_with_a_stand_in_is_on_a_page(program: str) -> None:
    assert any(program in it.split() for commands in COMMANDS.values() for it in commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_installs_wablock_only_from_this_repository(page: Path) -> None:
    installed = re.findall(r"pip install ([^`\n]*)", page.read_text())

    published = re.compile(r"(?<![/\w-])wablock\b(?!-\d)")
    assert [it for it in installed if published.search(it)] == []
    assert {it for line in installed for it in re.findall(r"wablock-([\d.]+)-py3", line)} <= {__version__}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_in_a_text_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z]+)`", page.read_text())) <= targets
