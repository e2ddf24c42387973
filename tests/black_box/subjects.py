"""Servers for the suite to check: wablock, and wablock with one fault put in."""

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
    """A server that passes everything on to `url`, with a fault. Answers name the address that the caller used."""

    class Handler(QuietHandler):
        def handle_any(self) -> None:
            body = self.read_body()
            asked = Passed(self.command, self.path, body)
            if on_request:
                on_request(asked)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "accept-encoding")}
            answer = http.request(asked.method, url + asked.path, content=asked.body or None, headers=kept)
            told = Passed(asked.method, asked.path, answer.content, answer.status_code, dict(answer.headers))
            if on_answer and told.body:
                on_answer(told)
            self.send_response(told.status)
            for name, value in told.headers.items():
                if name.lower() not in ("content-length", "date", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told.body)

        do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = handle_any

    with httpx2.Client(trust_env=False, verify=False, timeout=30) as http, listening(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def checked(url: str, token: str, phone_number_id: str, **settings: Any) -> Report:
    """What the suite says of the server at `url`."""
    options = {name: settings.pop(name, False) for name in ("read_only", "anyway")}
    told: list[FactResult] = []
    made = Settings(
        url=url, token=token, phone_number_id=phone_number_id, users=settings.pop("users", USERS), **settings
    )
    subject = Subject(made, sleep=lambda _: None)
    try:
        report = run(subject, on_result=told.append, **options)
    finally:
        subject.close()
    assert report.results == told
    return report
