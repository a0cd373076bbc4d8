"""The reference of settings in Markdown, made from the settings themselves.

``python -m taskhouse.pipelines.cli.settings > docs/settings.md`` writes it; a test compares.
"""

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from taskhouse.resources.registry import OPTIONAL
from taskhouse.settings import Settings
from taskhouse.values import CRONS
from taskhouse.variables import RETIRED, variable

HEAD = """# Settings

Generated from the code by `python -m taskhouse.pipelines.cli.settings > docs/settings.md`.

You must set the key and the projects, and the host unless it is `https://us.posthog.com`. These are the settings that
people change first:

| to | set |
| --- | --- |
| say what to fetch | `POSTHOG_HOST`, `POSTHOG_PERSONAL_API_KEY`, `POSTHOG_PROJECT_IDS` |
| keep the data in a fixed place | `TASKHOUSE_HOME` |
| store no prompts, messages or tool output | `TASKHOUSE_CAPTURE_TEXT` |
| let colleagues read the published copies | `TASKHOUSE_READERS_GROUP` |
| turn the schedules on, or run them at other times | `TASKHOUSE_SCHEDULES`, `TASKHOUSE_CRONS` |
| let days begin at your midnight | `TASKHOUSE_TIMEZONE` |
| leave room for other programs that use the same key | `TASKHOUSE_REQUESTS_PER_HOUR` |
| share the limit of a key with other machines | `TASKHOUSE_BUDGET` |
| fetch what tasks cost | `TASKHOUSE_TASK_USAGE` |
| choose the windows of readiness | `TASKHOUSE_READINESS_WINDOWS` |
| make the first load shorter | `TASKHOUSE_FIRST_LOAD_DAYS` |

## How settings are read

Each setting is one environment variable and has no other name. You can also put it into a file `.env` in the folder
where you start `taskhouse`; the environment takes precedence. taskhouse refuses a `TASKHOUSE_…` variable that is not a
setting, so a misspelt setting never goes unnoticed. It ignores the `POSTHOG_…` variables of other tools. If one of
them looks like a misspelt setting, taskhouse warns and continues. There is one exception: if a key is set and
`POSTHOG_HOST` is not, it refuses a variable that looks like `POSTHOG_HOST`, such as `POSTHOG_URL`, because the key
would go to the default host. An error names the variable and the allowed values, but never its value.

If the key comes from the environment and `POSTHOG_HOST` from a `.env` file, taskhouse accepts only the hosts of PostHog
Cloud. Otherwise a folder that you happen to enter could choose where your key goes.
"""

GROUPS: dict[str, tuple[str, dict[str, str]]] = {
    "PostHog and the key": (
        (
            "PostHog Cloud has two regions, and a key is valid in only one of them: `https://us.posthog.com` or"
            " `https://eu.posthog.com`."
        ),
        {
            "host": "https://eu.posthog.com",
            "api_key": "phx_…",
            "project_ids": "1,2",
            "requests_per_hour": "2400",
            "budget": "postgresql://taskhouse:…@db.example.com/taskhouse",
            "budget_shards": "4",
        },
    ),
    "Data and privacy": (
        (
            "By default taskhouse keeps everything that agents and people wrote: prompts, messages and tool output,"
            " including any e-mail addresses and secrets in them.\n\n"
            "The default home is in the folder where you start `taskhouse`. Run every command from the same folder, or"
            " set `TASKHOUSE_HOME` to an absolute path. If you copy a home, both copies have the same id, and taskhouse"
            " treats what they write as one history. Sync only one of them, and give each its own folder for backups."
        ),
        {
            "home": "~/taskhouse",
            "directory": "~/taskhouse.toml",
            "capture_text": "none",
            "readers_group": "analysts",
            "spool_free_gb": "5",
        },
    ),
    "The weekly digest": (
        "`taskhouse digest --send` and the asset `digest`, which exists if `TASKHOUSE_NOTIFY` is set, send it.",
        {
            "notify": "slack://TokenA/TokenB/TokenC/#agents",
            "report_url": "https://example.com/readiness.html",
        },
    ),
    "The site": ("`taskhouse site` writes it too.", {"site": "/srv/taskhouse"}),
    "Schedules and Dagster": (
        "",
        {
            "schedules": "true",
            "crons": "tasks=*/15 * * * *;views=0 6 * * *",
            "timezone": "Europe/Berlin",
            "keep_runs_days": "30",
            "asset_prefix": "eu",
        },
    ),
    "What is fetched, and how often": (
        "",
        {
            **dict.fromkeys(OPTIONAL, "true"),
            "readiness_windows": "7,30",
            "readiness_overrides": "acme/web=7,30;acme/docs=",
            "readiness_refresh": "daily",
            "first_load_days": "90",
            "first_load_tasks": "5000",
            "sweep_hours": "12",
        },
    ),
    "Streams and logs": (
        "",
        {
            "capture_seconds": "120",
            "tail_poll_s": "15",
            "max_streams": "100",
            "stream_leg": "auto",
            "stream_windows": "5000",
            "log_final_s": "1800",
        },
    ),
    "A lake of several machines": (
        "Each machine is a shard with a home of its own. [lake.md](lake.md) explains how they share a lake.",
        {
            "shard": "eu1",
            "lake": "ducklake:postgres:dbname=lake host=db.example.com",
            "lake_data": "s3://example-lake/taskhouse",
            "lake_http": "true",
        },
    ),
    "Waiting and exceptions": ("", {"lock_wait_s": "300", "accept": "absences"}),
}
"""By heading, what to know first, and an example of each setting."""

