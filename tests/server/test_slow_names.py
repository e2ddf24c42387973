"""One tenant's host names that never resolve do not delay another tenant's deliveries."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from tests.missing import installed
from tests.receiver import Receiver
from tests.running_server import NUMBER, RunningServer, running_server
from tests.server.slow_tenant import THEIR_ACCESS, THEIRS, add_slow_receiver
from tests.server.test_webhooks import ANNA, KEY, message, post, set_up, webhook

MANY: Final = 40
LONG: Final = 30.0  # seconds


class SlowNames:
    """The system's resolver, in which names of `slow.example` are never answered before `may_answer` is set."""

    def __init__(self, resolver: Any) -> None:
        self.may_answer = threading.Event()
        self.was_called = threading.Event()
        self._system = resolver

    def getaddrinfo(self, host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).endswith("slow.example") and not more.get("flags", 0) & socket.AI_NUMERICHOST:
            self.was_called.set()
            self.may_answer.wait(LONG)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._system(host, *rest, **more)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    names = SlowNames(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.may_answer.set()


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, numbers=[NUMBER, THEIRS], tokens=[THEIR_ACCESS]) as running:
        set_up(running, f"http://localhost:{receiver.port}/")  # a name, so that the server has to look it up
        yield running


def test_a_tenants_slow_names_delay_no_others_deliveries(
    gate: RunningServer, receiver: Receiver, slow: SlowNames
) -> None:
    with ThreadPoolExecutor(MANY) as pool:
        adding = [pool.submit(add_slow_receiver, gate, number) for number in range(MANY)]
        assert slow.was_called.wait(LONG)

        assert post(gate, webhook(message(ANNA))).status_code == 200

        assert len(receiver.deliveries) == 1
        slow.may_answer.set()
        assert {request.result() for request in adding} == {400}


def test_a_silent_name_server_delays_no_other_tenants_deliveries(tmp_path: Path) -> None:
    alone = [installed("unshare"), "--user", "--map-root-user", "--mount", "--net"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this kernel gives users no namespaces of their own")

    program = [sys.executable, "-m", "tests.server.silent_name_server", str(tmp_path)]
    process = subprocess.run([*alone, *program], check=False, capture_output=True, text=True, timeout=120)

    assert process.stdout == "200\n", process.stderr
