"""The how-tos of the gate: their commands run in the order of the page, and afterwards the block has effect."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import pytest
from tests.cli.command import WABLOCK, Server, environment, started
from tests.receiver import Delivery, Receiver, receiving
from tests.running_server import PHONE_NUMBER_ID
from tests.server.test_webhooks import ANNA, BEN, message, signed, webhook

HOW_TOS: Final = Path(__file__).parent.parent.parent / "docs/how-to"
SECRETS: Final = {
    "APP_SECRET": "an app secret of Meta's",
    "META_TOKEN": "EAAJB-a-system-users-token-of-Metas",
    "N8N_KEY": "a-long-random-value",
}

_FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OURS = re.compile(r"\bwablock (?!serve)|curl .*http://127\.0\.0\.1")
_SERVE = re.compile(r"wablock (serve(?: --port (\d+))?)")
_TOKEN = re.compile(r"^wablock_\S+$", re.MULTILINE)
_ENDS_WITHIN = 60  # seconds


class Page(msgspec.Struct, frozen=True):
    """A how-to, and the product's address in it."""

    name: str
    origin: str
    path: str

    def __str__(self) -> str:
        return self.name


PAGES: Final = [
    Page("put-the-gate-in-front.md", "http://127.0.0.1:3000", "/webhook"),
    Page("in-front-of-chatwoot.md", "https://chatwoot.example.com", "/webhooks/whatsapp/+15550783881"),
    Page("in-front-of-evolution-api.md", "http://evolution.example.com:8080", "/webhook/meta"),
    Page("in-front-of-n8n.md", "https://n8n.example.com", "/webhook/whatsapp"),
    Page(
        "in-front-of-typebot.md",
        "https://bot.example.com",
        "/api/v1/workspaces/clwork0001/whatsapp/clcred0001/webhook",
    ),
]


class Reader:
    """Does what a page says, on a database and with a key of its own. `printed` has the output of each command."""

    def __init__(self, page: Page, folder: Path, product: Receiver) -> None:
        text = (HOW_TOS / page.name).read_text()
        assert page.origin in text
        text = text.replace(page.origin, f"http://127.0.0.1:{product.port}")
        self.page = page
        self.product = product
        self.commands = [line for block in _FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
        self.printed: dict[str, str] = {}
        self.server: Server | None = None
        self._ends = ExitStack()
        self._port = "8080"
        self._variables = SECRETS | {
            "WABLOCK_DATABASE": f"sqlite:///{folder / 'wablock.db'}",
            "WABLOCK_SECRET_KEY_FILE": str(folder / "secret.key"),
        }

    def read(self) -> None:
        for command in self.commands:
            serve = _SERVE.fullmatch(command)
            if serve is not None:
                self._port = serve[2] or self._port
                self.server = self._ends.enter_context(started("serve", "--port", "0", **self._variables))
            elif _OURS.search(command):
                self.printed[command] = self.run(command)

    def run(self, command: str) -> str:
        """Run it, and return its output; it has to succeed. A token that it prints goes into `WABLOCK_TOKEN`."""
        if self.server is not None:
            command = command.replace(f"http://127.0.0.1:{self._port}", self.server.url)
            self._variables["WABLOCK_URL"] = self.server.url
        variables = environment(**self._variables)
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=variables | {"PATH": f"{Path(WABLOCK).parent}:{variables['PATH']}"},
            capture_output=True,
            text=True,
            timeout=_ENDS_WITHIN,
            check=False,
        )
        assert process.returncode == 0, f"{command}: {process.stdout}{process.stderr}"
        assert '"error"' not in process.stdout, f"{command}: {process.stdout}"
        token = _TOKEN.search(process.stdout)
        if token is not None:
            self._variables["WABLOCK_TOKEN"] = token[0]
        return process.stdout

    def deliveries(self) -> list[Delivery]:
        """The deliveries to the product at the page's address."""
        return [delivery for delivery in self.product.deliveries if delivery.path == self.page.path]

    def close(self) -> None:
        self._ends.close()


@contextmanager
def following(page: Page, folder: Path) -> Iterator[Reader]:
    """A reader who has run all commands of `page`, with a product as receiver and a running wablock."""
    with receiving() as product:
        reader = Reader(page, folder, product)
        try:
            reader.read()
            yield reader
        finally:
            reader.close()


@pytest.fixture(scope="module", params=PAGES, ids=str)
def of_the_page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with following(request.param, tmp_path_factory.mktemp("page")) as reading:
        yield reading


@pytest.fixture
def reader(of_the_page: Reader) -> Reader:
    """A reader whose product has no deliveries yet."""
    of_the_page.product.deliveries.clear()
    return of_the_page


def deliver(reader: Reader, body: bytes) -> int:
    assert reader.server is not None
    headers = {"x-hub-signature-256": signed(body, SECRETS["APP_SECRET"])}
    return httpx2.post(reader.server.url + "/webhooks/whatsapp", content=body, headers=headers).status_code


def test_the_commands_of_the_page_succeed(reader: Reader) -> None:
    assert reader.server is not None
    assert len(reader.printed) >= 6


def test_the_product_gets_messages_of_free_users_only(reader: Reader) -> None:
    answers = [deliver(reader, webhook(message(sender))) for sender in (ANNA, BEN)]  # the page has blocked Anna

    senders = [
        delivery.json()["entry"][0]["changes"][0]["value"]["messages"][0]["from"] for delivery in reader.deliveries()
    ]
    assert answers == [200, 200]
    assert senders == [BEN]


def test_the_drops_of_the_page_show_the_removed_messages(reader: Reader) -> None:
    deliver(reader, webhook(message(ANNA)))

    assert "165…34" in reader.run(next(it for it in reader.printed if it.startswith("wablock drops")))


def test_the_product_can_check_the_signature_with_the_app_secret(reader: Reader) -> None:
    deliver(reader, webhook(message(ANNA), message(BEN, "wamid.2")))

    (delivery,) = reader.deliveries()
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, SECRETS["APP_SECRET"])


def test_a_header_of_the_page_is_on_every_webhook(reader: Reader) -> None:
    deliver(reader, webhook(message(BEN)))

    (delivery,) = reader.deliveries()
    assert delivery.headers.get("x-webhook-key") == (SECRETS["N8N_KEY"] if "n8n" in reader.page.name else None)


def test_the_handshake_accepts_the_pages_verify_token(reader: Reader) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "a-text-of-your-choice"}
    assert reader.server is not None

    answer = httpx2.get(reader.server.url + "/webhooks/whatsapp", params=query)

    assert answer.text == "1158201444"


def test_a_message_to_a_blocked_user_is_refused_to_the_product_with_its_own_token(reader: Reader) -> None:
    body = {"messaging_product": "whatsapp", "to": ANNA, "type": "text", "text": {"body": "hi"}}
    headers = {"authorization": f"Bearer {SECRETS['META_TOKEN']}"}
    assert reader.server is not None

    answer = httpx2.post(f"{reader.server.url}/v14.0/{PHONE_NUMBER_ID}/messages", json=body, headers=headers)

    keeps_its_token = any("--from-stdin" in command for command in reader.commands)
    assert answer.json()["error"]["code"] == (130403 if keeps_its_token else 190)


def test_the_commands_of_sending_through_the_gate_succeed(tmp_path: Path) -> None:
    page = Page("send-through-the-gate.md", "https://gateway.example", "/api")

    with following(page, tmp_path) as reader:
        assert reader.server is not None
        assert len(reader.printed) >= 3
