"""The place of a sealed secret. A secret that is copied to another row, or used with another URL, cannot be opened."""

import msgspec

from wablock.gate.ports import CannotUnseal, SealedDownstream, Vault


class SealedPlace(msgspec.Struct, frozen=True):
    """A row of the database, its account, and the URL that its secrets are sent to."""

    table: str
    row: str
    account_id: str
    url: str

    def bound(self, purpose: str) -> str:
        """The context that a secret is sealed with. It is JSON, so that two places never have the same text."""
        return msgspec.json.encode(["bound", self.table, self.row, purpose, self.account_id, self.url]).decode()

    def former(self, purpose: str) -> str:
        """The context of older versions, which did not bind a secret to its URL. It opens old secrets only."""
        return f"{self.table}/{self.row}/{purpose}"


def downstream_place(account_id: str, phone_number_id: str, downstream_id: str, url: str) -> SealedPlace:
    return SealedPlace("downstream", f"{phone_number_id}/{downstream_id}", account_id, url)


def downstream_place_of(sealed: SealedDownstream) -> SealedPlace:
    return downstream_place(sealed.account_id, sealed.phone_number_id, sealed.downstream_id, sealed.url)


def token_place(account_id: str, phone_number_id: str, url: str) -> SealedPlace:
    return SealedPlace("upstream", phone_number_id, account_id, url)


def opened(vault: Vault, sealed: bytes, place: SealedPlace, purpose: str) -> str:
    """The secret that was sealed for `purpose` in `place`. Raises `CannotUnseal`."""
    try:
        return vault.open(sealed, place.bound(purpose))
    except CannotUnseal:  # it may be sealed by a version that did not bind it to its URL
        return vault.open(sealed, place.former(purpose))
