"""Tests of a bot that uses PyWa. Run with: pytest examples/test_with_pywa.py; needs pywa 4.5."""

import httpx
import pytest
from pywa import WhatsApp, errors

ANNA = "+16505550101"

# This version of PyWa reads `input` in list items, which Meta's response does not have.
pytestmark = [pytest.mark.wablock(rules="meta", list_has_input=True), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def bot(wablock):
    session = httpx.Client(timeout=10)
    whatsapp = WhatsApp(phone_id=wablock.phone_number_id, token=wablock.token, session=session, api_version="25.0")
    session.base_url = f"{wablock.url}/v25.0"  # after the constructor, which sets Meta's URL
    yield whatsapp
    session.close()


def test_a_user_who_wrote_is_blocked_and_listed(bot, wablock):
    wablock.inbound(ANNA)

    bot.block_users([ANNA])

    assert [user.wa_id for user in bot.get_blocked_users()] == ["16505550101"]
    assert wablock.is_blocked(ANNA)


def test_a_user_who_did_not_write_is_refused(bot):
    result = bot.block_users([ANNA])

    assert result.failed_users[0].errors[0].code == 131047


def test_a_rate_limit_is_an_exception_of_its_own(bot, wablock):
    wablock.fail_next(code=130429)

    with pytest.raises(errors.ThrottlingError):
        bot.block_users([ANNA])
