"""The move from one machine to PostgreSQL: the old server runs meanwhile, and the move is killed in the middle."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import apsw
import httpx2
import pytest
from tests.cli.command import WABLOCK, Server, environment, run, started
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import blocked, body
from tests.many_users import NOON, with_users
from tests.postgres import bare_database, connected, execute
from tests.triggers import make_trigger
from tests.waiting import wait_until

MANY: Final = bool(os.environ.get("TORTURE"))
USERS: Final = 1_000_000 if MANY else 25_000
KILLS: Final = 3
ANNA: Final = "16505550101"
_WITHIN: Final = 120  # seconds

# A row of the third transaction waits, so that the kill comes in the middle.
_PAUSES: Final = f"""
CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep({_WITHIN}); RETURN NEW; END $$;
CREATE TRIGGER pause BEFORE INSERT ON blocked_user FOR EACH ROW
  WHEN (NEW.list_id = '106540352240' AND NEW.seq = {NOON + USERS - 2}) EXECUTE FUNCTION pause();
"""
_PAUSED: Final = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
_GO_ON: Final = f"SELECT pg_terminate_backend(pid) FROM ({_PAUSED}) AS paused"


class Writer:
    """Blocks one user after the other at the old server, all the time, and remembers what was acknowledged."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[httpx2.Response] = []
        self._server = server
        self._headers = headers
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer")
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        with httpx2.Client(base_url=self._server.url, headers=self._headers, timeout=_WITHIN) as client:
            for number in range(10_000_000):
                if self._ended.wait(0.005):
                    return
                wa_id = str(442071830000 + number % 10_000)
                answer = client.post(BLOCK_USERS, json=body({wa_id}))
                if answer.status_code == 200:
                    self.acknowledged.append(wa_id)
                else:
                    self.refused.append(answer)


class Story:
    """What was seen on the way, in order."""

    acknowledged: Sequence[str]
    refused: Sequence[httpx2.Response]
    before: Sequence[str]
    meanwhile: Sequence[str]
    check_meanwhile: httpx2.Response
    ready_meanwhile: int
    block_meanwhile: httpx2.Response
    unblock_meanwhile: httpx2.Response
    half_served: "subprocess.CompletedProcess[str]"
    there_at_the_kill: int
    rows_before: int
    block_after_the_kill: httpx2.Response
    report: Any
    at_the_end: Sequence[str]
    unblock_at_the_end: httpx2.Response
    served_old: "subprocess.CompletedProcess[str]"
    served_new: Sequence[str]
    block_on_new: httpx2.Response


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("moving")
    with_users(folder / "wablock.db", USERS)
    deployment = Deployment(folder)
    new = bare_database(folder)
    make_trigger(new, _PAUSES)
    with ExitStack() as ends:
        old_server = ends.enter_context(deployment.server())
        yield _played(deployment, new, old_server, ends)


def _played(deployment: Deployment, new: str, old_server: Server, ends: ExitStack) -> Story:
    story = Story()
    client = ends.enter_context(httpx2.Client(base_url=old_server.url, headers=deployment.headers, timeout=_WITHIN))
    client.post(BLOCK_USERS, json=body({ANNA})).raise_for_status()
    writer = Writer(old_server, deployment.headers)
    ends.callback(writer.end)
    _until(lambda: len(writer.acknowledged) > 20)

    with _migrating(deployment, new) as moving:
        _until(lambda: _rows(new, _PAUSED), moving)
        story.before = blocked(client)
        story.check_meanwhile = client.get(f"/v1/numbers/{PHONE_NUMBER_ID}/check/{ANNA}")
        story.ready_meanwhile = client.get("/readyz").status_code
        story.block_meanwhile = client.post(BLOCK_USERS, json=body({"16505550102"}))
        story.unblock_meanwhile = client.request("DELETE", BLOCK_USERS, json=body({"16505550103"}))
        story.half_served = run("serve", "--port", "0", WABLOCK_DATABASE=new)
        story.meanwhile = blocked(client)
        moving.send_signal(signal.SIGKILL)
        moving.wait(_WITHIN)
    story.block_after_the_kill = client.post(BLOCK_USERS, json=body({"16505550102"}))
    execute(new, _GO_ON)
    _until(lambda: not _rows(new, _PAUSED))
    execute(new, "DROP TRIGGER pause ON blocked_user")
    ((story.there_at_the_kill,),) = _rows(new, "SELECT count(*) FROM blocked_user")
    with closing(apsw.Connection(str(deployment.file))) as connection:
        story.rows_before = connection.execute("SELECT count(*) FROM blocked_user").get

    with _migrating(deployment, new) as moving:
        story.report = json.loads(moving.communicate(timeout=_WITHIN)[0])
    story.unblock_at_the_end = client.request("DELETE", BLOCK_USERS, json=body({"16505550103"}))
    story.at_the_end = blocked(client)
    writer.end()
    story.acknowledged, story.refused = writer.acknowledged, writer.refused
    story.served_old = run("serve", "--port", "0", WABLOCK_DATABASE=deployment.database)
    new_server = ends.enter_context(started("serve", "--port", "0", WABLOCK_DATABASE=new))
    with httpx2.Client(base_url=new_server.url, headers=deployment.headers, timeout=_WITHIN) as at_new:
        story.served_new = blocked(at_new)
        story.block_on_new = at_new.post(BLOCK_USERS, json=body({"16505550102"}))
    return story


