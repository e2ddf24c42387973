"""The how-tos of the gate: their commands run in the order of the page, and afterwards the block has effect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import pytest
from tests.end_to_end.page_reader import APP_SECRET, DOCS, Reader
from tests.receiver import Delivery, Receiver, receiving
from tests.running_server import PHONE_NUMBER_ID
from tests.server.test_webhooks import ANNA, BEN, message, signed, webhook

HOW_TOS: Final = DOCS / "how-to"
SECRETS: Final = {
    "APP_SECRET": APP_SECRET,
    "HOTEL_APP_SECRET": "the secret of another app of Meta's",
    "META_TOKEN": "EAAJB-a-system-users-token-of-Metas",
    "N8N_KEY": "a-long-random-value",
}


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


class GateReader(Reader):
    """Puts the gate in front of a product as a page says, on a database and with a key of its own."""

    def __init__(self, page: Page, folder: Path, product: Receiver) -> None:
        self.page = page
        self.product = product
        database, key = f"sqlite:///{folder / 'wablock.db'}", str(folder / "secret.key")
        variables = SECRETS | {"WABLOCK_DATABASE": database, "WABLOCK_SECRET_KEY_FILE": key}
        super().__init__(HOW_TOS / page.name, folder, {page.origin: f"http://127.0.0.1:{product.port}"}, variables)

    def deliveries(self) -> list[Delivery]:
        """The deliveries to the product at the page's address."""
        return [delivery for delivery in self.product.deliveries if delivery.path == self.page.path]


@contextmanager
def following(page: Page, folder: Path) -> Iterator[GateReader]:
    """A reader who has run all commands of `page`, with a product as receiver and a running wablock."""
    with receiving() as product:
        reader = GateReader(page, folder, product)
        try:
            reader.read()
            yield reader
        finally:
            reader.close()


@pytest.fixture(scope="module", params=PAGES, ids=str)
def of_the_page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateReader]:
    with following(request.param, tmp_path_factory.mktemp("page")) as reading:
        yield reading


@pytest.fixture
def reader(of_the_page: GateReader) -> GateReader:
    """A reader whose product has no deliveries yet."""
    of_the_page.product.deliveries.clear()
    return of_the_page


def deliver(reader: GateReader, body: bytes) -> int:
    assert reader.server is not None
    headers = {"x-hub-signature-256": signed(body, SECRETS["APP_SECRET"])}
    return httpx2.post(reader.server.url + "/webhooks/whatsapp", content=body, headers=headers).status_code


def test_the_commands_of_the_page_succeed(reader: GateReader) -> None:
    assert reader.server is not None
    assert len(reader.printed) >= 6


def test_the_product_gets_messages_of_free_users_only(reader: GateReader) -> None:
    answers = [deliver(reader, webhook(message(sender))) for sender in (ANNA, BEN)]  # the page has blocked Anna

    senders = [
        delivery.json()["entry"][0]["changes"][0]["value"]["messages"][0]["from"] for delivery in reader.deliveries()
    ]
    assert answers == [200, 200]
    assert senders == [BEN]


def test_the_drops_of_the_page_show_the_removed_messages(reader: GateReader) -> None:
    deliver(reader, webhook(message(ANNA)))

    assert "165…34" in reader.run(next(it for it in reader.printed if it.startswith("wablock drops")))


def test_the_product_can_check_the_signature_with_the_app_secret(reader: GateReader) -> None:
    deliver(reader, webhook(message(ANNA), message(BEN, "wamid.2")))

    (delivery,) = reader.deliveries()
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, SECRETS["APP_SECRET"])


def test_a_header_of_the_page_is_on_every_webhook(reader: GateReader) -> None:
    deliver(reader, webhook(message(BEN)))

    (delivery,) = reader.deliveries()
    assert delivery.headers.get("x-webhook-key") == (SECRETS["N8N_KEY"] if "n8n" in reader.page.name else None)


def test_the_handshake_accepts_the_pages_verify_token(reader: GateReader) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "a-text-of-your-choice"}
    assert reader.server is not None

    answer = httpx2.get(reader.server.url + "/webhooks/whatsapp", params=query)

    assert answer.text == "1158201444"


def test_a_message_to_a_blocked_user_is_refused_to_the_product_with_its_own_token(reader: GateReader) -> None:
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
