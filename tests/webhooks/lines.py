"""Two numbers of one account with a receiver each: no item of one number may reach the other's receiver."""

from collections.abc import Sequence

import httpx2
import msgspec
from tests.receiver import Receiver
from tests.running_server import ACCOUNT_ID, TOKEN, RunningServer
from tests.server.test_webhooks import KEY, SECRET, signed

from wablock.block_list.ports import BusinessNumber
from wablock.gate.routes.downstreams import NewDownstream
from wablock.wiring import routes_of

NumberPair = tuple[BusinessNumber, BusinessNumber]

_MOST_AT_ONCE = 1000  # users of one request


class Line(msgspec.Struct, frozen=True):
    """Users are blocked for the first of the numbers."""

    numbers: NumberPair
    receivers: tuple[Receiver, Receiver]


def number_pairs(count: int) -> list[NumberPair]:
    """Up to five pairs of numbers."""
    numbers = [BusinessNumber(f"10654035224{n:04d}", ACCOUNT_ID, f"1650555010{n}", "US") for n in range(2 * count)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


async def route(server: RunningServer, lines: Sequence[Line]) -> None:
    routes = routes_of(server.wired.store, KEY)
    await routes.accounts.set(ACCOUNT_ID, SECRET, "a verify token")
    for line in lines:
        for number, receiver in zip(line.numbers, line.receivers, strict=True):
            downstream = NewDownstream(url=receiver.url, may_be_inside=True)
            assert await routes.downstreams.add(ACCOUNT_ID, number.phone_number_id, downstream)


def block(client: httpx2.Client, server: RunningServer, line: Line, identifiers: Sequence[str]) -> None:
    items = [{"user_id": it} if "." in it else {"user": f"+{it}"} for it in identifiers]
    for at in range(0, len(items), _MOST_AT_ONCE):
        answer = client.post(
            f"{server.url}/v25.0/{line.numbers[0].phone_number_id}/block_users",
            json={"messaging_product": "whatsapp", "block_users": items[at : at + _MOST_AT_ONCE]},
            headers={"authorization": f"Bearer {TOKEN}"},
        )
        assert "failed_users" not in answer.json()["block_users"], answer.text


def deliver(
    client: httpx2.Client, server: RunningServer, line: Line, body: bytes
) -> tuple[httpx2.Response, list[list[bytes]]]:
    """The answer to a webhook, and the deliveries to each of the two receivers."""
    for receiver in line.receivers:
        receiver.deliveries.clear()
    headers = {"content-type": "application/json", "x-hub-signature-256": signed(body)}
    answer = client.post(f"{server.url}/webhooks/whatsapp", content=body, headers=headers)
    return answer, [[delivery.body for delivery in receiver.deliveries] for receiver in line.receivers]
