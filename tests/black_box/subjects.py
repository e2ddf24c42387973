"""Servers for the suite to check: wablock, and wablock with one fault."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import msgspec
from tests.listening import QuietHandler, listening

from wablock.conformance.check import FactResult
from wablock.conformance.subject import Settings, Subject
from wablock.conformance.suite import Report, run

USERS = [f"+165055501{number:02d}" for number in range(71, 77)]


class Passed(msgspec.Struct):
    """A request on its way to wablock, or its answer on the way back; a fault changes one of them."""

    method: str
    path: str
    body: bytes
    status: int = 0
    headers: dict[str, str] = {}

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @json.setter
    def json(self, value: Any) -> None:
        self.body = msgspec.json.encode(value)


Fault = Callable[[Passed], None]


@contextmanager
def between(url: str, *, on_request: Fault | None = None, on_answer: Fault | None = None) -> Iterator[str]:
    """A server that forwards all requests to `url`, with a fault. Links in answers have the address of the request."""

    class Handler(QuietHandler):
        def handle_any(self) -> None:
            body = self.read_body()
            request = Passed(self.command, self.path, body)
            if on_request:
                on_request(request)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "accept-encoding")}
            answer = http.request(request.method, url + request.path, content=request.body or None, headers=kept)
            response = Passed(request.method, request.path, answer.content, answer.status_code, dict(answer.headers))
            if on_answer and response.body:
                on_answer(response)
            self.send_response(response.status)
            for name, value in response.headers.items():
                if name.lower() not in ("content-length", "date", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = handle_any

    with httpx2.Client(trust_env=False, verify=False, timeout=30) as http, listening(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def checked(url: str, token: str, phone_number_id: str, **settings: Any) -> Report:
    """The suite's report on the server at `url`."""
    options = {name: settings.pop(name, False) for name in ("read_only", "anyway")}
    results: list[FactResult] = []
    suite_settings = Settings(
        url=url, token=token, phone_number_id=phone_number_id, users=settings.pop("users", USERS), **settings
    )
    subject = Subject(suite_settings, sleep=lambda _: None)
    try:
        report = run(subject, on_result=results.append, **options)
    finally:
        subject.close()
    assert report.results == results
    return report
