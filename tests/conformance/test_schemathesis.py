"""Thousands of generated requests: every answer agrees with the OpenAPI document."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.receiver import receiving
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server

from wablock.gate.routes.downstreams import NewDownstream
from wablock.settings import KeySettings
from wablock.wiring import routes_of

_HERE = Path(__file__).parent
_CASES = 1_000 if os.environ.get("TORTURE") else 100
_APP_SECRET = "an app secret"


def test_every_answer_to_generated_requests_is_as_documented(tmp_path: Path) -> None:
    key = KeySettings(secret_key_file=tmp_path / "secret.key")
    with receiving() as receiver, running_server(tmp_path, key=key, account_of_new_numbers=ACCOUNT_ID) as server:
        downstream_id = _open_the_gate(server, key, receiver.url)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_HERE / "schemathesis.toml")),
            *("run", f"{server.url}/openapi.json", "-H", f"Authorization: Bearer {server.token}"),
            *("--max-examples", str(_CASES), "--continue-on-failure", "--no-color"),
        ]
        root = _HERE.parent.parent
        environment = os.environ | {
            "APP_SECRET": _APP_SECRET,
            "DOWNSTREAM_ID": downstream_id,
            "PYTHONPATH": str(root),
            "SCHEMATHESIS_HOOKS": "tests.conformance.schemathesis_checks",
        }
        process = subprocess.run(command, check=False, cwd=root, env=environment, capture_output=True, text=True)

    assert process.returncode == 0, process.stdout[-10_000:] + process.stderr[-2_000:]
    cases = re.search(r"(\d+) generated", process.stdout)
    assert cases is not None
    assert int(cases[1]) >= 1_000


def _open_the_gate(server: RunningServer, key: KeySettings, url: str) -> str:
    async def work() -> str:
        routes = routes_of(server.wired.store, key)
        await routes.accounts.set(ACCOUNT_ID, _APP_SECRET, "a-text-of-your-choice")
        new = NewDownstream(url=url, may_be_inside=True)
        added = await routes.downstreams.add(ACCOUNT_ID, PHONE_NUMBER_ID, new)
        assert added is not None
        return added.downstream_id

    return asyncio.run(work())
