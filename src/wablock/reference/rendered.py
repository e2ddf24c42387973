"""The rendered texts of the reference, in which the address of the server is filled in for each response."""

from typing import Final
from urllib.parse import quote

import msgspec

HERE: Final = "https://this-server.invalid"


class Rendered(msgspec.Struct, frozen=True):
    """All texts, with `HERE` as the server's address."""

    block_api: str
    own: str
    block_api_markdown: str
    own_markdown: str
    whole_markdown: str
    index: str

    def at(self, text: str, base_url: str) -> bytes:
        """`text` for the server at `base_url`, escaped so that it cannot end a word or a tag in any language."""
        return text.replace(HERE, quote(base_url, safe=":/.-_~[]%")).encode()
