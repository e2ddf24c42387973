# mypy: ignore-errors
# ruff: noqa: ANN001, ANN002, ANN201, ANN202, T201
"""PyWa on Starlette as a webhook receiver: it records the calls of handlers and their users."""

import asyncio
import inspect
import logging
import os
import socket
import sys
import threading
import warnings
from contextvars import ContextVar

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

warnings.simplefilter("ignore")  # the library's own deprecations
from pywa import WhatsApp, handlers  # noqa: E402
from pywa.types.calls import CallDirection  # noqa: E402

PARTS = {
    handlers.MessageStatusHandler: "status",
    handlers.CallStatusHandler: "status",
    handlers.OutgoingMessageHandler: "echo",
    handlers.OutgoingEditedMessageHandler: "echo",
    handlers.OutgoingDeletedMessageHandler: "echo",
    handlers.UserMarketingPreferencesHandler: "preference",
    handlers.CallConnectHandler: "call",
    handlers.CallTerminateHandler: "call",
}

deliveries = []
current = ContextVar("current")  # Starlette copies the context into the thread in which the handlers run


def note(part, update_id, *ids):
    current.get()["handled"].append({"part": part, "id": update_id, "of": [each for each in ids if each]})


def handler_of(kind):
    def handle(_, update):
        # An echo or a status has a recipient; an account's update and a group's statuses have none.
        user = getattr(update, "from_user", None)
        business_calls = getattr(update, "direction", None) is CallDirection.BUSINESS_INITIATED
        part = "own call" if business_calls else PARTS.get(kind, "message") if user else "other"
        note(part, update.id, *((user.wa_id, user.bsuid, user.parent_bsuid) if user else ()))

    return kind(handle)


def handle_raw(_, update):
    """`history` and `standby` have no own handler: a bot reads them here."""
    if update.field == "history":
        threads = [thread for chunk in update.value.get("history", []) for thread in chunk.get("threads", [])]
        messages = [message for thread in threads for message in thread.get("messages", [])]
        business = update.value["metadata"]["display_phone_number"]
        for message in messages + update.value.get("messages", []):
            part = "echo" if message.get("from") == business else "history"
            note(part, message["id"], message.get("from"), message.get("from_user_id"))
    elif update.field == "standby":
        for message in update.value.get("standby", {}).get("messages", []):
            note("standby", message["id"], message.get("from"), message.get("from_user_id"))


class Failures(logging.Handler):
    """PyWa logs what it cannot read, and raises nothing."""

    def emit(self, record):
        current.get()["failures"].append(self.format(record))


async def seen(_):
    since, deliveries[:] = deliveries[:], []
    for _, finished in since:
        await finished.wait()  # the handlers run after the response
    return JSONResponse([delivery for delivery, _ in since])


async def recorded(scope, receive, send):
    if scope["type"] != "http" or scope["method"] != "POST":
        await server(scope, receive, send)
        return
    delivery, finished = {"handled": [], "failures": []}, asyncio.Event()
    deliveries.append((delivery, finished))
    current.set(delivery)

    async def respond(message):
        if message["type"] == "http.response.start":
            delivery["status"] = message["status"]
            delivery["accepted"] = message["status"] not in (401, 403)
        await send(message)

    try:
        await server(scope, receive, respond)
    finally:
        finished.set()


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


server = Starlette(routes=[Route("/seen", seen)])
whatsapp = WhatsApp(
    token="unused",
    server=server,
    webhook_endpoint="/hook",
    verify_token="unused",
    app_secret=os.environ["APP_SECRET"],
    filter_updates=False,
    skip_duplicate_updates=False,
)
kinds = [kind for name, kind in inspect.getmembers(handlers, inspect.isclass) if not name.startswith("_")]
kinds = [kind for kind in kinds if issubclass(kind, handlers.Handler) and kind is not handlers.Handler]
ordinary = [handler_of(kind) for kind in kinds if kind is not handlers.RawUpdateHandler]
whatsapp.add_handlers(*ordinary, handlers.RawUpdateHandler(handle_raw))
logging.getLogger("pywa").addHandler(Failures(logging.ERROR))

with socket.create_server(("127.0.0.1", 0)) as listening:
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    threading.Thread(target=end_with_the_test, daemon=True).start()
    uvicorn.Server(uvicorn.Config(recorded, log_config=None, access_log=False)).run(sockets=[listening])
