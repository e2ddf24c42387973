"""A script of answers for an exchange, which records the requests."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from wablock.client.calls import Calls
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse, Lost, Wait
from wablock.client.retrying import Retries

T = TypeVar("T")
Answering = Callable[[HttpRequest], HttpResponse | Lost]

NUMBER_ID = "106540352242922"
KEY = "4c1e1f6e-6a39-4b64-a3a5-09f24bb5b0f3"
"""The key of every request that may be retried."""
KEY_HEADER = ("idempotency-key", KEY)


class Script:
    """Gives one answer after the other, the last one for ever; `requests` and `waits` are those that it got."""

    def __init__(self, *answers: HttpResponse | Lost | Answering) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.waits: list[float] = []

    def run(self, exchange: Exchange[T]) -> T:
        answer: HttpResponse | Lost | None = None
        while True:
            try:
                step = exchange.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                self.waits.append(step.seconds)
                answer = None
            else:
                self.requests.append(step)
                answer = self._answer(step)

    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(request.body or b"null") for request in self.requests]

    def _answer(self, request: HttpRequest) -> HttpResponse | Lost:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, HttpResponse | Lost) else answer(request)


def calls(retries: Retries | None = None) -> Calls:
    return Calls(NUMBER_ID, "v25.0", retries or Retries(), lambda: 1.0, lambda: KEY)


def answer_with(data: Any, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(
        status, msgspec.json.encode(data), {name.replace("_", "-"): text for name, text in headers.items()}
    )


def refused(
    code: int,
    status: int = 400,
    *,
    subcode: int | None = None,
    message: str = "no",
    details: str | None = None,
    **headers: str,
) -> HttpResponse:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AGaOBl2yM-g8gdON-dhzl5y"}
    others = {"error_subcode": subcode, "error_data": {"details": details} if details else None}
    return answer_with({"error": error | {name: it for name, it in others.items() if it}}, status, **headers)


def obliging(request: HttpRequest) -> HttpResponse:
    """Block or unblock every user."""
    users = msgspec.json.decode(request.body or b"")["block_users"]
    done = [{"input": user["user"], "wa_id": user["user"].lstrip("+")} for user in users]
    name = "added_users" if request.method == "POST" else "removed_users"
    return answer_with({"block_users": {name: done} if done else {}, "messaging_product": "whatsapp"})
