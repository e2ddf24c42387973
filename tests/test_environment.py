"""The suite ignores the settings of the developer's shell."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.postgres import GIVEN

ROOT: Final = Path(__file__).parents[1]
# As after the tutorial, and what a developer might have set for a server.
EXPORTED: Final = {
    "WABLOCK_TOKEN": "wablock-dev-token",
    "WABLOCK_PHONE_NUMBER_ID": "106540352242922",
    "WABLOCK_URL": "http://127.0.0.1:9",
    "WABLOCK_HOST": "0.0.0.0",
    "WABLOCK_RULES": "meta",
    "WABLOCK_DATABASE": "postgresql://127.0.0.1:9/wablock",
}


def test_no_setting_is_in_the_environment() -> None:
    assert {name for name in os.environ if name.startswith("WABLOCK_")} <= {GIVEN}


def test_settings_of_the_shell_do_not_reach_the_tests() -> None:
    inner = f"{__file__}::{test_no_setting_is_in_the_environment.__name__}"

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", inner],
        cwd=ROOT,
        env=os.environ | EXPORTED,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
