"""`wablock serve`."""

from wablock.cli import logs
from wablock.cli.console import say
from wablock.cli.listening import check_public_url, run, url_of
from wablock.server.serve import bind
from wablock.settings import ServeSettings, default_database
from wablock.wiring import build


def serve(settings: ServeSettings = ServeSettings()) -> None:  # noqa: B008 - immutable
    """Start a production server on a database. Add numbers and tokens with `wablock number` and `wablock token`."""
    check_public_url(settings.answers.public_url)
    logs.configure(for_people=False)
    with bind(settings.host, settings.port) as bound:
        database = settings.database or default_database()
        wired = build(
            database,
            settings.rules,
            settings.answers,
            settings.limits,
            key=settings.key,
            gate=settings.gate,
            open_list_size=settings.open_list_size,
            log_requests=settings.log_requests,
        )

        def announce() -> None:
            say(f"wablock serves {url_of(settings.host, bound)} on {database}, {settings.rules} rules")

        run(wired.application, wired.metrics, bound, settings.answers, settings.limits, announce)
