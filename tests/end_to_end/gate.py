"""A gate in front of one receiver: a number with an app secret and a downstream, and a server to kill and restart."""

import asyncio
import signal
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from tests.cli.command import Server, run, started
from tests.end_to_end.deployment import PHONE_NUMBER_ID, Deployment
from tests.ports import lasting_port
from tests.server.test_webhooks import KEY, SECRET

_KEY = {"WABLOCK_SECRET_KEY": KEY.secret_key or ""}


class GateDeployment(Deployment):
    """One database, whose number hands its webhooks on to `url`."""

    def __init__(self, folder: Path, url: str, timeout: float = 5.0, database: str | None = None) -> None:
        super().__init__(folder, database)
        secret = {"WABLOCK_APP_SECRET": SECRET, "WABLOCK_DATABASE": self.database} | _KEY
        done = run("account", "set", **secret)
        assert done.returncode == 0, done.stderr
        done = run("downstream", "add", PHONE_NUMBER_ID, url, "--timeout", str(timeout), **secret)
        assert done.returncode == 0, done.stderr

    def server(self, *arguments: str, **variables: str) -> AbstractContextManager[Server]:
        return super().server(*arguments, **_KEY | variables)

    def server_at(self, port: int) -> AbstractContextManager[Server]:
        """A server on a port that is known before."""
        return started("serve", "--port", str(port), WABLOCK_DATABASE=self.database, **_KEY)


class Lives:
    """A server that is killed and started again on one database and at one address."""

    def __init__(self, deployment: GateDeployment) -> None:
        self.port = lasting_port()
        self._deployment = deployment
        self._ends = ExitStack()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def begin(self) -> None:
        """Return when it listens; other tasks run meanwhile."""
        beginning = self._deployment.server_at(self.port)
        self._server = await asyncio.to_thread(self._ends.enter_context, beginning)

    async def kill(self) -> None:
        assert self._server is not None
        self._server.signal(signal.SIGKILL)
        assert await asyncio.to_thread(self._server.ended) == -signal.SIGKILL

    async def end(self) -> None:
        await asyncio.to_thread(self._ends.close)
