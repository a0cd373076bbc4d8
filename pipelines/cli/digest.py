"""``taskhouse digest``: what happened last week, in at most twelve lines."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.pipelines.cli.report import warn, warn_of_zone


class Form(StrEnum):
    """What a digest is written as."""

    TEXT = "text"
    MD = "md"
    SLACK = "slack"
    EMAIL = "email"


@guarded
def digest(
    *,
    week: Annotated[
        str | None, typer.Option(metavar="WEEK", help="A week as 2026-W45, or a day in it; by default the last one.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day.")] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only repositories that match, for example acme/*.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only the repositories of this owner.")] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", max=2**63 - 1, help="Only this project (repeatable).")
    ] = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="Output format.")] = Form.TEXT,
    send: Annotated[bool, typer.Option("--send", help="Send it to TASKHOUSE_NOTIFY instead of printing it.")] = False,
    badges: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write a badge (SVG) for each repository into this folder.")
    ] = None,
    lake: InLake = False,
) -> None:
    """Say what happened in the last week: at most twelve lines, and nothing if nothing happened.

    The lines are those of `taskhouse report`, for a chat or a mailbox. `slack` is the JSON of a message with blocks,
    and `email` a whole message with a text and an HTML part. With TASKHOUSE_REPORT_URL, each line links to its proof.
    """
    import taskhouse
    from taskhouse.digest import badges as drawn
    from taskhouse.digest import formats, of
    from taskhouse.digest.send import send as deliver
    from taskhouse.errors import ConfigurationError
    from taskhouse.report import Options, directory, gathered
    from taskhouse.report.model import Nothing
    from taskhouse.settings import load

    settings = load()
    options = Options(
        week=week,
        since=since.date() if since else None,
        until=until.date() if until else None,
        repository=repository,
        owner=owner,
        projects=tuple(project or ()),
    )
    with taskhouse.open(settings, lake=lake) as snapshot, gathered(snapshot, options, directory.of(settings)) as report:
        warn_of_zone(snapshot, settings, lake=lake)
        found = of(report, settings.report_url or None)
        for one in [] if isinstance(report, Nothing) else report.uncounted:
            warn(f"Campaign {one.name}: {one.why}")
        if isinstance(found, Nothing) and found.beside:
            raise ConfigurationError(found.said, hint=found.hint)
        if badges:
            count = 0 if isinstance(report, Nothing) else drawn.write(report, badges)
            say(f"Written: {count:,} badges in {badges}")
    if isinstance(found, Nothing):
        say(f"{found.said} {found.hint}".rstrip())
        return
    if send:
        services = deliver(found.title, formats.text(found), formats.html(found), settings.addresses)
        say(f"Sent to: {', '.join(services)}")
        return
    typer.echo(getattr(formats, {"md": "markdown"}.get(form.value, form.value))(found), nl=False)
