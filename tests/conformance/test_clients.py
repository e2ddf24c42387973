"""Public client libraries for Meta's API with this server: only the address is changed."""

import os
import subprocess
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from tests.cli.command import started
from tests.client_libraries import FOLDER, SCRIPTS
from tests.conformance.caller import calling
from tests.running_server import running_server

from wablock.block_list.ports import Rules
from wablock.settings import DEV_PHONE_NUMBER_ID, DEV_TOKEN, AnswerSettings

_USERS = ["+16505551234", "+14155559876", "+442071838750", "+5491123456789", "+819012345678"]
_COMMANDS = {
    "pywa": [str(FOLDER / "pywa/bin/python"), str(SCRIPTS / "with_pywa.py")],
    "pywa_async": [str(FOLDER / "pywa/bin/python"), str(SCRIPTS / "with_pywa_async.py")],
    "whatsapp-cloud-api-sdk": [str(FOLDER / "sdk/bin/python"), str(SCRIPTS / "with_sdk.py")],
    "generated": [str(FOLDER / "generated/bin/python"), str(SCRIPTS / "with_generated.py")],
    "whatsapp-api-js": ["node", str(FOLDER / "js/with_whatsapp_api_js.mjs")],
}


@pytest.mark.usefixtures("client_libraries")
@pytest.mark.parametrize("client", _COMMANDS)
def test_a_public_client_works_with_a_development_server_whose_users_have_written(client: str) -> None:
    needs_input = ("--list-has-input",) if client.startswith("pywa") else ()
    with started("dev", "--port", "0", "--rules", "meta", *needs_input) as server:
        for user in _USERS:
            message = {"from": user}
            httpx2.post(server.url + "/dev/inbound", json=message, headers={"Authorization": f"Bearer {DEV_TOKEN}"})
        environment = {
            "PATH": os.environ["PATH"],
            "BASE_URL": server.url,
            "PHONE_NUMBER_ID": DEV_PHONE_NUMBER_ID,
            "TOKEN": DEV_TOKEN,
            "USERS": ",".join(_USERS),
        }
        process = subprocess.run(
            _COMMANDS[client], check=False, env=environment, capture_output=True, text=True, timeout=120
        )

    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.usefixtures("client_libraries")
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("rules", list(Rules))
@pytest.mark.parametrize("client", _COMMANDS)
def test_a_public_client_works_with_the_server(
    tmp_path: Path, client: str, rules: Rules, status: Literal[200, 400]
) -> None:
    # Meta's list has no `input`, but this version of pywa needs it.
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
        process = subprocess.run(
            _COMMANDS[client], check=False, env=environment, capture_output=True, text=True, timeout=120
        )
        left = caller.listed()

    assert process.returncode == 0, process.stdout + process.stderr
    assert left == []
