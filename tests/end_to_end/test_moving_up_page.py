"""The how-to about moving to PostgreSQL."""

import re
import subprocess
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.cli.command import WABLOCK, environment, run, started
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import blocked, body
from tests.postgres import bare_database

from wablock.storage.sqlite import moves

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/move-to-postgresql.md").read_text()
BACK_UP, REHEARSE, MOVE, SERVE, GIVE_UP = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
USERS: Final = ["16505550101", "16505550102", "16505550103"]


class Mover:
    """Follows the page, with a server of three blocked users."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = Deployment(folder)
        self.urls = {
            "OWNER_URL": bare_database(folder / "new"),
            "REHEARSAL_URL": bare_database(folder / "rehearsal"),
        }
        with self.old.server() as server, httpx2.Client(base_url=server.url, headers=self.old.headers) as client:
            client.post(BLOCK_USERS, json=body(USERS)).raise_for_status()

    def follow(self, block: str) -> "subprocess.CompletedProcess[str]":
        variables = environment(**self.urls)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace("/var/lib/wablock/wablock.db", str(self.old.file))],
            env=variables | {"PATH": f"{Path(WABLOCK).parent}:{variables['PATH']}"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    return Mover(tmp_path)


def test_following_the_page_ends_with_a_server_on_postgresql_that_lists_the_same(mover: Mover) -> None:
    followed = [mover.follow(block) for block in (BACK_UP, REHEARSE, MOVE)]

    assert [it.returncode for it in followed] == [0, 0, 0], [it.stderr for it in followed]
    assert (mover.folder / "before-the-move.db").exists()
    assert SERVE == 'wablock serve --database "$DATABASE_URL"\n'
    with (
        started("serve", "--port", "0", "--database", mover.urls["OWNER_URL"]) as server,
        httpx2.Client(base_url=server.url, headers=mover.old.headers) as client,
    ):
        assert sorted(blocked(client)) == USERS


def test_after_giving_up_the_old_server_accepts_changes_again(mover: Mover) -> None:
    moves.begin(mover.old.file, "0123", "postgresql://db.example/wablock", 1)

    given_up = mover.follow(GIVE_UP)

    assert given_up.returncode == 0, given_up.stderr
    assert run("number", "add", "1", "--database", mover.old.database).returncode == 0


def test_the_move_can_be_reversed_as_the_page_describes(mover: Mover) -> None:
    mover.follow(MOVE)

    with_yes = mover.follow(GIVE_UP.replace("--give-up", "--give-up --yes"))

    assert with_yes.returncode == 0, with_yes.stderr
    with mover.old.server() as server, httpx2.Client(base_url=server.url, headers=mover.old.headers) as client:
        assert sorted(blocked(client)) == USERS
