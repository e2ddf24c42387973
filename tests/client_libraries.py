"""Public client libraries, installed once into a folder that is ignored."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / ".clients"
SCRIPTS: Final = Path(__file__).parent / "conformance" / "clients"


def install() -> None:
    """Returns once they are there. Without node or network this skips on a laptop, and fails in CI."""
    if not (FOLDER / "complete").exists():
        ran = subprocess.run([SCRIPTS / "install.sh", FOLDER], check=False, capture_output=True, text=True)
        if ran.returncode:
            missing = f"the client libraries cannot be installed: {ran.stderr[-1_000:]}"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    shutil.copy(SCRIPTS / "with_whatsapp_api_js.mjs", FOLDER / "js")
