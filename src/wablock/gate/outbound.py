"""What becomes of a request that a business sends up: nothing goes to a user whom it has blocked."""

from collections.abc import Iterable

from wablock.block_list.ports import BusinessNumber
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlockedByBusiness, NotSent, Overloaded, UnknownObject, UpstreamTimedOut
from wablock.gate.ports import Answer, CannotUnseal, GateMeter, Sender, Upstream, UpstreamFailed
from wablock.gate.routes import Routes
from wablock.gate.sent import Sent, members, recipients, without_credentials


class Outbound:
    """Passes requests on to their number's upstream."""

    def __init__(self, routes: Routes, block_list: BlockList, sender: Sender, meter: GateMeter) -> None:
        self._routes = routes
        self._block_list = block_list
        self._sender = sender
        self._meter = meter

    async def pass_on(
        self, number: BusinessNumber, method: str, path: str, sent: Sent, headers: Iterable[tuple[bytes, bytes]]
    ) -> Answer:
        """The upstream's answer, to be closed by the caller.

        Raises `BlockedByBusiness` and `InvalidParameter` (see `recipients`): then nothing was sent. `UnknownObject`
        where the number has no upstream; `NotSent` where that gave no answer, so that nobody knows what it did.
        """
        await self._judge(number, sent)
        upstream = await self._upstream(number, method)
        try:
            answer = await self._sender.pass_on(upstream, method, path, without_credentials(sent), headers)
        except UpstreamFailed as failed:
            self._meter.sent("failed")
            failure = UpstreamTimedOut if failed.timed_out else NotSent
            raise failure(f"The upstream did not answer: {failed}") from failed
        self._meter.sent("passed_on")
        return answer

    async def _judge(self, number: BusinessNumber, sent: Sent) -> None:
        named = members(recipients(sent), number.country)
        if named and any(await self._block_list.in_force(number, named)):
            self._meter.sent("blocked")
            raise BlockedByBusiness

    async def _upstream(self, number: BusinessNumber, method: str) -> Upstream:
        try:
            upstream = await self._routes.upstream(number.phone_number_id)
        except CannotUnseal as trouble:
            raise Overloaded(str(trouble)) from trouble
        if upstream is None:
            raise UnknownObject(
                method, number.phone_number_id, "The number has no upstream. Set one with: wablock upstream set"
            )
        return upstream
