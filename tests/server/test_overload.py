"""Too many changes for the database: some requests are refused whole and at once, and no accepted change is lost."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import httpx2
from tests.running_server import RunningServer

AT_ONCE = 115  # requests of 1,000 users: more than a batch and the queue behind it
SHARED = [str(16505550000 + number) for number in range(999)]


def _body(index: int) -> dict[str, object]:
    """999 users that are in every request, and one that is only in this one."""
    users = [*SHARED, _own(index)]
    return {"messaging_product": "whatsapp", "block_users": [{"user": f"+{wa_id}"} for wa_id in users]}


def _own(index: int) -> str:
    return str(16505552000 + index)


async def _overloaded(server: RunningServer, database: Path) -> list[httpx2.Response]:
    """The responses to requests that arrive while another program locks the database, until one is refused."""
    headers = {"Authorization": f"Bearer {server.token}"}
    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=120) as client:
        with closing(apsw.Connection(str(database))) as other:
            other.execute("BEGIN IMMEDIATE")
            posts = [
                asyncio.create_task(client.post(server.block_users, json=_body(index))) for index in range(AT_ONCE)
            ]
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            other.execute("ROLLBACK")
        return await asyncio.gather(*posts)


def test_changes_that_come_too_fast_are_refused_whole_and_may_be_sent_again(
    server: RunningServer, tmp_path: Path
) -> None:
    answers = asyncio.run(_overloaded(server, tmp_path / "wablock.db"))

    refused = [index for index, answer in enumerate(answers) if answer.status_code == 503]
    assert refused
    for index in refused:
        assert answers[index].json()["error"]["code"] == 2
        assert answers[index].json()["error"]["is_transient"] is True
        assert int(answers[index].headers["retry-after"]) >= 1
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}) as client:
        page = client.get(f"{server.block_users}?limit=1000").json()
        rest = client.get(page["paging"]["next"]).json()
        listed = {user["wa_id"] for user in page["data"] + rest["data"]}
        assert listed.isdisjoint(_own(index) for index in refused)
        assert listed >= {_own(index) for index, answer in enumerate(answers) if answer.status_code == 200}
        assert client.post(server.block_users, json=_body(refused[0])).status_code == 200
        assert 'wablock_shed_total{what="change"}' in client.get("/metrics").text
