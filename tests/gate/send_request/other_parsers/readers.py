"""The parsers of PHP, Django and Express: each returns the parameters that it reads in a request."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http.multipartparser import MultiPartParserError
from tests.missing import installed, missing

from wablock.gate.send_request.request import SendRequest

HERE: Final = Path(__file__).parent
EXPRESS: Final = Path(__file__).parents[4] / ".clients" / "express"

Reader = Callable[[SendRequest], list[Any]]
"""Gives the objects that it finds, each with a recipient at its top where there is one."""

_NOT_IN_A_TARGET = re.compile(rb"[^!-~]|#")  # as `upstream.py` escapes it


@contextmanager
def php(separators: str = "&") -> Iterator[Reader]:
    """PHP's own server. `separators`: the characters that end a field, which an operator may configure."""
    ini = f"arg_separator.input={separators}"
    quiet = "display_errors=0"
    command = [installed("php"), "-n", "-d", ini, "-d", quiet, "-S", "127.0.0.1:0", HERE / "reader.php"]
    with _serving(command, re.compile(r"http://127\.0\.0\.1:(\d+)\)? started")) as reader:
        yield reader


@contextmanager
def express() -> Iterator[Reader]:
    node = installed("node")
    if not (EXPRESS / "complete").exists():
        process = subprocess.run([HERE / "install.sh", EXPRESS], check=False, capture_output=True, text=True)
        if process.returncode:
            missing(f"Express cannot be installed: {process.stderr[-1_000:]}")
    with _serving([node, HERE / "reader.mjs", EXPRESS], re.compile(r"(\d+)")) as reader:
        yield reader


@contextmanager
def django() -> Iterator[Reader]:
    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", DATA_UPLOAD_MAX_NUMBER_FIELDS=1_000)
    yield _read_by_django


def _read_by_django(request: SendRequest) -> list[Any]:
    environment = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": request.content_type or "",
        "CONTENT_LENGTH": str(len(request.body)),
        "QUERY_STRING": _target(request.query).decode(),
        "wsgi.input": BytesIO(request.body),
    }
    read: list[Any] = []
    try:
        parsed = WSGIRequest(environment)
        read.append(dict(parsed.GET.lists()))
        if parsed.content_type == "application/json":
            read.append(json.loads(parsed.body))
        read.append(dict(parsed.POST.lists()))
    except (SuspiciousOperation, BadRequest, MultiPartParserError, ValueError, LookupError, RecursionError):
        pass  # it refuses other requests
    return read


@contextmanager
def _serving(command: list[Any], port_line: re.Pattern[str]) -> Iterator[Reader]:
    """A server that prints its port. Its other output is read, too: if the pipe is full, the server waits."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = port_line.search(line)
        draining = threading.Thread(target=process.stdout.read)
        draining.start()
        try:
            assert match is not None, line
            with closing(HTTPConnection("127.0.0.1", int(match[1]), timeout=10)) as connection:
                yield partial(_read_over_http, connection)
        finally:
            process.kill()
            draining.join()


def _read_over_http(connection: HTTPConnection, request: SendRequest) -> list[Any]:
    connection.putrequest("POST", "/?" + _target(request.query).decode(), skip_accept_encoding=True)
    if request.content_type is not None:
        connection.putheader("Content-Type", request.content_type.encode("latin-1"))
    connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body)
    read = json.loads(connection.getresponse().read())
    return list(read.values()) if isinstance(read, dict) else list(read)


def _target(query: bytes) -> bytes:
    return _NOT_IN_A_TARGET.sub(lambda match: b"%%%02X" % match[0][0], query)
