"""The queries of ``taskhouse status``, on the warehouse or, while that is busy, on its published copy."""

from typing import TYPE_CHECKING, Any

from taskhouse.pipelines.cli.exits import say
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.warehouse.publish import Published

Record = dict[str, Any]
Held = dict[str, list[Record] | None]
"""Rows by question, None where a copy cannot answer it; ``source`` is empty if a copy answered.

How long a sync waits to be ``unpublished`` no more is asked of the warehouse alone.
"""

BUSY_S = 3.0
QUESTIONS = ("passes", "rows", "gaps", "quarantine")
COUNTED = {
    table.name: table.counted_as or resource.name
    for resource in RESOURCES.values()
    for table in resource.tables
    if table.counted_as or table is resource.tables[0]
}
"""Tables whose rows are counted, and the resource, or its part, that they are counted as."""


def look(settings: "Settings") -> Held | None:
    """The answers to all questions, from the warehouse or its published copy; None if there is neither."""
    from taskhouse.errors import Locked
    from taskhouse.warehouse import publish
    from taskhouse.warehouse.opening import open_warehouse

    copy = publish.current(settings.published)
    if not open_warehouse(settings).exists():
        return None
    try:
        return _live(settings, _host(copy.path, settings) if copy else settings.host, copy)
    except Locked as problem:
        if copy is None:
            raise Locked(
                problem.message,
                hint="Try again later. No copy has been published yet that could be read instead.",
            ) from None
        age_s = (settings.clock.now() - copy.made_at).total_seconds()
        from taskhouse.pipelines.cli import screen

        say(f"{problem.message} This is the published copy of {screen.age(age_s)} ago.")
        return _copied(copy.path, settings)


def _live(settings: "Settings", host: str, copy: "Published | None") -> Held:
    from taskhouse.warehouse import sql
    from taskhouse.warehouse.opening import open_warehouse

    warehouse = open_warehouse(settings.model_copy(update={"host": host, "lock_wait_s": BUSY_S}))
    with warehouse.reading("taskhouse status") as connection:

        def ask(question: str) -> list[Record]:
            text = _text(question)
            return sql.rows(connection.execute(text, sql.moment(text, settings.clock)))

        now, made_at = settings.clock.now(), copy.made_at if copy else None
        since = {"now": now, "made_at": made_at if made_at is None or made_at <= now else None}  # a clock was ahead
        waiting = sql.rows(connection.execute(_text("unpublished"), since))
        held: Held = {"source": [{}], "unpublished": waiting}
        return held | {question: ask(question) for question in QUESTIONS}


def _copied(path: Any, settings: "Settings") -> Held:
    """The same from a copy; a copy that another version made may lack some answers."""
    from taskhouse.errors import ConfigurationError
    from taskhouse.warehouse import sql
    from taskhouse.warehouse.reading import query

    def ask(question: str) -> list[Record] | None:
        try:
            text = _text(question)
            names, rows = query(path, text, sql.moment(text, settings.clock))
        except ConfigurationError:
            if question == "passes":
                raise
            return None
        return [dict(zip(names, row, strict=True)) for row in rows]

    held: Held = {"source": []} | {question: ask(question) for question in QUESTIONS}
    if None in held.values():
        say("Another version of taskhouse made this copy, so some details are missing; the next sync adds them.")
    return held


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
