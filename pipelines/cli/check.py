"""``taskhouse check``: try the settings against the server, step by step."""

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taskhouse.pipelines.cli.exits import Exit, code_of, complain, emit, errors_as_json, guarded, hidden, outcome
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.posthog.api import TasksApi
    from taskhouse.posthog.client import PostHog
    from taskhouse.posthog.pages import Page
    from taskhouse.settings import Settings

Line = tuple[str, str, str]
INVISIBLE = (
    "A key sees a project as its owner does. Tasks in other people's personal channels are invisible to this key, so"
    " taskhouse does not keep them. Ask their owners to move them to a public channel, or run a second taskhouse with"
    " a key of such an owner and its own TASKHOUSE_HOME."
)
"""What this key cannot see (API facts 7.3), and how to see it."""


@guarded
def check(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON, for monitoring.")] = False
) -> None:
    """Test the settings: is the host reachable, is the key valid with enough scope, and is each project visible?

    Also shows whose view of the project the key gives, how many of the tasks its owner created, and which features the
    server has: the order by activity, which makes a sync cheap; the way streams are read; and each optional resource
    that you switched on. The check makes only a handful of requests for each project. It writes nothing except the
    count of these requests, and does not create a home.
    """
    import asyncio

    from taskhouse.errors import TaskhouseError
    from taskhouse.home import asking
    from taskhouse.pipelines.cli import screen
    from taskhouse.settings import load

    lines: list[Line] = []
    problem: TaskhouseError | None = None
    with contextlib.ExitStack() as stack:
        with errors_as_json(as_json):
            settings = load()
            settings.key()
            projects = settings.projects()
            asked = stack.enter_context(asking(settings))
        try:
            asyncio.run(_check(asked, projects, lines))
        except TaskhouseError as found:
            problem = found
    if as_json:
        found_out = [{"state": mark, "checked": what, "found": hidden(said)} for mark, what, said in lines]
        emit({"host": settings.host, "checks": found_out, "invisible": INVISIBLE} | outcome(problem))
        raise typer.Exit(code_of(problem) if problem else Exit.COMPLETE)
    marks = {"ok": "green", "no": "yellow", "failed": "red"}
    rows = [(screen.plain(mark, style=marks[mark]), what, said) for mark, what, said in lines]
    screen.results().print(screen.table(("", "checked", "found"), rows))
    if problem is None:
        screen.notes().print(screen.plain(INVISIBLE))
    else:
        complain(problem)
        raise typer.Exit(code_of(problem))
    raise typer.Exit(Exit.COMPLETE)


async def _check(settings: "Settings", projects: tuple[int, ...], lines: list[Line]) -> None:
    from taskhouse.passes.viewer import owner, view
    from taskhouse.posthog.api import TasksApi
    from taskhouse.posthog.client import PostHog
    from taskhouse.posthog.retry import Policy

    person: dict[str, Any] = {}
    async with PostHog(settings, policy=Policy(attempts=2, faults_s=15.0, asked_s=5.0)) as client:
        for project_id in projects:
            api = TasksApi(client, project_id)
            newest = await _tasks(api, lines)
            if project_id == projects[0]:
                person = await owner(api)
                lines.extend(await _budget(client))
                lines[:0] = [
                    ("ok", "host", f"{settings.host} answers"),
                    ("ok", "key", "valid, with the scope task:read"),
                    ("ok", "whose view", _called(person) + view(person, settings.key())),
                ]
            lines.append(await _made(api, person, newest))
            lines.append(_order(project_id, newest))
            runs = [row.data.get("latest_run") for row in newest.rows]
            lines.extend(await _stream(api, runs))
            await _optional(settings, api, runs, lines)


async def _budget(client: "PostHog") -> list[Line]:
    """Whether the request budget that is shared with other machines can be asked, and keeps what it counted."""
    windows = client.budget.windows
    if not windows.shared_at:
        return []
    doubt = await client.budget.doubt()
    if windows.outage:
        said = f"{windows.shared_at} does not answer ({doubt}): this machine makes at most {windows.least}"
        return [("no", "request budget", said)]
    return [
        ("no" if doubt else "ok", "request budget", f"{windows.shared_at} answers{f', but {doubt}' if doubt else ''}")
    ]


