"""A PostgreSQL primary, and a standby that has all committed data and can replace it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from tests.cluster import Cluster
from tests.postgres import connected, execute
from tests.waiting import comes_true

_READY_WITHIN: Final = 60  # seconds
_IN_STEP: Final = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"


class Pair:
    """Both on this machine, with real fsync. The primary acknowledges nothing that the standby does not have."""

    def __init__(self) -> None:
        self.primary = Cluster({"synchronous_standby_names": "*", "synchronous_commit": "on"})
        # After its promotion it has no standby: with a name here it would wait forever.
        self.standby = Cluster({"synchronous_standby_names": ""})

    def start(self) -> None:
        """Return when the standby has all data of the primary."""
        self.primary.create()
        self.primary.start()
        source = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        self.standby.run("pg_basebackup", "-d", source, "-D", str(self.standby.data), "-R", "-c", "fast", "--no-sync")
        self.standby.start()
        is_in_step = comes_true(lambda: connected(self.primary.url, _standbys_in_step), _READY_WITHIN)
        assert is_in_step, self.standby.log

    def promote(self) -> None:
        """Return when the standby accepts writes; the primary must be dead."""
        execute(self.standby.url, "SELECT pg_promote()")

    def url(self, ports: Sequence[int] = ()) -> str:
        """The URL of the current primary. `ports`: the near ends of cables to both, if there are any."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or (self.primary.port, self.standby.port))
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=primary"

    def remove(self) -> None:
        self.primary.remove()
        self.standby.remove()


async def _standbys_in_step(connection: Any) -> int:
    return int(await connection.fetchval(_IN_STEP))


@contextmanager
def running_pair() -> Iterator[Pair]:
    pair = Pair()
    try:
        pair.start()
        yield pair
    finally:
        pair.remove()
