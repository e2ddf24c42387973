"""The request parser of a connection. It does no I/O: bytes go in, and complete requests are queued.

The size of every head is limited, no matter how it is split into pieces. So are the sizes and names of chunks. A head
that RFC 9112 forbids is refused, and the parser reads nothing after it.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

import httptools
import msgspec

from wablock.contract.errors import GraphError, UnsupportedMethod
from wablock.failures import Overloaded
from wablock.server.protocol.bodies import BodyBudget, IncomingBody
from wablock.server.protocol.heads import BadRequest, HeadTooLarge, check_head, target
from wablock.server.protocol.repeated_headers import HeaderBlock, RepeatedHeaders, lines_to_keep, repeated_part
from wablock.server.request import NO_BODY, Headers, Request
from wablock.settings import LimitSettings

_MOST_AHEAD: Final = 100  # pipelined requests that are not answered yet
_LARGEST_CHUNKED: Final = 6  # bytes on the wire for each byte of a chunked body
_PHASES: Final = 3  # of a request: head, body, next


class Awaited(Enum):
    """The next input that the parser expects."""

    NEXT = auto()
    HEAD = auto()
    BODY = auto()


class Exchange(msgspec.Struct):
    """A request, and the facts about it that its answer depends on."""

    request: Request
    body: IncomingBody | None
    is_last: bool
    may_be_chunked: bool
    waits_for_100: bool = False

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"


class RequestReader:
    """Parses requests with httptools, which calls the methods `on_…`."""

    def __init__(
        self,
        limits: LimitSettings,
        budget: BodyBudget,
        repeated: RepeatedHeaders,
        read_on: Callable[[], None],
        is_behind_proxy: Callable[[], bool],
    ) -> None:
        """`read_on`: see `IncomingBody`. `is_behind_proxy`: whether the client is a proxy that may name the scheme."""
        self._limits = limits
        self._budget = budget
        self._repeated = repeated
        self._read_on = read_on
        self._is_behind_proxy = is_behind_proxy
        self._parser = httptools.HttpRequestParser(self)
        self.address = "localhost"
        """The host and port that receive the requests."""
        self.ahead: deque[Exchange] = deque()
        """Requests whose heads are complete, in order; the body of the last one may be arriving."""
        self.awaited = Awaited.NEXT
        self.phase = 0
        """A number that grows whenever `awaited` changes."""
        self.body: IncomingBody | None = None
        """The body that is arriving."""
        self.is_broken = False
        """Whether the parser has stopped: it reads nothing more."""
        self.refusal: GraphError | None = None
        """The error to answer after all earlier requests."""
        self._last_headers = 0
        """The hash of the headers of the last request that was one piece."""
        self._url = b""
        self._headers: Headers = []
        self._began_in_piece = False
        """Whether a request began in the last piece. Then it is unknown how many of the bytes belong to it."""
        self._piece_size = 0
        """The number of bytes in the last piece."""
        self._size = 0
        """The number of bytes of the arriving request, after the piece in which it began."""
        self._offers_upgrade = False
        """Whether the arriving request offers to upgrade to another protocol; see `_head_without_upgrade`."""

    def listens_on(self, socket_name: object) -> None:
        """Note the address that receives the requests."""
        if isinstance(socket_name, tuple):
            host, port = socket_name[:2]
            self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def read(self, data: bytes) -> bool:
        """Parse `data`. Returns True if it is surely one whole request, from its first byte to its last."""
        self._began_in_piece = False
        self._piece_size = len(data)
        if self.awaited is not Awaited.NEXT:
            self._parse(data)
        elif self._read_repeated(data):
            return True
        else:
            phase = self.phase
            self._parse(data)
            if self.phase == phase + _PHASES and self.awaited is Awaited.NEXT and not self.is_broken:
                self._keep_headers(data)
        return False

    def _read_repeated(self, data: bytes) -> bool:
        """Queue the request in `data` without parsing it, if its headers are known."""
        parts = self._repeated.find(data)
        if parts is None or len(self.ahead) >= _MOST_AHEAD or len(data) > self._limits.max_head:
            return False
        line, block, content = parts
        body = None
        if block.length:
            body = IncomingBody(self._budget, block.length, self._read_on)
            body.add(content)
            body.end()
        place = line.target
        request = Request(
            line.method,
            place.path,
            place.raw_path,
            place.query,
            block.headers,
            block.last_values,
            NO_BODY if body is None else body,
            "http",
            self.address,
        )
        self.ahead.append(Exchange(request, body, is_last=False, may_be_chunked=True))
        self.phase += _PHASES
        return True

    def _keep_headers(self, data: bytes) -> None:
        """Keep the headers of `data`, which is one request, if the connection's last request had the same ones."""
        exchange = self.ahead[-1]
        length = 0 if exchange.body is None else exchange.body.length
        request = exchange.request
        if length is None or exchange.is_last or len(data) > self._limits.max_head:
            return
        lines = lines_to_keep(data, length, request.last_values)
        key = hash(lines and repeated_part(lines))
        if lines is not None and key == self._last_headers:
            self._repeated.add(lines, HeaderBlock(request.headers, request.last_values, length))
        self._last_headers = key

    def _parse(self, data: bytes) -> None:
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._head_without_upgrade() + data[offer.args[0] :]
                continue
            except httptools.HttpParserCallbackError as error:  # one of the callbacks below raised an error
                cause = error.__context__
                self.break_off(cause if isinstance(cause, GraphError) else BadRequest())
            except httptools.HttpParserError as error:
                self.break_off(BadRequest(str(error)))
            return

    def count(self) -> None:
        """Check the limits. Call it after `read` and the handler, which may prove a body's token; see `BodyBudget`."""
        size = 0
        if self.body is not None:
            self.body.count()
            size = self.body.size
            if self.body.is_unwanted and size > self._limits.max_body:
                self.break_off(HeadTooLarge(self._limits.max_head))
        if not self._began_in_piece:
            self._size += self._piece_size
            if self._size > self._limits.max_head + _LARGEST_CHUNKED * size:
                self.break_off(HeadTooLarge(self._limits.max_head))

    def break_off(self, error: GraphError) -> None:
        """Stop the parser. An arriving body fails with `error`. If none arrives, `error` is the last answer."""
        self.is_broken = True
        if self.body is None:
            self.refusal = error
        else:
            self.body.fail(error)

    def end(self) -> None:
        """Note that the client sends no more."""
        if self.body is not None:
            self.body.disconnected()

    def close(self) -> None:
        """Release the queued requests: none will be answered."""
        self.end()
        for exchange in self.ahead:
            if exchange.body is not None:
                exchange.body.release()
        self.ahead.clear()

    # -- called by httptools

    def on_message_begin(self) -> None:
        self.awaited = Awaited.HEAD
        self.phase += 1
        self._began_in_piece = True
        self._size = 0
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.awaited is Awaited.HEAD:  # trailers after a chunked body are ignored
            self._headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        is_small = self._began_in_piece and self._piece_size <= self._limits.max_head
        if not is_small and self._head_size() > self._limits.max_head:
            raise HeadTooLarge(self._limits.max_head)
        method = self._parser.get_method()
        if method == b"CONNECT":  # after it, the bytes would not be HTTP
            raise UnsupportedMethod("CONNECT")
        last_values = dict(self._headers)
        self._offers_upgrade = b"upgrade" in last_values and self._parser.should_upgrade()
        if self._offers_upgrade:
            return
        if len(self.ahead) >= _MOST_AHEAD:
            raise Overloaded(f"Up to {_MOST_AHEAD} requests may be sent before their answers.")
        self.ahead.append(self._exchange(method, last_values))
        self.awaited = Awaited.BODY
        self.phase += 1

    def on_body(self, body: bytes) -> None:
        if self.body is not None:
            self.body.add(body)

    def on_message_complete(self) -> None:
        if self._offers_upgrade:
            return
        self.awaited = Awaited.NEXT
        self.phase += 1
        if self.body is not None:
            self.body.end()
            self.body = None

    def _head_without_upgrade(self) -> bytes:
        """The head without its upgrade offer: Java's client offers HTTP/2 with every first request.

        The parser stops at such a head, even if a body follows. So a new parser reads the head without the offer.
        """
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, version)]
        lines += [name + b": " + value for name, value in self._headers if name != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*lines, b"", b""])

    def _exchange(self, method: bytes, last_values: dict[bytes, bytes]) -> Exchange:
        """The request, when its head is complete. Raises `BadRequest`."""
        headers = self._headers
        version = self._parser.get_http_version()
        check_head(version, headers, last_values)
        is_1_1 = version == "1.1"
        request_target = target(method, self._url)
        if request_target.host is not None:
            headers = [(name, value) for name, value in headers if name != b"host"] + [(b"host", request_target.host)]
            last_values[b"host"] = request_target.host
        self.body = body = self._begun_body(last_values)
        request = Request(
            method.decode(),
            request_target.path,
            request_target.raw_path,
            request_target.query,
            headers,
            last_values,
            NO_BODY if body is None else body,
            self._scheme(last_values[b"x-forwarded-proto"]) if b"x-forwarded-proto" in last_values else "http",
            self.address,
        )
        is_last = not is_1_1 or not self._parser.should_keep_alive()
        if is_last:
            self._repeated = RepeatedHeaders()  # empty: the parser refuses what follows
        expects_100 = body is not None and is_1_1 and last_values.get(b"expect", b"").lower() == b"100-continue"
        return Exchange(request, body, is_last, is_1_1, expects_100)

    def _begun_body(self, last_values: dict[bytes, bytes]) -> IncomingBody | None:
        length = last_values.get(b"content-length")
        if length is not None and int(length):
            return IncomingBody(self._budget, int(length), self._read_on)
        return IncomingBody(self._budget, None, self._read_on) if b"transfer-encoding" in last_values else None

    def _scheme(self, forwarded: bytes) -> str:
        scheme = forwarded.decode("latin-1").strip()
        return scheme if scheme in ("http", "https") and self._is_behind_proxy() else "http"

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) for name, value in self._headers)
