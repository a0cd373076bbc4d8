"""Lists of tasks: a first load, the same again, a few changes, half of it known, and a long history."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.cases.events import COLUMNS, NEW_HOME
from benchmarks.contenders import lists
from benchmarks.harness import list_server
from benchmarks.harness.case import Case, Contender, Figures, Size

CHANGED = 200
OURS = (
    "Versions of tasks and of their runs, when each was seen, the SHA-256 of each original and of each page, and the"
    " proof that the list was complete. It continues after a kill."
)
AGAIN = "It reads the whole list each time."


def served(size: Size) -> AbstractContextManager[str]:
    """Lists of canned rows; about the size's number of tasks is visible."""
    return list_server.serving(size["tasks"] * 1000 // 780)


def prepare(url: str, _: Path) -> Figures:
    """How many tasks the server lists."""
    list_server.show(url)
    return {"rows": sum(map(len, lists.pages(url)))}


def showing(**at: dict[str, int]) -> Callable[[str, str], None]:
    """What the server shows while contenders prepare and while they are measured."""

    def before(url: str, mode: str) -> None:
        list_server.show(url, **at.get(mode, {}))

    return before


def ours(days: float = 0, resource: str = "tasks") -> tuple[Contender, Contender]:
    """taskhouse, and its profile."""
    arguments = (resource, str(days))
    return (
        Contender("taskhouse", "lists_taskhouse", OURS, arguments),
        Contender("taskhouse, profile", "lists_taskhouse", OURS, (*arguments, "profile"), apart=True),
    )


PEERS = (
    Contender(
        "by hand",
        "lists_by_hand",
        "httpx, pandas.json_normalize and INSERT OR REPLACE: 18 columns of the present, no earlier version, no text and"
        f" no proof. A kill loses the whole run. {AGAIN}",
        environment="by_hand",
    ),
    Contender(
        "dlt, default",
        "lists_dlt",
        "Columns and child tables of the present, without their text and without a proof that all rows came; another"
        f" version replaces the one before. A kill while it reads starts again. {AGAIN}",
        ("default",),
        environment="dlt",
        slow=True,
    ),
    Contender("dlt, Parquet", "lists_dlt", "The same, through Parquet files.", ("parquet",), environment="dlt"),
    Contender(
        "Singer",
        "lists_singer",
        "A tap of the Singer SDK, piped into target-duckdb: 12 columns of the present, no proof; the time includes the"
        f" start of both processes. {AGAIN}",
        environment="singer",
        slow=True,
    ),
)
NEWEST = Contender(
    "dlt, newest first",
    "lists_dlt",
    "The same, by the time of activity, until a task that it has: what is gone, or changed without an activity, is not"
    " noticed, and nothing proves that all came.",
    ("parquet", "newest"),
    environment="dlt",
)
NEW = Contender(
    "taskhouse, new home",
    "lists_taskhouse",
    NEW_HOME,
    ("tasks", "0", "new"),
)
LOOP = Contender("plain loop", "lists_loop", "It parses every page and keeps nothing.")


def case(
    name: str,
    about: str,
    contenders: tuple[Contender, ...],
    before: Callable[[str, str], None],
    *,
    prepared: bool = True,
    quick: tuple[Size, ...] = ({"tasks": 4000},),
    full: tuple[Size, ...] = ({"tasks": 100_000},),
) -> Case:
    """A case of lists."""
    return Case(
        name,
        about,
        contenders,
        quick=quick,
        full=full,
        columns=COLUMNS if name in ("tasks-cold", "tasks-beside") else {**COLUMNS, "changed": "changes stored"},
        per=("rows", "µs a task"),
        serve=served,
        prepare=prepare,
        requests=list_server.answered,
        before=before,
        prepared=prepared,
    )


LISTS = (
    case("tasks-cold", "A first load of the list of tasks.", (*ours(), NEW, LOOP, *PEERS), showing(), prepared=False),
    case("tasks-unchanged", "The same list once more, with nothing changed.", (*ours(), *PEERS, NEWEST), showing()),
    case(
        "tasks-changed",
        f"The same list when {CHANGED} tasks changed, spread over its age.",
        (*ours(), *PEERS, NEWEST),
        showing(measure={"changed": CHANGED}),
    ),
    case(
        "tasks-half",
        "A sweep through the list, eight days later, when half of its tasks are known.",
        (*ours(8), *PEERS),
        showing(prepare={"step": 2}),
    ),
    case(
        "tasks-history",
        "A sweep of tasks with a given number of known versions each, of which 500 changed.",
        ours(8),
        showing(measure={"changed": 500}),
        quick=tuple({"tasks": 1000, "versions": versions} for versions in (1, 10)),
        full=tuple({"tasks": 10_000, "versions": versions} for versions in (1, 10, 100)),
    ),
    case(
        "tasks-beside",
        "A first load of the list of tasks beside a history.",
        ours(),
        showing(),
        quick=(),
        full=tuple({"tasks": 24_000, "runs of a history": runs, "events of a run": 500} for runs in (40, 400, 4000)),
    ),
    case("summaries", "Summaries of all tasks, which are known.", ours(0.9), showing()),
    case(
        "runs",
        "The lists of runs of 500 tasks.",
        ours(0, "runs"),
        showing(),
        quick=({"tasks": 2000},),
        full=({"tasks": 10_000},),
    ),
)