@contextmanager
def _migrating(deployment: Deployment, new: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [WABLOCK, "migrate", "--json"],
        env=environment(WABLOCK_MIGRATE_FROM=deployment.database, WABLOCK_MIGRATE_TO=new),
        stdout=subprocess.PIPE,
        text=True,
    ) as moving:
        try:
            yield moving
        finally:
            moving.kill()


def _until(seen: Callable[[], object], moving: "subprocess.Popen[str] | None" = None) -> None:
    def is_over() -> bool:
        return moving is not None and moving.poll() is not None

    wait_until(lambda: seen() or is_over(), "it is not seen", _WITHIN)
    assert not is_over() or seen(), "the move has ended"


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    async def fetched(connection: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.fetch(query)]

    return connected(url, fetched)


def test_the_old_server_reads_while_it_is_moved(story: Story) -> None:
    assert story.meanwhile == story.before
    assert story.at_the_end == story.before
    assert story.check_meanwhile.json()["blocked"]
    assert story.ready_meanwhile == 200


def test_a_write_during_the_move_gets_a_retry_after_and_the_reason(story: Story) -> None:
    for refusal in (story.block_meanwhile, story.unblock_meanwhile, story.block_after_the_kill):
        assert refusal.status_code == 503
        assert "is being moved" in refusal.json()["error"]["error_data"]["details"]
        assert refusal.headers["retry-after"] == "10"


def test_a_write_after_the_move_gets_an_error_that_names_the_move(story: Story) -> None:
    assert story.unblock_at_the_end.status_code == 503
    assert "was moved" in story.unblock_at_the_end.json()["error"]["error_data"]["details"]


def test_the_new_database_has_exactly_what_the_old_server_acknowledged(story: Story) -> None:
    assert len(story.acknowledged) > 20
    assert {refusal.status_code for refusal in story.refused} == {503}
    assert sorted(story.served_new) == sorted([*story.acknowledged, ANNA])


def test_a_killed_move_continues_where_it_stopped_and_both_sides_are_equal(story: Story) -> None:
    assert story.report["went_on"]
    assert 0 < story.there_at_the_kill < story.rows_before
    assert story.report["old_sha256"] == story.report["new_sha256"]
    (users,) = [it for it in story.report["tables"] if it["table"] == "blocked_user"]
    assert users["new"]["rows"] == users["old"]["rows"] == story.rows_before


def test_half_of_a_database_is_not_served(story: Story) -> None:
    assert story.half_served.returncode == 2
    assert "half moved" in story.half_served.stderr


def test_the_old_database_is_not_served_again(story: Story) -> None:
    assert story.served_old.returncode == 2
    assert "was moved to postgresql://" in story.served_old.stderr


def test_the_new_server_lists_the_same_in_the_same_order_and_accepts_changes(story: Story) -> None:
    assert story.served_new == story.at_the_end
    assert story.block_on_new.status_code == 200


@pytest.mark.torture
def test_a_move_that_is_killed_at_any_moment_ends_with_the_same_checksum_as_one_that_is_not(tmp_path: Path) -> None:
    path, url = tmp_path / "wablock.db", f"sqlite:///{tmp_path / 'wablock.db'}"
    with_users(path, USERS)
    rehearsed = json.loads(
        run("migrate", "--from", url, "--to", bare_database(tmp_path / "a"), "--copy", "--json").stdout
    )
    new = bare_database(tmp_path / "b")
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)

    for _ in range(KILLS):
        moving = subprocess.Popen(
            [WABLOCK, "migrate", "--from", url, "--to", new], env=environment(), stdout=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.3, 0.5 + rehearsed["seconds"] / 2))  # a kill at any moment is the point
        moving.kill()
        moving.wait()
    moved = run("migrate", "--from", url, "--to", new, "--json")

    with closing(apsw.Connection(str(path))) as connection:
        assert connection.execute("SELECT state FROM move ORDER BY begun_at DESC LIMIT 1").get == "moved"
    if moved.returncode == 0:
        report = json.loads(moved.stdout)
        assert report["new_sha256"] == report["old_sha256"] == rehearsed["new_sha256"]
    else:
        assert "is not empty" in moved.stderr  # the last kill came after the move had ended
    assert _rows(new, "SELECT count(*) FROM blocked_user") == [(USERS,)]
