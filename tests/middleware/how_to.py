"""The code in the how-to pages."""

import re
from pathlib import Path
from typing import Final

_PAGES: Final = Path(__file__).parent.parent.parent / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    """The page's code in this language, in its order."""
    text = (_PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def replaced(code: str, changes: dict[str, str]) -> str:
    """`code` with these replacements for a test; each text must be in it."""
    for documented, here in changes.items():
        assert documented in code, f"{documented} is not in the page any more"
        code = code.replace(documented, here)
    return code
