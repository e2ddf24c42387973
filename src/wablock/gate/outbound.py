"""The way of a business's request to its upstream. A message to a user that the business has blocked is not sent."""

from collections.abc import Iterable, Sequence
from functools import partial

from wablock.block_list.ports import BusinessNumber
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlockedByBusiness, UnknownObject
from wablock.failures import NotSent, Overloaded, UpstreamTimedOut
from wablock.gate.account_shares import AccountShares
from wablock.gate.large_bodies import off_the_loop
from wablock.gate.ports import CannotUnseal, GateMeter, Sender, Upstream, UpstreamAnswer, UpstreamFailed
from wablock.gate.routes.upstreams import Upstreams
from wablock.gate.send_request.credentials import check_without_token, headers_without_token, without_credentials
from wablock.gate.send_request.parameters import Parameter, read_parameters
from wablock.gate.send_request.recipients import recipients_of
from wablock.gate.send_request.request import SendRequest
from wablock.gate.token_finder import token_finder


class Outbound:
    """Passes requests on to the upstream of their number. `pass_unreadable`: also if a recipient is unreadable."""

    def __init__(
        self,
        upstreams: Upstreams,
        block_list: BlockList,
        sender: Sender,
        meter: GateMeter,
        shares: AccountShares,
        *,
        pass_unreadable: bool,
    ) -> None:
        self._upstreams = upstreams
        self._block_list = block_list
        self._sender = sender
        self._meter = meter
        self._shares = shares
        self._pass_unreadable = pass_unreadable

    async def pass_on(
        self,
        number: BusinessNumber,
        method: str,
        path: str,
        request: SendRequest,
        headers: Iterable[tuple[bytes, bytes]],
        token: str,
    ) -> UpstreamAnswer:
        """The upstream's response, which the caller must close. `token` is the caller's, and is never passed on.

        Raises `BlockedByBusiness` if a recipient is blocked in any reading of it; `InvalidParameter` if a recipient
        cannot be read, or if the upstream would get the caller's token; `UnknownObject` if the number has no upstream.
        In these cases nothing was sent. Raises `NotSent` if the upstream did not respond: then the message may have
        been sent.
        """
        parameters = await off_the_loop(request.body, partial(read_parameters, request))
        await self._check_recipients(number, parameters)
        outgoing = without_credentials(request, parameters)
        callers_token = token_finder(token)
        await off_the_loop(request.body, partial(check_without_token, path, outgoing, callers_token))
        upstream = await self._upstream(number, method)
        try:
            with self._shares.one_for(number.account_id):
                answer = await self._sender.pass_on(
                    upstream, method, path, outgoing, headers_without_token(headers, callers_token)
                )
        except UpstreamFailed as error:
            self._meter.sent("failed")
            failure = UpstreamTimedOut if error.timed_out else NotSent
            raise failure(f"The request to the upstream failed: {error}") from error
        self._meter.sent("passed_on")
        return answer

    async def _check_recipients(self, number: BusinessNumber, parameters: Sequence[Parameter]) -> None:
        recipients = recipients_of(parameters, number.country)
        if recipients.members and any(await self._block_list.in_force(number, recipients.members)):
            self._meter.sent("blocked")
            raise BlockedByBusiness
        if recipients.unreadable is not None and not self._pass_unreadable:
            self._meter.sent("unreadable")
            raise recipients.unreadable

    async def _upstream(self, number: BusinessNumber, method: str) -> Upstream:
        try:
            upstream = await self._upstreams.find(number.phone_number_id)
        except CannotUnseal as error:
            raise Overloaded(str(error)) from error
        if upstream is None:
            raise UnknownObject(
                method, number.phone_number_id, "The number has no upstream. Set one with: wablock upstream set"
            )
        return upstream
