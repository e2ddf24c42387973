"""The pytest plugin: the fixture `wablock`, and the marker with the settings of its server.

pytest imports this module wherever wablock is installed, also without the server. So it must not import the server.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from wablock.extras import how_to_install

if TYPE_CHECKING:
    from wablock.kit.fixture import Servers, Wablock

_MARKER = "wablock(rules='open', partial_failure_status=200, list_has_input=False): the server of the fixture `wablock`"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _wablock_servers() -> "Iterator[Servers]":
    try:
        from wablock.kit.fixture import Servers  # noqa: PLC0415 - see above
    except ModuleNotFoundError as missing:
        needed = f"the fixture wablock needs {missing.name}: {how_to_install('server')}"
        pytest.fail(needed, pytrace=False)
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture
def wablock(request: pytest.FixtureRequest, _wablock_servers: "Servers") -> "Wablock":
    """A wablock server in its state at the start: no blocked users, real time, no faults, an empty journal."""
    settings: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("wablock"))):  # the nearest marker wins
        if marker.args:
            pytest.fail(f"pytest.mark.wablock takes keyword arguments, such as rules={marker.args[0]!r}", pytrace=False)
        settings |= marker.kwargs
    return _wablock_servers.fresh(**settings)
