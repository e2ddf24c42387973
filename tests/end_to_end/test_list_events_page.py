"""The how-to `list-events-in-your-own-system.md`: its subscriber gets what its commands change."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cli.command import environment
from tests.end_to_end.page_reader import DOCS, Reader
from tests.ports import lasting_port
from tests.waiting import wait_until

PAGE: Final = DOCS / "how-to/list-events-in-your-own-system.md"
SECRET: Final = "a secret of the subscriber"


@contextmanager
def _subscriber(folder: Path, port: int) -> Iterator[Path]:
    """The subscriber of the page, which writes into the file."""
    [program] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    printed = folder / "printed.txt"
    command = [sys.executable, "-c", program.replace("3000", str(port))]
    with printed.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env=environment(SUBSCRIPTION_SECRET=SECRET)
        )
        try:
            yield printed
        finally:
            process.kill()
            process.wait()


def test_the_subscriber_of_the_page_prints_what_its_commands_change(tmp_path: Path) -> None:
    port = lasting_port()
    variables = {
        "SUBSCRIPTION_SECRET": SECRET,
        "WABLOCK_DATABASE": f"sqlite:///{tmp_path / 'wablock.db'}",
        "WABLOCK_SECRET_KEY_FILE": str(tmp_path / "secret.key"),
    }
    with _subscriber(tmp_path, port) as printed:
        reader = Reader(PAGE, tmp_path, {"http://127.0.0.1:3000": f"http://127.0.0.1:{port}"}, variables)
        try:
            reader.read()
            wait_until(lambda: len(printed.read_text().splitlines()) == 2, "the events did not arrive")
        finally:
            reader.close()

    assert printed.read_text().splitlines() == ["block 16505550101", "unblock 16505550101"]
