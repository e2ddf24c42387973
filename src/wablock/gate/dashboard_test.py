"""The sample webhook that the *Test* button of Meta's dashboard sends.

It is signed with the app's secret. It names an account that does not exist, `0`, and usually the number `123456123`.
A receiver would treat its invented user as a customer, so no receiver gets it. Instead, each receiver of the account
gets a webhook of its own number without messages. The response shows whether the secret and the receivers are right.
`docs/decisions/0020` gives the reasons.
"""

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from wablock.failures import NotDelivered
from wablock.gate.account_receivers import receivers_of_signer
from wablock.gate.account_shares import AccountShares
from wablock.gate.account_store import Account
from wablock.gate.delivery import SIGNATURE
from wablock.gate.ports import DeliveryRefused, Downstream, Forwarder, GateMeter, Numbers
from wablock.gate.routes import Routes
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.signature import sign

_log = logging.getLogger("wablock.gate")

_NUMBER: Final = "123456123"
_ENTRY: Final = "0"
_LARGEST_SAMPLE: Final = 16_384  # bytes; Meta's have up to 2,000
_MOST_RECEIVERS: Final = 100
_MOST_NAMED: Final = 3


class _Trial(msgspec.Struct, frozen=True):
    downstream: Downstream
    refusal: str | None


class DashboardTest:
    def __init__(
        self, routes: Routes, numbers: Numbers, forwarder: Forwarder, meter: GateMeter, shares: AccountShares
    ) -> None:
        self._routes = routes
        self._numbers = numbers
        self._forwarder = forwarder
        self._meter = meter
        self._shares = shares

    async def passes(self, payload: Payload, secret: str) -> bool:
        """True if this is the sample and the test passes; False for any other webhook. `secret` has signed it.

        Raises `NotDelivered` if the account has no receiver, or if receivers do not accept a webhook. The message names
        what to repair.
        """
        if not may_be_sample(payload) or await self._is_known(payload.changes):
            return False
        # Several accounts may have the same app, and then the same secret.
        accounts = [account for account in await self._routes.accounts.signers() if secret in account.secrets]
        if not accounts:
            return False
        receivers = await self._receivers(accounts, secret)
        if not receivers:
            self._meter.webhook("unrouted")
            _log.warning(
                "the dashboard's test failed: its account has no downstream; add one with: wablock downstream add",
                extra={"entry": accounts[0].account_id},
            )
            raise NotDelivered(
                f"The app secret is right, but account {accounts[0].account_id} has no downstream. "
                "Add one with: wablock downstream add"
            )
        with self._shares.one_for(accounts[0].account_id):
            trials = await asyncio.gather(*(self._try(*receiver, secret) for receiver in receivers))
        _check(trials)
        self._meter.webhook("tested")
        _log.info(
            "the dashboard's test passed: the app secret is right, and %d of %d receivers accepted an empty webhook",
            sum(trial.refusal is None for trial in trials),
            len(trials),
            extra={"entry": accounts[0].account_id},
        )
        return True

    async def _is_known(self, changes: Sequence[WebhookChange]) -> bool:
        """Whether the number or the account of the sample is registered here."""
        numbers = {change.phone_number_id for change in changes if change.phone_number_id}
        if any([await self._numbers.find_number(number) is not None for number in numbers]):
            return True
        return await self._routes.accounts.of_entry(_ENTRY) is not None

    async def _receivers(self, accounts: Sequence[Account], secret: str) -> Sequence[tuple[Account, Downstream]]:
        """The receivers of the accounts' numbers to which the owner of `secret` may write.

        Each of them once, even if several numbers share it.
        """
        receivers: dict[object, tuple[Account, Downstream]] = {}
        for account in accounts:
            may_receive = receivers_of_signer(self._numbers, account, secret, None)
            for downstream in await self._routes.downstreams.of_account(account.account_id, may_receive):
                receivers.setdefault(downstream.receiver, (account, downstream))
            if len(receivers) >= _MOST_RECEIVERS:
                break
        return list(islice(receivers.values(), _MOST_RECEIVERS))

    async def _try(self, account: Account, downstream: Downstream, secret: str) -> _Trial:
        number = await self._numbers.find_number(downstream.phone_number_id)
        entry_id = number.waba_id if number and number.waba_id else account.account_id
        body = _empty_webhook(entry_id, downstream.phone_number_id, number.wa_id if number else None)
        signature = sign(downstream.secret or secret, body)
        try:
            await self._forwarder.post(downstream, body, {SIGNATURE: signature})
        except DeliveryRefused as error:
            message = "a downstream did not accept the empty webhook of the dashboard's test: %s"
            _log.warning(message, error, extra=downstream.in_log)
            return _Trial(downstream, str(error))
        return _Trial(downstream, None)


def may_be_sample(payload: Payload) -> bool:
    """Whether the webhook has the ids and the size of the sample. If not, which is nearly always, it is none."""
    return all(map(_is_sample, payload.changes)) and len(payload.raw) <= _LARGEST_SAMPLE


def _is_sample(change: WebhookChange) -> bool:
    return change.entry_id == _ENTRY or change.phone_number_id == _NUMBER


def _check(trials: Sequence[_Trial]) -> None:
    """Raises `NotDelivered` if a required receiver failed or all receivers did: the gate would refuse real webhooks."""
    failed = [trial for trial in trials if trial.refusal is not None]
    if not any(trial.downstream.required for trial in failed) and len(failed) < len(trials):
        return
    names = "; ".join(f"downstream {it.downstream.downstream_id}, {it.refusal}" for it in failed[:_MOST_NAMED])
    more = f"; and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
    raise NotDelivered(
        f"The app secret is right, but {len(failed)} of {len(trials)} receivers did not accept a webhook: {names}{more}"
    )


def _empty_webhook(entry_id: str, phone_number_id: str, wa_id: str | None) -> bytes:
    metadata = {"display_phone_number": wa_id} if wa_id else {}
    value = {"messaging_product": "whatsapp", "metadata": metadata | {"phone_number_id": phone_number_id}}
    entry = {"id": entry_id, "changes": [{"value": value, "field": "messages"}]}
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [entry]})
