"""Paths: the gate forwards only those that all programs read in the same way."""

import pytest

from wablock.gate.send_request.request import upstream_path


@pytest.mark.parametrize(
    "path,normal",
    [
        ("/v25.0/106540352242922/messages", "/v25.0/106540352242922/messages"),
        ("/v25.0/106540352242922/messages/", "/v25.0/106540352242922/messages"),
        ("/v25.0/106540352242922", "/v25.0/106540352242922"),
        ("/106540352242922/messages", "/106540352242922/messages"),
        ("/v25.0/1/a.b~c:d-e_f/...", "/v25.0/1/a.b~c:d-e_f/..."),
    ],
)
def test_a_plain_path_is_forwarded(path: str, normal: str) -> None:
    assert upstream_path(path) == normal


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "v25.0/1/messages",
        "//v25.0/1",
        "/v25.0//1",
        "/v25.0/1//",
        "/v25.0/1/.",
        "/v25.0/../1",
        "/v25.0/1/../2/messages",
        "/v25.0/1/%6dessages",
        "/v25.0/1\\messages",
        "/v25.0/1/messages;a",
        "/v25.0/1/messages?to=1",
        "/v25.0/1/mess ages",
        "/v25.0/1/méssages",
        "/v25.0/1/messages\n",
        "http://inside/v25.0/1",
    ],
)
def test_a_path_with_two_readings_is_refused(path: str) -> None:
    assert upstream_path(path) is None
