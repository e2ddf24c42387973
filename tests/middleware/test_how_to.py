"""`docs/how-to/block-in-the-bot-itself.md`: its token, its bot, its command."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import environment, run
from tests.end_to_end.deployment import PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import body
from tests.gate.webhook.payloads import ANNA, BEN, change, delivery, encoded, message
from tests.middleware.bot import SECRET, signed
from tests.middleware.how_to import blocks, replaced

from wablock.middleware import GateMiddleware

PAGE = "block-in-the-bot-itself.md"
BOTH = encoded(delivery(change(messages=[message(ANNA), message(BEN, 2)])))


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture
def token(deployment: Deployment) -> str:
    wablock, *arguments = shlex.split(blocks(PAGE, "sh")[0])
    assert wablock == "wablock"
    created = run(*arguments, "--json", WABLOCK_DATABASE=deployment.database)
    assert created.returncode == 0, created.stderr
    text: str = json.loads(created.stdout)["token"]
    return text


@pytest.fixture
def lines(tmp_path: Path, deployment: Deployment, token: str) -> Iterator[Iterator[str]]:
    """The output of the page's bot; it begins with its address."""
    (code,) = blocks(PAGE, "python")
    (tmp_path / "bot.py").write_text(code)
    command = blocks(PAGE, "sh")[1]
    words = shlex.split(replaced(command, {"wablock_…": token, "APP_SECRET=…": f"APP_SECRET={shlex.quote(SECRET)}"}))
    variables = dict(word.split("=", 1) for word in words[: words.index("uvicorn")])
    arguments = shlex.split(replaced(shlex.join(words[words.index("uvicorn") :]), {"3000": "0"}))
    with deployment.server() as server:
        assert httpx2.post(_block_users(server.url), json=body([ANNA]), headers=deployment.headers).status_code == 200
        with subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=environment(WABLOCK_URL=server.url, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as bot:
            assert bot.stdout
            try:
                yield bot.stdout
            finally:
                bot.terminate()


def _block_users(url: str) -> str:
    return f"{url}/v25.0/{PHONE_NUMBER_ID}/block_users"


def _address(lines: Iterator[str]) -> str:
    read = ""
    for line in lines:
        read += line
        if match := re.search(r"http://127\.0\.0\.1:\d+", line):
            return match[0] + "/webhook"
    raise AssertionError(f"the bot does not listen: {read}")


def test_the_bot_of_the_page_gets_messages_of_free_users_only(lines: Iterator[str]) -> None:
    answer = httpx2.post(_address(lines), content=BOTH, headers={"x-hub-signature-256": signed(BOTH)})

    assert answer.text == "ok"
    assert next(line for line in lines if line.startswith("heard")) == f"heard {BEN}\n"


def test_the_page_names_every_argument_with_its_default() -> None:
    text = "\n".join(_rows())

    for name, parameter in list(signature(GateMiddleware).parameters.items())[1:]:
        default = parameter.default
        default_text = {parameter.empty: "", None: "none", 5.0: "5"}.get(default, f"`{default}`".replace("'", '"'))
        assert f"| `{name}` | {default_text} |".replace("  ", " ") in text


def _rows() -> list[str]:
    path = Path(__file__).parent.parent.parent / "docs/how-to" / PAGE
    return [line for line in path.read_text().splitlines() if line.startswith("| `")]
