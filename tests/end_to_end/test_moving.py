"""The how-to about moving from Meta and back; a second wablock under Meta's rules replaces Meta."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.cli.command import WABLOCK, environment
from tests.running_server import RunningServer, running_server

from wablock.block_list.ports import Rules

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/from-meta-to-wablock-and-back.md").read_text()
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
USERS: Final = [f"1650555{number:04d}" for number in range(30)]


class Mover:
    """Follows the page, with Meta at hand."""

    def __init__(self, folder: Path, meta: RunningServer, ours: RunningServer) -> None:
        self._folder = folder
        self.meta = meta
        self._variables = environment(
            WABLOCK_URL=ours.url,
            WABLOCK_TOKEN=ours.token,
            WABLOCK_PHONE_NUMBER_ID=ours.phone_number_id,
            META_TOKEN=meta.token,
        )
        self._variables["PATH"] = f"{Path(WABLOCK).parent}:{self._variables['PATH']}"

    def follow(self, block: str) -> "subprocess.CompletedProcess[str]":
        commands = block.replace("https://graph.facebook.com", self.meta.url)
        bash = ["bash", "-euo", "pipefail", "-c", commands]
        return subprocess.run(
            bash,
            env=self._variables,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def hear_from(self, *users: str) -> None:
        path = f"{self.meta.url}/v1/numbers/{self.meta.phone_number_id}/last_inbound"
        headers = {"authorization": f"Bearer {self.meta.token}"}
        httpx2.put(path, json={"users": users}, headers=headers).raise_for_status()

    def at_meta(self, method: str, *users: str) -> httpx2.Response:
        body = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in users]}
        headers = {"authorization": f"Bearer {self.meta.token}"}
        return httpx2.request(method, self.meta.url + self.meta.block_users, json=body, headers=headers)


@pytest.fixture
def mover(tmp_path: Path) -> Iterator[Mover]:
    (tmp_path / "meta").mkdir()
    with running_server(tmp_path / "meta", rules=Rules.META) as meta, running_server(tmp_path) as ours:
        yield Mover(tmp_path, meta, ours)


def test_the_list_is_copied_from_meta_and_both_are_equal(mover: Mover) -> None:
    mover.hear_from(*USERS)
    mover.at_meta("POST", *USERS)

    taken, compared = mover.follow(BLOCKS[0]), mover.follow(BLOCKS[1])

    assert (taken.returncode, compared.returncode) == (0, 0), taken.stderr + compared.stderr
    assert "Blocked 30 users." in taken.stdout


def test_the_list_is_copied_to_meta_as_far_as_meta_accepts_it(mover: Mover) -> None:
    mover.hear_from(*USERS)
    mover.at_meta("POST", *USERS)
    mover.follow(BLOCKS[0])
    mover.at_meta("DELETE", *USERS)

    given_back = mover.follow(BLOCKS[2])

    assert given_back.returncode == 0, given_back.stderr
    assert "Blocked 30 users." in given_back.stdout


def test_users_who_did_not_write_to_meta_are_named_when_the_list_moves_back(mover: Mover) -> None:
    mover.follow(f"wablock block {' '.join('+' + user for user in USERS[:2])}")
    mover.hear_from(USERS[0])

    given_back = mover.follow(BLOCKS[2])

    assert given_back.returncode == 1
    assert "Blocked 1 user." in given_back.stdout
    assert USERS[1] in given_back.stdout
