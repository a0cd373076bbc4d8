"""``taskhouse search``: messages, tool calls, errors and tasks with some words, newest first."""

import contextlib
import re
import sys
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.text import Text

    from taskhouse.search.query import Found, Hit
    from taskhouse.settings import Settings

BRING_UP_S = 2.0
"""How long a search first goes on with the index, if that is behind the published copy."""

TITLE = 60
"""How many cells of a title are shown."""

DAY = ["%Y-%m-%d"]
DASHED = "Words of which the first begins with a dash need `--` before them: taskhouse search [options] -- -foo bar"


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Kind(StrEnum):
    """What a text is."""

    TASK = "task"
    PROMPT = "prompt"
    MESSAGE = "message"
    THOUGHT = "thought"
    COMMAND = "command"
    ERROR = "error"


class Searching(TyperCommand):
    """The command. If a word was taken for an option, its error explains how to pass it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As every command does."""
        given = [each for each in args if re.match(r"-[^\W\d]{2}", each)]
        try:
            return super().parse_args(ctx, args)
        except Exception as problem:
            if given and hasattr(problem, "message"):
                vars(problem)["message"] += f" {DASHED}"
            raise


@guarded
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help='Words that must all occur; "a phrase", prefix* and -without.'),
    ] = None,
    *,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", max=2**63 - 1, help="Only this project (repeatable).")
    ] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only repositories that match, for example acme/*.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this run; the beginning of its id is enough if it is unique.")
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only this kind of text (repeatable).")] = None,
    since: Annotated[datetime | None, typer.Option(formats=DAY, metavar="DAY", help="First day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAY, metavar="DAY", help="Last day.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most results.")] = 20,
    rank: Annotated[
        bool, typer.Option("--rank", help="Order by relevance, among the newest 1,000 texts that match.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.TABLE,
    build: Annotated[
        bool,
        typer.Option(
            "--build", help="First check the index and bring it up to date completely, however long that takes."
        ),
    ] = False,
) -> None:
    """Search messages, tool calls, errors and tasks for words, newest first.

    All words must occur, in any case and with or without diacritics. A phrase is in quotes within the quotes of the
    shell, `prefix*` stands for all words that begin so, and `-word` must not occur. A word with punctuation, such as
    `src/session.ts` or `snake_case`, is a phrase. `user` also finds
    `getUserName`.

    The first search builds an index beside the published copies, newest runs first; every process that publishes keeps
    it up to date from then on. A search that finds the index behind brings it up to date for two seconds, and says what
    is left.

    For example:

    - `taskhouse search "permission denied" --kind error`
    - `taskhouse search '"exit code 137" -docker' --repository 'acme/*' --since 2026-11-01`
    - `taskhouse search "migrat*" --rank --format json`
    """
    import taskhouse
    from taskhouse import run_page
    from taskhouse.errors import ConfigurationError
    from taskhouse.search import terms
    from taskhouse.settings import load

    asked = " ".join(words or ())
    if not asked and not build:
        raise ConfigurationError(
            "There is nothing to search for.", hint='For example: taskhouse search "permission denied".'
        )
    if asked:
        terms.parsed(asked)  # report a mistake before anything is built
    if since and until and since > until:
        raise ConfigurationError(
            f"The search would start on {since:%Y-%m-%d} and end on {until:%Y-%m-%d}.", hint="Swap the two dates."
        )
    settings = load()
    with taskhouse.open(settings) as snapshot:
        _bring_up(settings, everything=build)
        if not asked:
            return
        only = project[0] if project and len(project) == 1 else None
        found = snapshot.find(
            asked,
            since=since.date() if since else None,
            until=until.date() if until else None,
            limit=limit,
            rank=rank,
            kind=[each.value for each in kind or ()],
            project_id=project,
            repository=repository,
            run_id=None if run is None else run_page.find(snapshot, run, only)[1],
        )
    pages = [_page(hit, settings) for hit in found.hits]
    if form is Format.TABLE:
        _table(found.hits, pages)
    else:
        _write(found.hits, pages, form)
    _tell(found, settings)


def _page(hit: "Hit", settings: "Settings") -> "Path | None":
    """The page of its run in the site of this home, if there is one."""
    from taskhouse.site.model import run_path

    if settings.site is None or hit.run_id is None:
        return None
    page = settings.site / settings.asset_prefix / run_path({"project_id": hit.project_id, "run_id": hit.run_id})
    return page.resolve() if page.is_file() else None


def _bring_up(settings: "Settings", *, everything: bool) -> None:
    """Update the index as far as the time goes; a folder that may only be read is searched as it is."""
    import os

    from taskhouse.errors import Locked
    from taskhouse.home import closed
    from taskhouse.search.index import update

    if not os.access(settings.published, os.W_OK):
        return
    with closed(), contextlib.ExitStack() as stack:
        if not everything:
            stack.enter_context(contextlib.suppress(Locked))  # another process is at it
        progress = update(settings.published, settings.clock, within_s=BRING_UP_S, create=True, check=everything)
        done = progress.done if progress else 0
        while everything and progress and progress.waiting:
            say(f"{done:,} runs and tasks are indexed, {progress.waiting:,} to go")
            progress = update(settings.published, settings.clock, within_s=BRING_UP_S * 5)
            done += progress.done if progress else 0
    if everything:
        say(f"The index is up to date: {done:,} runs and tasks were read.")


def _table(hits: "Sequence[Hit]", pages: "Sequence[Path | None]") -> None:
    """Two lines for each result: where it is, and the words around the match."""
    from taskhouse.pipelines.cli import screen

    console = screen.results()
    for place, (hit, page) in enumerate(zip(hits, pages, strict=True)):
        if place:
            console.print()
        console.print(_head(hit, page), soft_wrap=True)
        console.print(_snippet(hit), soft_wrap=True)


def _head(hit: "Hit", page: "Path | None") -> "Text":
    from rich.text import Text

    from taskhouse.pipelines.cli.screen import plain

    at = plain(f"{hit.at:%Y-%m-%d %H:%M:%S}" if hit.at else "no time", style="dim")
    where = plain(_where(hit, page), style=f"dim link {page.as_uri()}" if page else "dim")
    title = plain(hit.title or "no title", style="bold")
    title.truncate(TITLE, overflow="ellipsis")
    return Text("  ").join([at, plain(hit.kind, style="cyan"), plain(hit.repository or "no repository"), title, where])


def _where(hit: "Hit", page: "Path | None") -> str:
    """The page of the run, or the command that writes it."""
    if page is not None:
        return str(page)
    return f"taskhouse run {hit.run_id}" if hit.run_id else f"task {hit.task_id}"


def _snippet(hit: "Hit") -> "Text":
    from rich.text import Text

    from taskhouse.pipelines.cli.screen import plain

    text, done = Text("    "), 0
    for first, last in hit.highlights:
        text.append_text(plain(hit.snippet[done:first]))
        text.append_text(plain(hit.snippet[first:last], style="bold yellow"))
        done = last
    return text.append_text(plain(hit.snippet[done:]))


def _write(hits: "Sequence[Hit]", pages: "Sequence[Path | None]", form: Format) -> None:
    from dataclasses import astuple, fields

    from taskhouse.pipelines.cli import query_output
    from taskhouse.search.query import Hit

    columns = [*(field.name for field in fields(Hit)), "page"]
    rows = ((*astuple(hit), page and str(page)) for hit, page in zip(hits, pages, strict=True))
    if form is Format.JSON:
        sys.stdout.writelines(query_output.array(columns, rows))
        return
    csv = query_output.Csv(shown=sys.stdout.isatty(), raw=False)
    place = columns.index("highlights")
    without = ((*row[:place], *row[place + 1 :]) for row in rows)
    sys.stdout.writelines(csv([*columns[:place], *columns[place + 1 :]], without))


def _tell(found: "Found", settings: "Settings") -> None:
    """What the answer leaves out, and what to do next."""
    from taskhouse.warehouse.publish import current

    hits = found.hits
    first = plural(len(hits), "This is the first result", f"These are the first {len(hits):,} results")
    footer = f"{first}; --limit shows more." if found.more else ""
    footer = footer or f"{counted(len(hits), 'result')}."
    say(footer, style="dim")
    if found.stopped:
        say("The search took too long and was stopped: older texts were not looked at. Add a word, or --since.")
    copy = current(settings.published)
    if found.waiting:
        say(f"Not in the index yet: {found.waiting:,} runs and tasks. `taskhouse search --build` adds them now.")
    elif copy is not None and found.copy != copy.path.stem:
        say("The index is behind the published copy; the next sync of its owner updates it.")
