"""Users to fill a list with, and a page as its inputs."""

from collections.abc import Sequence

from wablock.block_list.listings import Listing
from wablock.block_list.ports import BusinessNumber
from wablock.block_list.service import BlockList
from wablock.contract.wire import User


def users(count: int, start: int = 0) -> list[User]:
    return [User(f"+1650555{index:04}") for index in range(start, start + count)]


def inputs(listing: Listing) -> list[str]:
    return [row.input for row in listing.page.rows]


def inputs_of(users: Sequence[User]) -> list[str | None]:
    return [user.user for user in users]


async def forward(block_list: BlockList, number: BusinessNumber, limit: int, after: str | None = None) -> list[str]:
    """Every input from `after` to the list's end, as a client reads them."""
    texts: list[str] = []
    while True:
        listing = await block_list.page(number, limit, after, None)
        texts += inputs(listing)
        if not listing.page.has_next:
            return texts
        after = listing.after
