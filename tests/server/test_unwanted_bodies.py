"""Bodies that no handler reads: the connection stays open or closes after them, as the answer's header states."""

import pytest
from tests.server.applications import get, post, serving_application, text
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.request import Request
from wablock.settings import LimitSettings

LIMIT = 100


async def _unread(_: Request) -> Answer:
    return text("answer")


@pytest.mark.parametrize("length", [LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT])
@pytest.mark.parametrize("arrived", [1, LIMIT - 1])
def test_a_connection_goes_on_behind_an_unread_body_as_its_answer_says(length: int, arrived: int) -> None:
    body = b"x" * length
    with serving_application(_unread, LimitSettings(max_body=LIMIT)) as server, Connection(server) as connection:
        connection.send(post(body[:arrived], length))

        ends = connection.answer().headers.get("connection") == "close"

        assert ends == (length > LIMIT)
        connection.send(body[arrived:])
        if ends:
            assert connection.is_closed()
        else:
            connection.send(get())
            assert connection.answer().body == b"answer"
