"""The queries of ``taskhouse status``, on the warehouse or, while that is busy, on its published copy."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from taskhouse.pipelines.cli.exits import say
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskhouse.settings import Settings
    from taskhouse.warehouse.publish import Published

Record = dict[str, Any]
Ask = Callable[..., list[Record] | None]
Held = dict[str, list[Record] | None]
"""Rows by question, None where a copy cannot answer it; ``source`` is empty if a copy answered.

How long a sync waits to be ``unpublished`` no more is asked of the warehouse alone.
"""

BUSY_S = 3.0
RECENT = timedelta(days=2)
"""Longer than any resource rests, so that the many passes before need not be read."""

COUNTED = {
    table.name: table.counted_as or resource.name
    for resource in RESOURCES.values()
    for table in resource.tables
    if table.counted_as or table is resource.tables[0]
}
"""Tables whose rows are counted, and the resource, or its part, that they are counted as."""


def look(settings: "Settings", resources: "Sequence[str]") -> Held | None:
    """The answers to all questions, from the warehouse or its published copy; None if there is neither.

    Without projects in the settings, they are about every project and resource that is stored.
    """
    from taskhouse.errors import Locked
    from taskhouse.warehouse import publish
    from taskhouse.warehouse.opening import open_warehouse

    copy = publish.current(settings.published)
    if not open_warehouse(settings).exists():
        return None
    try:
        return _live(settings, resources, _host(copy.path, settings) if copy else settings.host, copy)
    except Locked as problem:
        if copy is None:
            raise Locked(
                problem.message,
                hint="Try again later. No copy has been published yet that could be read instead.",
            ) from None
        age_s = (settings.clock.now() - copy.made_at).total_seconds()
        from taskhouse.pipelines.cli import screen

        say(f"{problem.message} This is the published copy of {screen.age(age_s)} ago.")
        return _copied(copy.path, settings, resources)


def _live(settings: "Settings", resources: "Sequence[str]", host: str, copy: "Published | None") -> Held:
    from taskhouse.warehouse import sql
    from taskhouse.warehouse.opening import open_warehouse

    warehouse = open_warehouse(settings.model_copy(update={"host": host, "lock_wait_s": BUSY_S}))
    with warehouse.reading("taskhouse status") as connection:

        def ask(question: str, **asked: object) -> list[Record]:
            return sql.rows(connection.execute(_text(question), asked))

        now, made_at = settings.clock.now(), copy.made_at if copy else None
        since = {"now": now, "made_at": made_at if made_at is None or made_at <= now else None}  # a clock was ahead
        held: Held = {"source": [{}], "unpublished": ask("unpublished", **since)}
        return held | answers(ask, settings, resources)


def _copied(path: Any, settings: "Settings", resources: "Sequence[str]") -> Held:
    """The same from a copy; a copy that another version made may lack some answers."""
    from taskhouse.errors import ConfigurationError
    from taskhouse.warehouse.reading import query

    def ask(question: str, **asked: object) -> list[Record] | None:
        try:
            names, rows = query(path, _text(question), asked)
        except ConfigurationError:
            if question == "passes":
                raise
            return None
        return [dict(zip(names, row, strict=True)) for row in rows]

    held: Held = {"source": []} | answers(ask, settings, resources)
    if None in held.values():
        say("Another version of taskhouse made this copy, so some details are missing; the next sync adds them.")
    return held


def answers(ask: Ask, settings: "Settings", resources: "Sequence[str]") -> Held:
    """The answers that a copy can give too; ``ask`` takes a question and its parameters."""
    passes = _passes(ask, settings, resources)
    projects = settings.project_ids or {row["project_id"] for row in passes}
    rows = [ask("rows", project_id=project_id) for project_id in projects]
    return {
        "passes": passes,
        "rows": None if None in rows else [row for of_project in rows for row in of_project or ()],
        "gaps": ask("gaps"),
        "quarantine": ask("quarantine"),
    }


def _passes(ask: Ask, settings: "Settings", resources: "Sequence[str]") -> list[Record]:
    """The last pass of each resource, and its last complete one: among all passes if not among the recent ones."""
    now = settings.clock.now()
    recent = ask("passes", now=now, since=now - RECENT) or []
    proved = {(row["project_id"], row["resource"]) for row in recent if row["complete_age_s"] is not None}
    wanted = {(project_id, name) for project_id in settings.project_ids for name in resources}
    return recent if wanted and wanted <= proved else ask("passes", now=now, since=None) or []


def _host(path: Any, settings: "Settings") -> str:
    """The host of a copy; the host of the settings if the copy cannot be read.

    It is also beside a copy, unless an earlier version made that: to open another file takes a tenth of the command.
    """
    from taskhouse.errors import TaskhouseError
    from taskhouse.warehouse.identity import Identity
    from taskhouse.warehouse.reading import query

    if known := Identity.beside(path):
        return known.host
    try:
        return str(query(path, _text("host"))[1][0][0])
    except TaskhouseError:
        return settings.host


def _text(question: str) -> str:
    from taskhouse.warehouse import sql

    text = sql.statement("taskhouse.pipelines.cli", f"sql/{question}")
    if question != "rows":
        return text
    return " UNION ALL ".join(text.format(table=table, resource=resource) for table, resource in COUNTED.items())
