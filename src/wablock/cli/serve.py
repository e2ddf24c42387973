"""`wablock serve`: a production server, with one process or several workers."""

import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from wablock.block_list.ports import BusinessNumber
from wablock.cli import logs, systemd
from wablock.cli.databases import REFUSALS, on_store
from wablock.cli.listening import check_public_url, run, url_of
from wablock.cli.output import remark, say
from wablock.cli.public_secrets import refuse_public
from wablock.gate.recent_drops import Drop, RecentDrops, merged
from wablock.server import summed_counts
from wablock.server.metrics import Metrics
from wablock.server.serve import Server, bind
from wablock.server.worker_messages import CountsQuestion, DropsQuestion, ParentPipe, WorkerQuestion
from wablock.server.workers import Workers
from wablock.settings import KeySettings, ServeSettings, default_database
from wablock.storage import Store, named
from wablock.wiring import Telemetry, build, routes_of

_log = logging.getLogger("wablock")

_FLUSH_SECONDS = 5.0  # seconds after the last request, in which buffered data is written


def serve(settings: ServeSettings = ServeSettings()) -> None:  # noqa: B008 - immutable
    check_public_url(settings.answers.public_url)
    logs.configure(for_people=False)
    with bind(settings.host, settings.port) as listener:
        database = settings.database or default_database()

        def announce() -> None:
            url, workers = url_of(settings.host, listener), settings.workers
            rules = f"{settings.rules} rules" + (f", {workers} workers" if workers > 1 else "")
            say(f"wablock serves {url} on {named(database)}, {rules}")
            systemd.ready()

        # Opened before the workers start, so that it is migrated once and an error is reported once.
        if not on_store(database, lambda store: _checked(store, settings.key), may_create=True):
            remark(f"There are no numbers yet in {named(database)}: wablock number add")
        if settings.workers > 1:
            _serve_with_workers(settings, database, listener, announce)
        else:
            wired = build(database, settings)
            run(Server(wired.application, wired.running, settings, wired.metrics, wired.turn), listener, announce)


async def _checked(store: Store, key: KeySettings) -> bool:
    """Refuse public credentials. Returns whether there are numbers to serve."""
    await refuse_public(store, routes_of(store, key))
    return bool(await store.numbers())


def _serve_with_workers(
    settings: ServeSettings, database: str, listener: socket.socket, announce: Callable[[], None]
) -> None:
    if database.startswith("sqlite:"):
        _log.warning("more workers do not make writes to SQLite faster: SQLite has one writer at a time")
    work = partial(_work, settings, database, listener)
    Workers(settings.workers, work, grace_seconds=_grace(settings)).run(listener, announce)


def _work(settings: ServeSettings, database: str, listener: socket.socket, parent: ParentPipe) -> None:
    """Serve in a worker process. It returns the metrics and drops of all workers."""
    logs.configure(for_people=False)
    metrics, drops = Metrics(), RecentDrops()

    def answer(question: WorkerQuestion) -> Any:
        if isinstance(question, CountsQuestion):
            return metrics.counts()
        return drops.since(question.number, question.seq)

    async def scrape() -> bytes:
        return summed_counts.text(summed_counts.summed(await parent.gather(CountsQuestion())))

    async def drops_since(number: BusinessNumber, seq: int) -> Sequence[Drop]:
        return merged(await parent.gather(DropsQuestion(number, seq)))

    def listening() -> None:
        # A terminal sends Ctrl-C to all processes, and the parent forwards it. So a worker would get it twice, and the
        # second signal would skip the grace period.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        parent.listening()

    parent.listen(answer, _grace(settings))
    try:
        wired = build(database, settings, telemetry=Telemetry(metrics, drops, scrape, drops_since))
    except REFUSALS as error:
        parent.cannot_start(str(error))
        sys.exit(2)
    run(Server(wired.application, wired.running, settings, metrics, wired.turn), listener, listening)


def _grace(settings: ServeSettings) -> float:
    return settings.limits.shutdown_timeout + _FLUSH_SECONDS
