"""The pytest plugin, in another pytest process."""

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment

ISOLATED = """
import pytest
from wablock.client import Client


def _block(wablock):
    with wablock.client() as client:
        client.block("+16505550101")


def test_one(wablock):
    assert wablock.blocked_users() == []
    _block(wablock)
    wablock.clock.advance(days=1)
    wablock.fail_next(code=2, times=100)


def test_two(wablock):
    assert wablock.blocked_users() == []
    _block(wablock)


@pytest.mark.wablock(rules="meta")
class TestMeta:
    def test_three(self, wablock):
        with pytest.raises(Exception, match="24 hours"):
            _block(wablock)

    @pytest.mark.wablock(rules="open", partial_failure_status=400)
    def test_the_nearest_marker_wins(self, wablock):
        _block(wablock)


@pytest.mark.anyio
async def test_async(wablock):
    from wablock.client import AsyncClient

    async with AsyncClient(wablock.token, wablock.phone_number_id, base_url=wablock.url) as client:
        await client.block("+16505550101")
        assert [user.wa_id async for user in client.blocked_users()] == ["16505550101"]
"""
MANY = """
import pytest, requests


@pytest.mark.parametrize("number", range(200))
def test_a_user(wablock, number):
    body = {"messaging_product": "whatsapp", "block_users": [{"user": f"+1650555{number:04d}"}]}
    answer = requests.post(wablock.block_users_url, json=body, headers=wablock.headers)
    assert answer.status_code == 200
    assert [user.wa_id for user in wablock.blocked_users()] == [f"1650555{number:04d}"]
"""


def _pytest(folder: Path, text: str, *arguments: str) -> str:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    process = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    return process.stdout + process.stderr


def test_every_test_has_its_own_server(tmp_path: Path) -> None:
    assert "5 passed" in _pytest(tmp_path, ISOLATED)


def test_every_worker_of_xdist_has_its_own_servers(tmp_path: Path) -> None:
    assert "5 passed" in _pytest(tmp_path, ISOLATED, "-n", "2")


def test_200_tests_have_200_servers(tmp_path: Path) -> None:
    assert "200 passed" in _pytest(tmp_path, MANY)


def test_pytest_lists_the_fixture_and_its_marker(tmp_path: Path) -> None:
    output = _pytest(tmp_path, "", "--fixtures", "--markers")

    assert re.search(r"^wablock -- ", output, re.MULTILINE) or "@pytest.mark.wablock(" in output


def test_an_invalid_marker_is_a_clear_error(tmp_path: Path) -> None:
    text = 'import pytest\n@pytest.mark.wablock(rules="nosuch")\ndef test_it(wablock): ...\n'

    assert "'nosuch' is not a valid Rules" in _pytest(tmp_path, text)


def test_a_marker_without_names_is_a_clear_error(tmp_path: Path) -> None:
    text = 'import pytest\n@pytest.mark.wablock("meta")\ndef test_it(wablock): ...\n'

    assert "takes keyword arguments, such as rules='meta'" in _pytest(tmp_path, text)


def test_the_plugin_imports_nothing_of_the_server() -> None:
    script = "import sys, wablock.kit.plugin; print([n for n in ('starlette', 'apsw', 'httpx2') if n in sys.modules])"

    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
