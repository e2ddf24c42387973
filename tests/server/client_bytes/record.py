"""Records what real clients send: `python -m tests.server.client_bytes.record FOLDER [NAME ...]`.

A file of `recorded/` is a request to block, to unblock or to list, with the tests' token and number. Where its body is
shorter than its Content-Length, the spaces before the body are left out. A program that is not installed is left out.

Recorded with curl 7.88, Python 3.11, urllib3 2.8, requests 2.34, httpx2 2.16, aiohttp 3.14, Node.js 20, Java 17, Go
1.19 and PHP 8.2. AIOHTTP_PYTHON names a Python that has aiohttp, PHP_CURL the file of PHP's curl extension.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.running_server import PHONE_NUMBER_ID, TOKEN

PROGRAMS: Final = Path(__file__).parent / "programs"
PATH: Final = f"/v25.0/{PHONE_NUMBER_ID}/block_users"
BODY: Final = json.dumps({"messaging_product": "whatsapp", "block_users": [{"user": "+16505550101"}]})
LARGE: Final = 1_100_000  # bytes of spaces before it: past 1 MiB, curl waits for 100
HOST: Final = b"wablock.test"
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

AUTHORIZATION: Final = f"Authorization: Bearer {TOKEN}"
HEADERS: Final = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PROVEN: Final = {"Authorization": f"Bearer {TOKEN}"}
METHODS: Final = ("GET", "POST", "DELETE")

AIOHTTP: Final = f"""
import aiohttp, asyncio, sys
url, method, kind = sys.argv[1:]
body = {BODY!r}.encode()
async def pieces():
    yield body[:20]
    yield body[20:]
async def main():
    data = None if method == "GET" else pieces() if kind == "chunked" else body
    async with aiohttp.ClientSession(headers={HEADERS!r}) as session:
        async with session.request(method, url, data=data, expect100=kind == "expect") as response:
            await response.read()
asyncio.run(main())
"""

PYTHON: Final = f"""
import http.client, sys, urllib.request
import httpx2, requests, urllib3
library, url, method, kind = sys.argv[1:]
text = {BODY!r}
body = None if method == "GET" else text.encode()
headers = {PROVEN!r} if method == "GET" else {HEADERS!r}
def pieces():
    yield body[:20]
    yield body[20:]
data = pieces() if kind == "chunked" else body
host, _, path = url.removeprefix("http://").partition("/")
if library == "http.client":
    connection = http.client.HTTPConnection(host)
    connection.request(method, "/" + path, data, headers, encode_chunked=kind == "chunked")
    connection.getresponse().read()
elif library == "urllib":
    request = urllib.request.Request(url, data, headers, method=method)
    urllib.request.urlopen(request).read()
elif library == "urllib3":
    urllib3.PoolManager().request(method, url, body=data, headers=headers)
elif library == "requests":
    requests.request(method, url, data=data, headers=headers)
else:
    httpx2.request(method, url, content=data, headers=headers)
"""


def curl(*options: str) -> list[str]:
    return ["curl", "-s", "-o", os.devnull, "-H", AUTHORIZATION, *options]


def commands(url: str) -> Iterator[tuple[str, list[str]]]:
    """The name of each recording, and what makes it."""
    kind = ("-H", "Content-Type: application/json")
    with_body = (*kind, "--data-binary", BODY, url)
    yield "curl-GET", curl(url)
    yield "curl-HEAD", curl("--head", url)
    yield "curl-GET-http10", curl("--http1.0", url)
    yield "curl-GET-h2c", curl("--http2", url)
    yield "curl-POST", curl(*with_body)
    yield "curl-POST-form", curl("--data-binary", BODY, url)
    yield "curl-POST-http10", curl("--http1.0", *with_body)
    yield "curl-POST-h2c", curl("--http2", *with_body)
    yield "curl-POST-chunked", curl("-H", "Transfer-Encoding: chunked", *with_body)
    yield "curl-POST-expect", curl(*kind, "--data-binary", "@-", url)
    yield "curl-DELETE", curl("-X", "DELETE", *with_body)
    for library in ("http.client", "urllib", "urllib3", "requests", "httpx2"):
        for method in METHODS:
            yield f"{library}-{method}", [sys.executable, "-c", PYTHON, library, url, method, ""]
        yield f"{library}-POST-chunked", [sys.executable, "-c", PYTHON, library, url, "POST", "chunked"]
    aiohttp = [os.environ.get("AIOHTTP_PYTHON", "no-aiohttp"), "-c", AIOHTTP, url]
    for name in ("GET", "POST", "DELETE", "POST-chunked", "POST-expect"):
        method, _, rest = name.partition("-")
        yield f"aiohttp-{name}", [*aiohttp, method, rest]
    yield from _of("node", ["node", str(PROGRAMS / "client.mjs"), url, TOKEN], "fetch", "chunked")
    yield from _of("node", ["node", str(PROGRAMS / "client.mjs"), url, TOKEN], "http", "agent")
    yield "node-http-DELETE-unframed", ["node", str(PROGRAMS / "client.mjs"), url, TOKEN, "http-DELETE-unframed"]
    java = ["java", str(PROGRAMS / "Client.java"), url, TOKEN]
    yield from _of("java", java, "httpclient", "chunked", "expect", "http1")
    yield from _of("java", java, "urlconnection", "chunked")
    yield from _of(
        "go", ["go", "run", str(PROGRAMS / "client.go"), url, TOKEN], "net", "chunked", "expect", "close", "small"
    )
    php = ["php", "-d", f"extension={os.environ.get('PHP_CURL', 'curl')}", str(PROGRAMS / "client.php"), url, TOKEN]
    yield from _of("php", php, "curl")
    yield from _of("php", php, "streams", "http10")


def _of(language: str, command: list[str], library: str, *kinds: str) -> Iterator[tuple[str, list[str]]]:
    for case in (*METHODS, *(f"POST-{kind}" for kind in kinds)):
        yield f"{language}-{library}-{case}", [*command, f"{library}-{case}"]


def record(command: Callable[[str], list[str]]) -> bytes:
    """What the first connection of a client brings until it is answered."""
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=_answer, args=(listening, received))
        thread.start()
        large = b" " * LARGE + BODY.encode() if "@-" in command("") else None
        subprocess.run(command(f"http://127.0.0.1:{port}{PATH}"), input=large, check=False, timeout=60)
        thread.join(60)
    return bytes(received).replace(b"127.0.0.1:%d" % port, HOST).replace(b" " * LARGE, b"")


def _answer(listening: socket.socket, received: bytearray) -> None:
    listening.settimeout(50)
    connection, _ = listening.accept()
    with connection, suppress(ConnectionError):
        connection.settimeout(50)
        is_continued = False
        while not _is_whole(received):
            head, blank_line, _ = bytes(received).partition(b"\r\n\r\n")
            if blank_line and b"100-continue" in head.lower() and not is_continued:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                is_continued = True
            received += connection.recv(65_536)
        connection.sendall(ANSWER)


def _is_whole(received: bytearray) -> bool:
    head, blank_line, body = bytes(received).partition(b"\r\n\r\n")
    if not blank_line:
        return False
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    return len(body) >= sum(lengths)


def main(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in commands("URL"):
        if (names and name not in names) or shutil.which(command[0]) is None:
            sys.stdout.write(f"{name}: left out\n")
            continue

        def at(url: str, command: list[str] = command) -> list[str]:
            return [url if part == "URL" else part for part in command]

        (folder / f"{name}.http").write_bytes(record(at))
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
