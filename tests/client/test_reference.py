"""The examples of the client's page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import Server, environment, started

from wablock import client

PAGE: Final = (Path(__file__).parents[2] / "docs/reference/client.md").read_text()
README: Final = (Path(__file__).parents[2] / "README.md").read_text()
EXAMPLES: Final = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

ONE_LETTER: Final = "a phone number has digits, +, blanks and - . ( ) only, and this one has 'x'."


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started("dev", "--port", "0") as running:
        yield running


def _printed(example: str, server: Server) -> list[str]:
    script = example.replace("http://127.0.0.1:8080", server.url)
    command = [sys.executable, "-W", "error", "-c", script]
    process = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_the_first_example_blocks_lists_and_names_failed_users(server: Server) -> None:
    assert _printed(EXAMPLES[0], server) == [
        "16505550101",
        "16505550102",
        "16505551234",
        "True",
        f"12x 131047 Re-engagement required: Not a valid WhatsApp user: {ONE_LETTER}",
    ]


def test_the_second_example_blocks_from_many_tasks(server: Server) -> None:
    assert _printed(EXAMPLES[1], server) == [str([f"1650555010{n}" for n in range(5)])]


def test_the_example_of_the_readme_blocks_and_lists(server: Server) -> None:
    [example] = re.findall(r"^```python\n(from wablock.*?)^```$", README, re.MULTILINE | re.DOTALL)

    printed = _printed(example.replace('"106540352242922"', '"7"'), server)

    assert printed == ["['16505550101', '16505550102'] True"]


@pytest.mark.parametrize("name", client.__all__)
def test_every_name_of_the_client_is_on_its_page(name: str) -> None:
    assert name in PAGE
