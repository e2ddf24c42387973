"""A server that sends the responses of a scenario to an SDK, and records the SDK's requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from wablock.conformance.sdk.scenarios import Scenario, ScenarioAnswer


class SdkRequest(msgspec.Struct, frozen=True):
    """One request of the SDK. The names of `headers` are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Player:
    """Sends the responses of the chosen scenario, and records its `requests`."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[SdkRequest] = []
        self._scenario: Scenario | None = None
        self._lock = threading.Lock()

    def choose(self, scenario: Scenario) -> None:
        with self._lock:
            self._scenario = scenario
            self.requests = []

    def answer(self, request: SdkRequest) -> ScenarioAnswer:
        with self._lock:
            assert self._scenario is not None, "no scenario was chosen"  # noqa: S101 - the caller's order
            turn = min(len(self.requests), len(self._scenario.answers) - 1)
            self.requests.append(request)
            return self._scenario.answers[turn]


@contextmanager
def playing(port: int) -> Iterator[Player]:
    """A player on the loopback interface, until the context ends."""
    player = Player()

    class ScenarioHandler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = _body(self)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = player.answer(SdkRequest(self.command, self.path, headers, body))
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = do_PUT = answer

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), ScenarioHandler) as serving:
        player.url = f"http://127.0.0.1:{serving.server_port}"
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, name="player")
        thread.start()
        try:
            yield player
        finally:
            serving.shutdown()
            thread.join()


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """The body, also of a chunked request."""
    if request.headers.get("transfer-encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("content-length") or 0))
    body = b""
    while size := int(request.rfile.readline().split(b";")[0], 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body