TYPES = {
    "api_key": "key",
    "project_ids": "whole numbers, separated by commas",
    "readiness_windows": "days, separated by commas",
    "stream_windows": "whole numbers, separated by commas",
    "readiness_overrides": "windows by repository, separated by semicolons",
    "crons": "cron expressions by schedule, separated by semicolons",
    "accept": "`viewer` or `absences`, or both, separated by a comma",
    "host": "URL",
    "home": "path",
    "budget": "URL",
    "notify": "addresses, separated by spaces",
    "report_url": "URL",
    "directory": "path",
    "site": "path",
    "lake": "address",
    "lake_data": "path or address",
}
"""Types that an annotation does not tell."""

WIDTH = 120
UNITS = {"_s": "seconds", "_seconds": "seconds", "_hours": "hours", "_days": "days", "_gb": "gigabytes"}


def reference() -> str:
    """The whole reference."""
    return "\n".join([HEAD, *_groups(), *_times(), *_retired()])


def _groups() -> Iterator[str]:
    for title, (about, examples) in GROUPS.items():
        paragraphs = [textwrap.fill(text, WIDTH, break_on_hyphens=False) for text in about.split("\n\n") if text]
        yield "".join(f"{text}\n\n" for text in (f"## {title}", *paragraphs)).rstrip("\n") + "\n"
        yield from _table(
            ("variable", "meaning", "type and unit", "default", "example"),
            [
                (
                    f"`{variable(name)}`",
                    str(Settings.model_fields[name].description),
                    _type(name, Settings.model_fields[name].annotation),
                    _shown(Settings.model_fields[name].get_default(call_default_factory=True)),
                    f"`{example}`",
                )
                for name, example in examples.items()
            ],
        )


def _times() -> Iterator[str]:
    yield "## Default times of the schedules\n"
    yield "`TASKHOUSE_CRONS` changes the times that it names; the others stay.\n"
    yield from _table(("schedule", "default"), [(f"`{name}`", f"`{time}`") for name, time in CRONS.items()])


def _retired() -> Iterator[str]:
    yield "## Variables that are no longer settings\n"
    yield "taskhouse refuses these variables, so that you notice what changed.\n"
    yield from _table(("variable", "what holds now"), [(f"`{name}`", advice) for name, advice in RETIRED.items()])


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield from (f"| {' | '.join(cells)} |" for cells in (heads, ("---",) * len(heads), *rows))
    yield ""


def _type(name: str, annotation: Any) -> str:
    """What a value is, and its unit."""
    if name in TYPES:
        return TYPES[name]
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    kinds: Mapping[Any, str] = {bool: "`true` or `false`", str: "text", float: unit or "number"}
    return kinds.get(annotation, f"whole number of {unit}" if unit else "whole number")


def _shown(default: Any) -> str:
    """A default as one would write it in the environment."""
    match default:
        case bool():
            text = str(default).lower()
        case tuple():
            text = ",".join(map(str, default))
        case Path() | str() | int():
            text = str(default)
        case float():
            text = f"{default:g}"
        case _:
            text = ""
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.stdout.write(reference().rstrip("\n") + "\n")
