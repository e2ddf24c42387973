"""The host in a page's links: the one in the request, and never one from an untrusted proxy."""

from pathlib import Path

import pytest
from tests.cli.command import Server, started
from tests.running_server import TOKEN, RunningServer
from tests.server.raw_http import Connection, block, request

from wablock.settings import DEV_PHONE_NUMBER_ID

USERS = ("16505550101", "16505550102")


def _next(server: RunningServer, *headers: str, host: str = "wablock.test") -> str:
    """The address of the next page of a list with two users."""
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(*USERS)))
        assert connection.answer().status == 200
        page = request(server, "GET", f"{server.block_users}?limit=1", None, *headers)
        connection.send(page.replace(b"Host: wablock.test", b"Host: " + host.encode()))
        url: str = connection.answer().json["paging"]["next"]
        return url.partition("/v25.0/")[0]


def test_a_trusted_proxy_says_which_scheme_the_caller_used(server: RunningServer) -> None:
    assert _next(server, "X-Forwarded-Proto: https") == "https://wablock.test"


def test_without_a_proxy_the_scheme_is_that_of_the_connection(server: RunningServer) -> None:
    assert _next(server) == "http://wablock.test"


@pytest.mark.parametrize("proto", ["javascript", "https://evil.test/", "h\tttps", ""])
def test_an_invalid_scheme_is_ignored(server: RunningServer, proto: str) -> None:
    assert _next(server, f"X-Forwarded-Proto: {proto}") == "http://wablock.test"


@pytest.mark.parametrize("header", ["X-Forwarded-Host: evil.test", "Forwarded: host=evil.test", "X-Host: evil.test"])
def test_a_host_in_another_header_is_ignored(server: RunningServer, header: str) -> None:
    assert _next(server, header) == "http://wablock.test"


@pytest.mark.parametrize(
    "host",
    ["evil.test/path", "user@evil.test", "a b", "<script>", "evil.test:99999999", "[::1", "", "a" * 300, "é.test"],
)
def test_an_invalid_host_is_refused(server: RunningServer, host: str) -> None:
    with Connection(server) as connection:
        page = request(server, "GET", server.block_users)
        connection.send(page.replace(b"Host: wablock.test", b"Host: " + host.encode()))

        answer = connection.answer()

        assert answer.status == 400
        assert answer.error["error_data"]["details"] == "The Host header is invalid."


def test_a_caller_of_http_1_0_without_a_host_gets_the_address_that_it_reached(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(*USERS)))
        assert connection.answer().status == 200
    with Connection(server) as connection:
        page = request(server, "GET", f"{server.block_users}?limit=1").replace(b"HTTP/1.1", b"HTTP/1.0")
        connection.send(page.replace(b"Host: wablock.test\r\n", b""))

        assert connection.answer().json["paging"]["next"].startswith(f"{server.url}/v25.0/")


@pytest.mark.parametrize("host", ["wablock.test", "wablock.test:8443", "[2001:db8::1]:80", "192.0.2.1", "a_b.test"])
def test_a_valid_host_is_in_the_links(server: RunningServer, host: str) -> None:
    assert _next(server, host=host) == f"http://{host}"


@pytest.mark.parametrize("trusted", ["192.0.2.1", "", "192.0.2.0/24"])
def test_the_scheme_from_an_untrusted_proxy_is_ignored(tmp_path: Path, trusted: str) -> None:
    own = ("--token", TOKEN, "--allow-hosts", "wablock.test")
    with started("dev", "--port", "0", *own, "--trusted-proxies", trusted, TMPDIR=str(tmp_path)) as server:
        assert _next(_as_running(server), "X-Forwarded-Proto: https") == "http://wablock.test"


@pytest.mark.parametrize("trusted", ["192.0.2.1,127.0.0.1", "192.0.2.1, 127.0.0.1", "127.0.0.0/8", "::1,127.0.0.0/30"])
def test_the_scheme_from_one_of_several_trusted_proxies_is_used(tmp_path: Path, trusted: str) -> None:
    own = ("--token", TOKEN, "--allow-hosts", "wablock.test")
    with started("dev", "--port", "0", *own, "--trusted-proxies", trusted, TMPDIR=str(tmp_path)) as server:
        assert _next(_as_running(server), "X-Forwarded-Proto: https") == "https://wablock.test"
        assert _next(_as_running(server)) == "http://wablock.test"


def _as_running(server: Server) -> RunningServer:
    return RunningServer(server.url, server.host, server.port, TOKEN, DEV_PHONE_NUMBER_ID, None)  # type: ignore[arg-type]  # not used
