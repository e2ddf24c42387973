"""Public client libraries, installed once into a folder that is ignored."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.missing import missing

FOLDER: Final = Path(__file__).parent.parent / ".clients"
SCRIPTS: Final = Path(__file__).parent / "conformance" / "clients"


def install() -> None:
    """Returns once they are there. Without node or network this skips on a laptop, and fails in CI."""
    if not (FOLDER / "complete").exists():
        ran = subprocess.run([SCRIPTS / "install.sh", FOLDER], check=False, capture_output=True, text=True)
        if ran.returncode:
            missing(f"the client libraries cannot be installed: {ran.stderr[-1_000:]}")
    shutil.copy(SCRIPTS / "with_whatsapp_api_js.mjs", FOLDER / "js")
