"""Thousands of requests made from the OpenAPI document: every answer is one that the document describes."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.running_server import ACCOUNT_ID, running_server

_HERE = Path(__file__).parent
_CASES = 1_000 if os.environ.get("TORTURE") else 150


def test_every_answer_to_generated_requests_is_as_documented(tmp_path: Path) -> None:
    with running_server(tmp_path, made_on_demand_for=ACCOUNT_ID) as server:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_HERE / "schemathesis.toml")),
            *("run", f"{server.url}/openapi.json", "-H", f"Authorization: Bearer {server.token}"),
            *("--max-examples", str(_CASES), "--continue-on-failure", "--no-color"),
        ]
        environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.conformance.schemathesis_checks"}
        root = _HERE.parent.parent
        ran = subprocess.run(
            command, check=False, cwd=root, env=environment | {"PYTHONPATH": str(root)}, capture_output=True, text=True
        )

    assert ran.returncode == 0, ran.stdout[-10_000:] + ran.stderr[-2_000:]
    cases = re.search(r"(\d+) generated", ran.stdout)
    assert cases is not None
    assert int(cases[1]) >= 1_000
