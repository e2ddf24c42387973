"""The how-to `one-list-for-several-numbers.md`: each block prints what the page shows, and the gate obeys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.end_to_end.page_reader import APP_SECRET, DOCS, Reader, commands_of
from tests.receiver import Receiver, receiving
from tests.server.test_webhooks import message, signed, webhook

PAGE: Final = DOCS / "how-to/one-list-for-several-numbers.md"
ANNA: Final = "16505550101"
SUPPORT: Final = "106540352242923"

_STEP: Final = re.compile(r"^```sh\n((?:(?!```).*\n)+)```\n\n```text\n((?:(?!```).*\n)+)```$", re.MULTILINE)
_TIME: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
STEPS: Final = _STEP.findall(PAGE.read_text())
REFUSED: Final = {
    "wablock unblock +16505550101": 1,
    "wablock block +16505550101": 1,
    "wablock blocklist delete fraud --yes": 2,
}


class StoryReader(Reader):
    """Follows the page. After each command, Anna writes to the second number: `arrived` has what the receiver got."""

    def __init__(self, folder: Path, product: Receiver) -> None:
        variables = {
            "APP_SECRET": APP_SECRET,
            "WABLOCK_DATABASE": f"sqlite:///{folder / 'wablock.db'}",
            "WABLOCK_SECRET_KEY_FILE": str(folder / "secret.key"),
        }
        super().__init__(PAGE, folder, {"http://127.0.0.1:3000": f"http://127.0.0.1:{product.port}"}, variables)
        self.product = product
        self.arrived: dict[str, bool] = {}

    def run(self, command: str) -> str:
        text = command
        if command in REFUSED:
            text = f"{{ {command}; }} 2>&1 || test $? = {REFUSED[command]}"
        printed = super().run(text)
        if self.server is not None:
            self.arrived[command] = self._writes(f"wamid.{len(self.arrived)}")
        return printed

    def _writes(self, message_id: str) -> bool:
        assert self.server is not None
        body = webhook(message(ANNA, message_id), number=SUPPORT)
        headers = {"x-hub-signature-256": signed(body, APP_SECRET)}
        answer = httpx2.post(f"{self.server.url}/webhooks/whatsapp", content=body, headers=headers)
        assert answer.status_code == 200
        return any(message_id.encode() in delivery.body for delivery in self.product.deliveries)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoryReader]:
    """A reader who has run all commands of the page."""
    with receiving() as product:
        reading = StoryReader(tmp_path_factory.mktemp("page"), product)
        try:
            reading.read()
            yield reading
        finally:
            reading.close()


@pytest.mark.parametrize("block, shown", STEPS, ids=[block.partition("\n")[0] for block, _ in STEPS])
def test_each_block_prints_what_the_page_shows(reader: StoryReader, block: str, shown: str) -> None:
    printed = "".join(reader.printed[command] for command in block.splitlines())

    assert _TIME.sub("TIME", printed) == _TIME.sub("TIME", shown)


def test_every_block_about_lists_shows_what_it_prints() -> None:
    assert len(STEPS) == len(re.findall(r"^```sh$", PAGE.read_text(), re.MULTILINE)) - 2


@pytest.mark.parametrize(
    "command, arrives",
    [
        ("wablock blocklist add fraud +16505550101 --reason chargeback", True),
        ("wablock blocklist attach fraud --all-numbers", False),
        ("wablock unblock +16505550101", False),
        ("wablock allowlist attach vip --all-numbers --yes", True),
        ("wablock block +16505550101", True),
        ("wablock allowlist detach vip --all-numbers", False),
        ("wablock blocklist delete fraud --yes", False),
    ],
)
def test_the_users_next_message_arrives_only_if_no_list_blocks_the_user(
    reader: StoryReader, command: str, *, arrives: bool
) -> None:
    assert reader.arrived[command] is arrives


def test_a_script_notices_an_unblock_without_an_effect_in_json(reader: StoryReader) -> None:
    report = Reader.run(reader, "wablock unblock +16505550101 --json || test $? = 1")

    assert '"done": []' in report
    assert '"name": "fraud"' in report.partition('"still_blocked"')[2]


def test_the_refused_commands_are_on_the_page() -> None:
    assert set(REFUSED) <= set(commands_of(PAGE))
