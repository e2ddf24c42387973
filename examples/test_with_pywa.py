"""How a bot that uses PyWa is tested. Run with: pytest examples/test_with_pywa.py, where pywa 4.5 is installed."""

import httpx
import pytest
from pywa import WhatsApp, errors

ANNA = "+16505550101"

# This version of PyWa reads `input` in list items, which Meta's answer does not have.
pytestmark = [pytest.mark.wablock(rules="meta", list_has_input=True), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def bot(wablock):
    session = httpx.Client(timeout=10)
    made = WhatsApp(phone_id=wablock.phone_number_id, token=wablock.token, session=session, api_version="25.0")
    session.base_url = f"{wablock.url}/v25.0"  # after the constructor, which sets Meta's
    yield made
    session.close()


def test_who_wrote_is_blocked_and_listed(bot, wablock):
    wablock.inbound(ANNA)

    bot.block_users([ANNA])

    assert [user.wa_id for user in bot.get_blocked_users()] == ["16505550101"]
    assert wablock.is_blocked(ANNA)


def test_who_did_not_write_is_refused(bot):
    refused = bot.block_users([ANNA])

    assert refused.failed_users[0].errors[0].code == 131047


def test_a_rate_limit_is_an_exception_of_its_own(bot, wablock):
    wablock.fail_next(code=130429)

    with pytest.raises(errors.ThrottlingError):
        bot.block_users([ANNA])
