"""The objects of the pytest fixture `wablock`: a development server in a thread, and its `/dev` as Python methods."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, Unpack

import httpx2
import msgspec

from wablock.block_list.ports import Rules
from wablock.client import BlockedUser, Client
from wablock.client.failures import in_sentences
from wablock.contract.wire import user_of
from wablock.kit.dev_users import InboundOutcome
from wablock.kit.journal import JournalEntry
from wablock.kit.serving import served_in_a_thread
from wablock.settings import DEV_ACCOUNT_ID, AnswerSettings, DevSettings

_ANSWERS_WITHIN: Final = 60.0  # seconds


class _DevClient:
    """Sends requests to `/dev`; raises `RuntimeError` with the server's message if the server refuses one."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx2.Client(
            base_url=f"{url}/dev/", headers=headers, timeout=_ANSWERS_WITHIN, trust_env=False, verify=False
        )

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, content=None if body is None else msgspec.json.encode(body))
        data = msgspec.json.decode(response.content)
        if response.status_code != 200:
            error = data["error"]
            raise RuntimeError(in_sentences(error["message"], error.get("error_data", {}).get("details", "")))
        return data

    def close(self) -> None:
        self._http.close()


class Clock:
    """The server's clock, which decides the 24-hour window and the expiry of blocks and tokens."""

    def __init__(self, control: _DevClient) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._control("GET", "clock")["now"])

    def stop(self) -> None:
        self._control("PUT", "clock", {"stopped": True})

    def start(self) -> None:
        self._control("PUT", "clock", {"stopped": False})

    def set(self, moment: datetime | str | float) -> None:
        """Set the clock to a `datetime` (with time zone), an ISO 8601 text, or seconds since 1970."""
        self._control("PUT", "clock", {"now": moment.isoformat() if isinstance(moment, datetime) else moment})

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._control("POST", "clock/advance", {"seconds": by.total_seconds()})


class FaultMembers(TypedDict, total=False):
    """The members of a `Fault`."""

    code: int
    status: int
    subcode: int
    retry_after: int
    delay: float
    drop: bool
    after: bool
    times: int
    method: str
    path: str
    path_matches: str


class Wablock:
    """A server at `url`; `token` has all rights on `phone_number_id`."""

    def __init__(self, url: str, settings: DevSettings, app_secret: str) -> None:
        self.url = url
        self.token = settings.token
        self.phone_number_id = settings.phone_number_id
        self.account_id = DEV_ACCOUNT_ID
        self.app_secret = app_secret
        self.verify_token = settings.verify_token
        self._control = _DevClient(url, settings.token)
        self.clock = Clock(self._control)

    @property
    def block_users_url(self) -> str:
        return f"{self.url}/v25.0/{self.phone_number_id}/block_users"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    # -- users

    def block(self, *users: str, reason: str | None = None) -> None:
        """Block the users under any rules, as the setup of a test."""
        items = [msgspec.to_builtins(user_of(user)) for user in users]
        blocked = [item | ({"reason": reason} if reason else {}) for item in items]
        self.seed({"numbers": [{"phone_number_id": self.phone_number_id, "blocked": blocked}]})

    def blocked_users(self) -> list[BlockedUser]:
        """All blocked users with all details, newest block first."""
        fields = ",".join(BlockedUser.__struct_fields__)
        with self.client() as client:
            return list(client.blocked_users(fields=fields))

    def is_blocked(self, user: str) -> bool:
        with self.client() as client:
            return client.is_blocked(user)

    def client(self) -> Client:
        """A `wablock.client.Client` of this server; the caller closes it."""
        return Client(self.token, self.phone_number_id, base_url=self.url)

    def inbound(
        self, user: str, text: str = "Hello", *, message: dict[str, Any] | None = None, user_id: str | None = None
    ) -> InboundOutcome:
        """Simulate a message from `user`: the 24-hour window opens, and the webhook goes to the downstream, if any."""
        body = {"from": user, "text": text, "message": message, "user_id": user_id}
        outcome = self._control("POST", "inbound", {name: it for name, it in body.items() if it is not None})
        return msgspec.convert(outcome, InboundOutcome)

    def downstream(self, url: str | None, *, timeout: float | None = None) -> None:
        """Set the receiver of the number's webhooks; None: no receiver. `timeout`: seconds that it has to respond."""
        self._control("PUT", "downstream", {"url": url, "timeout": timeout})

    # -- failures and the journal

    def fail_next(self, **fault: Unpack[FaultMembers]) -> None:
        """Make the next `times` matching requests fail; see `POST /dev/faults`.

        A request matches if it has the method `method`, its path begins with `path`, and the regular expression
        `path_matches` is found in its path.
        """
        self._control("POST", "faults", fault)

    @property
    def journal(self) -> list[JournalEntry]:
        """Every request of this test with its response, oldest first."""
        return msgspec.convert(self._control("GET", "journal")["data"], list[JournalEntry])

    # -- the database

    def seed(self, seed: dict[str, Any] | Path) -> None:
        """Create numbers, blocked users and windows, from a file or from the same data."""
        self._control("POST", "seed", msgspec.json.decode(seed.read_bytes()) if isinstance(seed, Path) else seed)

    def snapshot(self) -> str:
        """Save the current state; returns its name for `restore`."""
        name: str = self._control("POST", "snapshots", {})["name"]
        return name

    def restore(self, name: str) -> None:
        """Restore the state of a snapshot, including the clock."""
        self._control("POST", f"snapshots/{name}/restore")

    def reset(self) -> None:
        """Restore the state before the test."""
        self._control("POST", "reset")

    def close(self) -> None:
        self._control.close()


class Servers:
    """The servers of a test session: one for each combination of settings."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._made: dict[DevSettings, Wablock] = {}

    def fresh(
        self,
        *,
        rules: Rules | Literal["open", "meta"] = Rules.OPEN,
        partial_failure_status: Literal[200, 400] = 200,
        list_has_input: bool = False,
    ) -> Wablock:
        """A server with these settings, in its state at the start."""
        answers = AnswerSettings(partial_failure_status=partial_failure_status, list_has_input=list_has_input)
        settings = DevSettings(rules=Rules(rules), answers=answers, log_requests=False)
        server = self._made.get(settings)
        if server is None:
            served = self._stack.enter_context(served_in_a_thread(settings))
            server = self._made[settings] = Wablock(
                served.url, served.dev_server.settings, served.dev_server.app_secret
            )
            self._stack.callback(server.close)
        else:
            server.reset()
        return server
