"""The receivers of a webhook that names no number: those of the numbers to which its sender may write.

An account may have business accounts of several apps. The owner of one app must not write to the numbers of another
one; and a receiver that verifies signatures would refuse the webhook of another app, so that Meta sends it again.
"""

from wablock.gate.account_store import Account
from wablock.gate.ports import Downstream, MayReceive, Numbers


def receivers_of_signer(numbers: Numbers, account: Account, secret: str, entry_id: str | None) -> MayReceive | None:
    """Which receivers of the account may get a webhook for `entry_id` that `secret` has signed; None: all of them."""
    if not account.business_secrets:
        return None

    async def may_receive(downstream: Downstream) -> bool:
        number = await numbers.find_number(downstream.phone_number_id)
        waba_id = None if number is None else number.waba_id
        return waba_id is None or account.secret_for(entry_id, waba_id) == secret

    return may_receive