async def _tasks(api: "TasksApi", lines: list[Line]) -> "Page":
    """The newest tasks, as the server orders them; proves host, key, scope and project."""
    from taskhouse.errors import TaskhouseError
    from taskhouse.posthog.api import EVERYTHING

    what = f"tasks of project {api.project_id}"
    try:
        newest = await api.list_tasks(5, 0, ordering="-last_activity_at", **EVERYTHING)
        usual = await api.list_tasks(1, 0)
    except TaskhouseError as problem:
        lines.append(("failed", what, problem.message))
        raise
    lines.append(("ok", what, f"{newest.count:,} in all, {usual.count:,} without archived and internal ones"))
    return newest


def _called(person: dict[str, Any]) -> str:
    from taskhouse.posthog.http_errors import clean

    names = (person.get("first_name"), person.get("last_name"))
    called = clean(" ".join(name for name in names if isinstance(name, str) and name))
    return f"{called}, " if called else ""


async def _made(api: "TasksApi", person: dict[str, Any], newest: "Page") -> Line:
    """How many of the visible tasks were created by the owner of the key (API facts 7.1)."""
    from taskhouse.posthog.api import EVERYTHING

    what = f"view of project {api.project_id}"
    seen = f"{counted(newest.count, 'task is', 'tasks are')} visible to this key"
    if not isinstance(person.get("id"), int):
        return ("no", what, f"{seen}; add the scope user:read to see how many of them its owner created")
    own = await api.list_tasks(1, 0, created_by=person["id"], **EVERYTHING)
    foreign = any(
        _maker(row.data) != person["id"] for row in (*own.rows, *(newest.rows if own.count == newest.count else ()))
    )
    if foreign:
        return ("no", what, f"{seen}; the server does not say how many of them its owner created")
    return ("ok", what, f"{seen}; its owner created {own.count:,} of them, other people {newest.count - own.count:,}")


def _maker(task: dict[str, Any]) -> Any:
    made_by = task.get("created_by")
    return made_by.get("id") if isinstance(made_by, dict) else None


def _order(project_id: int, newest: "Page") -> Line:
    """Whether tasks carry the time of their last activity, and come in its order, by the rules of a sync."""
    from taskhouse.resources.tasks import discovery, rows

    what, name = f"order by activity in project {project_id}", "last_activity_at"
    if not newest.rows:
        return ("no", what, "unknown: there is no task")
    if any(rows.zoned_moment(row, name) is None for row in newest.rows):
        return ("no", what, "no last_activity_at: every sync reads the whole list")
    if not discovery.descends(newest, name):
        return ("no", what, "the server does not keep it: every sync reads the whole list")
    return ("ok", what, "yes: a sync reads only what is new")


async def _stream(api: "TasksApi", runs: list[Any]) -> list[Line]:
    """Whether the server hands out stream tokens, and where streams are read."""
    from taskhouse.errors import TaskhouseError
    from taskhouse.posthog.pages import read_object

    run = _first(runs)
    if run is None:
        return []
    path = f"/api/projects/{api.project_id}/tasks/{run['task']}/runs/{run['id']}/stream_token/"
    try:
        answer = await api.client.request("GET", path, read=read_object, priority=api.priority, meter=api.meter)
    except TaskhouseError:
        return [("no", "stream_token", "no: streams are read from the server itself")]
    base = answer.data.get("stream_base_url")
    return [("ok", "stream_token", "yes: streams come through a proxy" if base else "yes: streams are direct")]


async def _optional(settings: "Settings", api: "TasksApi", runs: list[Any], lines: list[Line]) -> None:
    """Whether the server has the optional resources that are switched on, with the request that a sync makes."""
    from taskhouse.errors import TaskhouseError
    from taskhouse.resources.registry import RESOURCES, code

    for resource in RESOURCES.values():
        if not resource.optional or not settings.wants(resource.name):
            continue
        module = code(resource.name)
        what = f"{module.TRIED} in project {api.project_id}"
        try:
            mark, said = await module.attempt(api, _first(runs))
        except TaskhouseError as problem:
            lines.append(("failed", what, problem.message))
            raise
        lines.append((mark, what, said))


def _first(runs: list[Any]) -> dict[str, Any] | None:
    """The first run that names itself and its task."""
    return next((run for run in runs if isinstance(run, dict) and run.get("id") and run.get("task")), None)
