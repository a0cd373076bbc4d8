"""Who moved, and why: each with the change that decided it, and those with one cause together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from taskhouse.pages.formatting import EN_DASH, short
from taskhouse.report.answers import counts
from taskhouse.report.model import STATES, Bridge, Change, Group, Mover, Repository, Switch, label

CAPABILITIES = {
    "core_suggestions": "Core suggestions",
    "replay_insights": "Replay insights",
    "error_insights": "Error insights",
}
DIRECTION = {"ready": "up", "up": "up", "slipped": "down"}
WAYS = ("ready", "slipped", "up")


def movers(
    repositories: Iterable[Repository],
    window: int,
    changes: Sequence[Change],
) -> list[Mover]:
    """Repositories whose state at the end is another than at the base.

    Args:
        repositories: With their standings.
        window: Over which window.
        changes: Changes between the base and the end, in the order of days.
    """
    found, by_repository = [], _by_repository(changes)
    for one in repositories:
        way = one.way(window)
        if way:
            before, after = one.base[window].state, one.now[window].state
            change = deciding(by_repository.get(one.key, []), way, before, after)
            counted = counts(change.capability_evidence) if change else ""
            found.append(Mover(one, way, before, after, change, counted))
    return found


def deciding(changes: Sequence[Change], way: str, before: str, after: str) -> Change | None:
    """Of the changes of a repository, in the order of days, the one that decided.

    Who was ready slipped when it last stopped being so; everybody else moved when it last came to the state that it has
    now. Where no change is that, it is the one with the most steps that way, and of equals the newest.
    """
    there = [change for change in changes if change.direction == DIRECTION[way]]
    if way == "slipped" and before == "ready":
        decided = [change for change in there if change.from_state == before]
    else:
        decided = [change for change in there if change.to_state == after]
    if decided:
        return decided[-1]
    return max(there or changes, key=lambda change: (_steps(change), change.day), default=None)


def groups(found: Iterable[Mover]) -> list[Group]:
    """Movers with one cause together: first who became ready, then who slipped, and the largest groups first."""
    together: dict[tuple[str, ...], list[Mover]] = defaultdict(list)
    for mover in found:
        together[mover.way, *_cause(mover)].append(mover)
    made = [_group(here) for here in together.values()]
    return sorted(made, key=lambda group: (WAYS.index(group.way), -len(group.movers), group.title, group.reason))


def switches(changes: Iterable[Change]) -> list[Switch]:
    """Changes of a project that moved more than one repository."""
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.cause == "project":
            found[change.cause_id].append(change)
    made = [Switch(here[0].project_id, here[0].day, title(here[0]), len(here)) for here in found.values()]
    return sorted((one for one in made if one.repositories > 1), key=lambda one: (-one.repositories, one.day))


def bridge(repositories: Iterable[Repository], window: int, gone: Iterable[str | None]) -> Bridge:
    """How the number of ready repositories came about; ``gone`` are the base states of those that are not there now."""
    before, came, got, lost, went = 0, 0, 0, 0, 0
    for one in repositories:
        now, base = one.now.get(window), one.base.get(window)
        is_now, was = bool(now and now.state == "ready"), bool(base and base.state == "ready")
        before += was
        got += is_now and not was and bool(base and base.is_known)
        came += is_now and not (base and base.is_known)
        lost += was and not is_now and bool(now and now.is_known)
        went += was and not (now and now.is_known)
    left = sum(state == "ready" for state in gone)
    return Bridge(before + left, got, lost, came, went + left)


def title(change: Change | None) -> str:
    """What happened, in a few words."""
    if change is None:
        return "Cause not known"
    name, before, after = CAPABILITIES.get(change.capability or ""), change.capability_from, change.capability_to
    moved = f"{name}: {label(before)} \u2192 {label(after)}" if name else "No capability moved that way"
    if change.cause == "project":
        switched = "on" if before == "detected" else "off" if after == "detected" else None
        return f"{name} switched {switched} for the project" if switched else f"{moved}, for the whole project"
    if change.cause == "classifier":
        kinds = [label(kind or "unknown") for kind in (change.classification_from, change.classification_to)]
        return f"The server classified the repository again: {kinds[0]} \u2192 {kinds[1]}"
    if change.cause == "missing_data":
        return "Changed while there was no information"
    return "Was gone, and came back" if change.cause == "presence" else moved


def _group(here: list[Mover]) -> Group:
    change = here[0].change
    reasons = {(mover.change.reason or "") if mover.change else "" for mover in here}
    reason = reasons.pop() if len(reasons) == 1 else ""
    members = sorted(here, key=lambda mover: (mover.repository.name, mover.repository.project_id))
    return Group(here[0].way, change.cause if change else "unknown", title(change), reason, tuple(members))


def _cause(mover: Mover) -> tuple[str, ...]:
    """What movers of one group share: the change of their project, or what happened to each and why."""
    change = mover.change
    if change is None:
        return ("",)
    if change.cause == "project":
        return change.cause, change.cause_id, change.capability_from or "", change.capability_to or ""
    return (change.cause,) if change.cause == "missing_data" else (change.cause, title(change), change.reason or "")


def when(change: Change) -> str:
    """The day of a change, or the days between which it happened."""
    if change.cause == "missing_data" and change.changed_after:
        return f"{short(change.changed_after)} {EN_DASH} {short(change.day)}"
    return short(change.day)


def _by_repository(changes: Iterable[Change]) -> dict[tuple[int, str], list[Change]]:
    found: dict[tuple[int, str], list[Change]] = defaultdict(list)
    for change in changes:
        found[change.project_id, change.repository].append(change)
    return found


def _steps(change: Change) -> int:
    if change.from_state not in STATES or change.to_state not in STATES:
        return 0
    return abs(STATES.index(change.to_state) - STATES.index(change.from_state))
