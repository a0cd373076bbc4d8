"""The filters and orders of the task list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.api import fields
from taskhouse.emulator.world.model import STATUSES, Task, is_pinned, visible
from taskhouse.emulator.world.texts import description_of

if TYPE_CHECKING:
    from taskhouse.emulator.api.endpoint import Call

Test = Callable[[Task], bool]

ORDERINGS: Final = ("-created_at", "-last_activity_at")
_THREE_WAY: Final = ("true", "false", "all")
_PR_STATES: Final = ("open", "draft", "merged", "closed", "unknown", "none")
_CI_STATES: Final = ("passing", "failing", "pending", "none")
_TRAILING_NUMBER: Final = re.compile(r"(\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. ``name`` is equal for equal filters."""

    name: tuple[Any, ...]
    keep: Callable[[Task], bool]
    key: Callable[[Task], tuple[Any, str]]


def by_creation(task: Task) -> tuple[Any, str]:
    """``created_at``, then id."""
    return (task.created_at, task.id)


def by_activity(task: Task) -> tuple[Any, str]:
    """``last_activity_at``, then id."""
    return (task.last_activity_at, task.id)


def task_filter(call: Call) -> Filter:
    """Read the query of the list. Unknown parameters are ignored; a value that no field accepts is 400."""
    ignored = call.service.settings.ignored_parameters
    query = {name: value for name, value in call.request.query_params.items() if name not in ignored}
    user = call.caller.user.id
    ordering = fields.choice(query, "ordering", ORDERINGS) or ORDERINGS[0]
    internal = fields.choice(query, "internal", _THREE_WAY) or "false"
    archived = fields.choice(query, "archived", _THREE_WAY) or ("all" if "archived" in ignored else "false")
    tests = _tests(query, user)

    def keep(task: Task) -> bool:
        return (
            not task.deleted
            and (internal == "all" or task.internal == (internal == "true"))
            and (archived == "all" or task.archived == (archived == "true"))
            and visible(task, user)
            and all(test(task) for _, test in tests)
        )

    name = (ordering, internal, archived, *(label for label, _ in tests))
    return Filter(name, keep, by_activity if ordering == "-last_activity_at" else by_creation)


def basic(call: Call) -> bool:
    """Whether the query asks for light rows."""
    if "basic" in call.service.settings.ignored_parameters:
        return False
    return bool(fields.boolean(call.request.query_params, "basic", default=False))


def _tests(query: Mapping[str, str], user: int) -> list[tuple[tuple[str, Any], Test]]:
    """The tests that the query asks for, each with the name and value that identify it."""
    found = []
    for name, (read, make) in _FILTERS.items():
        value = read(query, name)
        if value is not None:
            found.append(((name, value), make(value, user)))
    return found


def _text(query: Mapping[str, str], name: str) -> str | None:
    return query.get(name, "").strip().lower() or None


def _status(query: Mapping[str, str], name: str) -> str | None:
    return fields.choice(query, name, STATUSES)


def _pr_state(query: Mapping[str, str], name: str) -> str | None:
    return fields.choice(query, name, _PR_STATES)


def _ci_status(query: Mapping[str, str], name: str) -> str | None:
    return fields.choice(query, name, _CI_STATES)


def _truth(query: Mapping[str, str], name: str) -> bool | None:
    return fields.boolean(query, name, default=None)


def _on_repository(name: str) -> Callable[[Task], bool]:
    """``org/repo`` is exact; a bare name matches the end."""
    if "/" in name:
        return lambda task: task.repository == name
    return lambda task: (task.repository or "").endswith(f"/{name}")


def _matching(search: str) -> Callable[[Task], bool]:
    """A piece of the title or of the prompt; a number at the end also finds the task of that number."""
    found = _TRAILING_NUMBER.search(search)
    number = int(found[1]) if found else None
    return lambda task: (
        search in task.title.lower()
        or (number is not None and task.number == number)
        or search in description_of(task).lower()
    )


def _output(task: Task, name: str) -> str:
    run = task.latest_run
    value = ((run.output or {}) if run else {}).get(name)
    return value if isinstance(value, str) else "none"


def _latest_status(task: Task) -> str | None:
    run = task.latest_run
    return None if run is None else run.status


_FILTERS: Final[dict[str, tuple[Callable[[Mapping[str, str], str], Any], Callable[[Any, int], Test]]]] = {
    "origin_product": (_text, lambda value, _: lambda task: task.origin_product == value),
    "exclude_origin_product": (_text, lambda value, _: lambda task: task.origin_product not in value.split(",")),
    "client_provenance": (_text, lambda _value, _user: lambda _task: False),
    "stage": (_text, lambda value, _: lambda task: any((run.stage or "").lower() == value for run in task.runs)),
    "organization": (_text, lambda value, _: lambda task: (task.repository or "").startswith(f"{value}/")),
    "repository": (_text, lambda value, _: _on_repository(value)),
    "created_by": (fields.optional_integer, lambda value, _: lambda task: task.created_by == value),
    "search": (_text, lambda value, _: _matching(value)),
    "status": (_status, lambda value, _: lambda task: _latest_status(task) == value),
    "pr_state": (_pr_state, lambda value, _: lambda task: _output(task, "pr_state") == value),
    "ci_status": (_ci_status, lambda value, _: lambda task: _output(task, "ci_status") == value),
    "pinned": (_truth, lambda value, user: lambda task: is_pinned(task, user) == value),
    "channel": (
        fields.optional_uuid,
        lambda value, _: lambda task: task.channel is not None and task.channel.id == value,
    ),
    "commented_by": (fields.optional_integer, lambda _value, _user: lambda _task: False),
    "mentions": (fields.optional_integer, lambda _value, _user: lambda _task: False),
    "hog_flow_id": (fields.optional_uuid, lambda _value, _user: lambda _task: False),
}
"""How each filter reads its parameter (None: not asked for) and what it then demands of a task. Nothing here has
comments, mentions, flows or a provenance."""
