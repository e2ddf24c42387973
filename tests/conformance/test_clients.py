"""Public client libraries, made for Meta's API, against this server: only its address is changed in them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from tests.conformance.caller import calling
from tests.running_server import running_server

from wablock.block_list.ports import Rules
from wablock.settings import AnswerSettings

_HERE = Path(__file__).parent / "clients"
_FOLDER = Path(__file__).parent.parent.parent / ".clients"
_USERS = ["+16505551234", "+14155559876", "+442071838750", "+5491123456789", "+819012345678"]
_COMMANDS = {
    "pywa": [str(_FOLDER / "pywa/bin/python"), str(_HERE / "with_pywa.py")],
    "pywa_async": [str(_FOLDER / "pywa/bin/python"), str(_HERE / "with_pywa_async.py")],
    "whatsapp-cloud-api-sdk": [str(_FOLDER / "sdk/bin/python"), str(_HERE / "with_sdk.py")],
    "generated": [str(_FOLDER / "generated/bin/python"), str(_HERE / "with_generated.py")],
    "whatsapp-api-js": ["node", str(_FOLDER / "js/with_whatsapp_api_js.mjs")],
}


@pytest.fixture(scope="session")
def _installed() -> None:
    """The libraries are in their folder. Without node or network this skips on a laptop, and fails in CI."""
    if (_FOLDER / "complete").exists():
        shutil.copy(_HERE / "with_whatsapp_api_js.mjs", _FOLDER / "js")
        return
    ran = subprocess.run([_HERE / "install.sh", _FOLDER], check=False, capture_output=True, text=True)
    if ran.returncode:
        missing = f"the client libraries cannot be installed: {ran.stderr[-1_000:]}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("rules", list(Rules))
@pytest.mark.parametrize("client", _COMMANDS)
def test_a_public_client_gets_on_with_the_server(
    tmp_path: Path, client: str, rules: Rules, status: Literal[200, 400]
) -> None:
    # Meta's list has no `input`, but this version of pywa reads it.
    answers = AnswerSettings(partial_failure_status=status, list_has_input=client.startswith("pywa"))
    with running_server(tmp_path, rules=rules, answers=answers) as server, calling(server) as caller:
        caller.send("PUT", {"users": _USERS}, path=f"/v1/numbers/{caller.phone_number_id}/last_inbound")
        environment = {
            "PATH": os.environ["PATH"],
            "BASE_URL": server.url,
            "PHONE_NUMBER_ID": server.phone_number_id,
            "TOKEN": server.token,
            "USERS": ",".join(_USERS),
        }
        ran = subprocess.run(
            _COMMANDS[client], check=False, env=environment, capture_output=True, text=True, timeout=120
        )
        left = caller.listed()

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert left == []
