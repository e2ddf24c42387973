"""The picture of a session in README.md: real commands against a real server, and what they print."""

import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from wablock.settings import DEV_PHONE_NUMBER_ID, DEV_TOKEN

_WIDTH: Final = 96  # characters: the longest line, and no more, because wide pictures are hard to read on a phone
_NOW: Final = "2026-11-27T09:30:00Z"
_PORT: Final = 8080  # as in README.md; the picture's server has another one
_INBOUND: Final = """\
curl -X POST {url}/dev/inbound -H "Authorization: Bearer $WABLOCK_TOKEN" \\
    -d '{{"from":"{user}","text":"Hello?","message_id":"wamid.{number}"}}'"""
_SESSION: Final = (
    "wablock block +16505550101 --reason spam",
    "wablock check +16505550101",
    "# This user and another one write to the business. In development, this simulates it:",
    _INBOUND.format(url=f"http://127.0.0.1:{_PORT}", user="+16505550101", number=1),
    _INBOUND.format(url=f"http://127.0.0.1:{_PORT}", user="+16505550102", number=2),
    f"wablock drops {DEV_PHONE_NUMBER_ID}",
)
_BASE_URL: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # a file of another host, which no reader should need


def session() -> str:
    """The picture as SVG. The clock of its server is stopped, so it is always the same."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    with _receiver() as downstream, _server(downstream) as url:
        _stop_clock(url)
        for command in _SESSION:
            if command.startswith("#"):
                console.print(Text(f"{command}\n", "bright_black"))
                continue
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            output = _output(command.replace(f"http://127.0.0.1:{_PORT}", url), url)
            console.print(Text(f"{output.rstrip()}\n"))
    return _FONT.sub("", console.export_svg(title="wablock", unique_id="session"))


def _output(command: str, url: str) -> str:
    """What `command` prints on a terminal of this width."""
    variables = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": str(_WIDTH),
        "WABLOCK_URL": url,
        "WABLOCK_TOKEN": DEV_TOKEN,
        "WABLOCK_PHONE_NUMBER_ID": DEV_PHONE_NUMBER_ID,
    }
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True, env=os.environ | variables)
    return done.stdout


@contextmanager
def _server(downstream: str) -> Iterator[str]:
    command = [sys.executable, "-m", "wablock", "dev", "--port", "0", "--downstream", downstream]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        yield next(match[0] for line in server.stdout if (match := _BASE_URL.search(line)))
    finally:
        server.terminate()
        server.communicate()


@contextmanager
def _receiver() -> Iterator[str]:
    """A webhook receiver of the business, which accepts everything."""
    receiver = HTTPServer(("127.0.0.1", 0), _Accepts)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiver.server_port}/"
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


class _Accepts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _stop_clock(url: str) -> None:
    headers = {"Authorization": f"Bearer {DEV_TOKEN}"}
    body = json.dumps({"now": _NOW, "stopped": True}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/dev/clock", body, headers, method="PUT"), timeout=10).close()
