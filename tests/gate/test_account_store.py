"""Which secret must have signed a webhook of an account."""

from hypothesis import given
from hypothesis import strategies as st

from wablock.gate.account_store import Account

_WABAS = ("1", "2", "3")
_IDS = st.sampled_from((*_WABAS, "9", None))
_ACCOUNTS = st.builds(
    lambda has_own, wabas: Account(
        "acme", "default" if has_own else None, {it: f"of {it}" if has_secret else None for it, has_secret in wabas}
    ),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(_WABAS), st.booleans()), unique_by=lambda it: it[0]),
)


@given(_ACCOUNTS, _IDS, _IDS)
def test_a_secret_is_of_the_business_account_that_is_named_or_of_the_account(
    account: Account, entry_id: str | None, number_waba_id: str | None
) -> None:
    secret = account.secret_for(entry_id, number_waba_id)

    assert secret in (None, "default", f"of {entry_id}", f"of {number_waba_id}")
    assert secret is None or secret in account.secrets


@given(_ACCOUNTS, _IDS, _IDS)
def test_no_secret_signs_for_two_business_accounts_that_contradict_each_other(
    account: Account, entry_id: str | None, number_waba_id: str | None
) -> None:
    contradicts = entry_id in account.business_secrets and number_waba_id not in (None, entry_id)

    if contradicts:
        assert account.secret_for(entry_id, number_waba_id) is None


@given(_ACCOUNTS, _IDS)
def test_a_business_account_with_its_own_secret_needs_this_one(account: Account, number_waba_id: str | None) -> None:
    for waba_id, secret in account.business_secrets.items():
        if number_waba_id in (None, waba_id):
            assert account.secret_for(waba_id, number_waba_id) == (secret or account.app_secret)


@given(_IDS, _IDS)
def test_an_account_without_business_accounts_has_one_secret_as_before(
    entry_id: str | None, number_waba_id: str | None
) -> None:
    assert Account("acme", "default").secret_for(entry_id, number_waba_id) == "default"


def test_a_representation_shows_no_secret() -> None:
    assert repr(Account("acme", "default", {"1": "own"})) == "Account('acme')"
