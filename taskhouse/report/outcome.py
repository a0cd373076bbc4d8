"""The outcome of readiness: whether runs succeed more often once their repository is ready.

Each repository is compared with itself, over as many whole weeks after its first lasting change to ready as before.
Where too few runs are known, nothing is said. What is found is no proof of a cause: a team that prepares a repository
may also give its agents other tasks. So the same weeks of the repositories that did not change stand beside it.
"""

from dataclasses import dataclass
from datetime import date

from taskhouse.pages.formatting import percent, signed
from taskhouse.plural import plural
from taskhouse.reading import Snapshot
from taskhouse.report.intervals import Difference, Sides, around, clustered, common, mean, newcombe, variance_of
from taskhouse.report.options import Scope
from taskhouse.report.query import forget, once, run_query
from taskhouse.report.summary import Sentence, Tone

WEEKS = 8
"""Weeks that count on each side of a change, at most."""

ENOUGH = 20
"""Runs on each side, below which nothing is said."""

BESIDE = 100
"""How many changes, those with most runs, are compared with what happened elsewhere."""

SIDES = ("before", "after")
EXACT = 12
"""Digits after the point of a sum of the database, whose order decides what follows."""

ANCHOR = "outcome"
CLEAR, OPEN, UNCLEAR = 75.0, 40.0, 5.0
"""How much the sentence weighs if the difference is clear and more than elsewhere, if it is clear, and if it is not."""


@dataclass(frozen=True, slots=True)
class Became:
    """A repository that became ready, with its runs in the weeks before and after.

    Attributes:
        day: The first day on which it was ready.
        weeks: Whole weeks on each side: as many after as before.
    """

    project_id: int
    name: str
    day: date
    weeks: int
    runs: Sides

    @property
    def difference(self) -> Difference | None:
        """Of the share of runs that succeed, after minus before; None if there are too few runs on a side."""
        return newcombe(self.runs) if min(self.runs.before, self.runs.after) >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class Others:
    """The same weeks in repositories whose readiness did not change.

    Attributes:
        repositories: How many they are.
        before: Their runs in weeks before a change; a run counts once, however many changes it stands beside.
        after: Their runs in weeks after one.
        value: The difference of their shares, weighted as the changes are.
        beyond: How much more the share rose where a repository became ready.
    """

    repositories: int
    before: int
    after: int
    value: float
    beyond: Difference


@dataclass(frozen=True, slots=True)
class Outcome:
    """What readiness did to the success of runs, as far as it is known.

    Attributes:
        became: Repositories with a lasting change to ready in the last year, the newest first.
        common: The difference over all of them; None if there are too few runs on a side.
        others: What happened elsewhere in the same weeks; None if too few runs are known.
    """

    became: tuple[Became, ...]
    common: Difference | None
    others: Others | None

    @property
    def counted(self) -> tuple[Became, ...]:
        """Those with a run on each side, which are what the common difference rests on."""
        return tuple(one for one in self.became if one.runs.weight)

    @property
    def telling(self) -> tuple[Became, ...]:
        """The same, those that weigh most first."""
        return tuple(sorted(self.counted, key=lambda one: (-one.runs.weight, one.name, one.project_id)))

    @property
    def shares(self) -> tuple[float, float]:
        """The shares that succeed before and after, with the repositories weighed alike on both sides."""
        sides = [one.runs for one in self.counted]
        total = sum(one.weight for one in sides)
        before, after = (
            sum(one.weight * share for one, share in zip(sides, shares, strict=True)) / total
            for shares in (
                [one.completed_before / one.before for one in sides],
                [one.completed_after / one.after for one in sides],
            )
        )
        return before, after

    @property
    def runs(self) -> Sides:
        """Their runs, added up."""
        sides = [one.runs for one in self.counted]
        return Sides(
            completed_before=sum(one.completed_before for one in sides),
            before=sum(one.before for one in sides),
            completed_after=sum(one.completed_after for one in sides),
            after=sum(one.after for one in sides),
        )


def gather(snapshot: Snapshot, scope: Scope, until: date) -> Outcome:
    """The outcome as far as it was known at the end of a day."""
    chosen = scope.parameters
    known = {"projects": chosen.pop("projects"), "until": until}
    [longest] = run_query(snapshot, "longest_window", projects=known["projects"])
    try:
        once(snapshot, "attempts", "report_attempts")
        run_query(snapshot, "outcome_runs", **known)
        run_query(snapshot, "outcome_stretches", window=longest["days"], **known)
        run_query(snapshot, "outcome_changes", weeks=WEEKS, until=until, **chosen)
        return weighed(snapshot, tuple(_became(**row) for row in run_query(snapshot, "outcome_sides")))
    finally:
        forget(snapshot, "outcome_runs", "outcome_stretches", "outcome_changes")


def weighed(snapshot: Snapshot, became: tuple[Became, ...]) -> Outcome:
    """The differences of repositories that became ready, beside what happened elsewhere."""
    found = Outcome(became, None, None)
    if min(found.runs.before, found.runs.after) < ENOUGH:
        return found
    most = found.telling[:BESIDE]
    [beside] = run_query(
        snapshot,
        "outcome_others",
        ids=[one.project_id for one in most],
        names=[one.name for one in most],
        weights=[one.runs.weight for one in most],
    )
    with_others = {(one["project_id"], one["repository"]) for one in beside["changes"] or ()}
    compared = [one.runs for one in most if (one.project_id, one.name) in with_others]
    return Outcome(became, common(one.runs for one in found.counted), _others(compared, beside))


def _became(project_id: int, repository: str, day: date, weeks: int, **runs: int) -> Became:
    return Became(project_id, repository, day, weeks, Sides(**runs))


def _others(compared: list[Sides], beside: dict[str, float]) -> Others | None:
    """The difference of two differences: their variances add up, since no run is in both."""
    here = [one for one in compared if one.weight]
    enough = min(beside["before"], beside["after"], *(sum(getattr(one, side) for one in here) for side in SIDES))
    if not here or enough < ENOUGH:
        return None
    value = round(beside["value"] / beside["weights"], EXACT)
    chance = beside["share"] * (1 - beside["share"]) * beside["spread"]
    variance = max(chance, clustered(beside["squares"], int(beside["repositories"]))) / beside["weights"] ** 2
    return Others(
        repositories=int(beside["repositories"]),
        before=int(beside["before"]),
        after=int(beside["after"]),
        value=value,
        beyond=around(mean(here) - value, round(variance_of(here) + variance, EXACT)),
    )


def sentences(found: Outcome) -> list[Sentence]:
    """The outcome for the top of a report; nothing where nothing can be said.

    It counts as good or bad only if it is clear, and clearly more than what happened where nothing changed.
    """
    if found.common is None:
        return []
    beyond = found.others.beyond if found.others else None
    is_sure = found.common.is_clear and beyond is not None and beyond.is_clear and beyond.value * found.common.value > 0
    tone: Tone = "even" if not is_sure else "good" if found.common.value > 0 else "bad"
    weight = CLEAR if is_sure else OPEN if found.common.is_clear else UNCLEAR
    return [Sentence(said(found).removesuffix(".") + _elsewhere(found, is_sure=is_sure), ANCHOR, tone, weight)]


def _elsewhere(found: Outcome, *, is_sure: bool) -> str:
    """The end of the sentence: what happened where nothing changed."""
    if found.common is None or not found.common.is_clear or found.others is None:
        return "."
    elsewhere = f"{points(found.others.value)} where nothing changed"
    return f"; {elsewhere}." if is_sure else f"; but {elsewhere}, so readiness may not be the reason."


def said(found: Outcome) -> str:
    """The common difference in words, if it is known."""
    if found.common is None:
        return ""
    runs, many = found.runs, len(found.counted)
    whose = "a repository" if many == 1 else "their repositories"
    rests = f"{runs.before + runs.after:,} runs of {many:,} {plural(many, 'repository', 'repositories')}"
    if not found.common.is_clear:
        return (
            f"Whether runs succeed more often once {whose} became ready is not clear:"
            f" {_points(found.common)}, from {rests}."
        )
    before, after = found.shares
    return (
        f"Runs succeeded {'more' if found.common.value > 0 else 'less'} often after {whose} became ready:"
        f" {percent(after)}, {percent(before)} before ({_points(found.common)}, from {rests})."
    )


def said_of_others(others: Others | None) -> str:
    """What happened elsewhere in the same weeks, in words."""
    if others is None:
        return "Too few runs are known of repositories that did not change in the same weeks."
    many = plural(others.repositories, "repository that", "repositories that")
    return (
        f"In the same weeks, success changed by {points(others.value)} in {others.repositories:,} {many} did not change"
        f" ({others.before:,} runs before, {others.after:,} after). The difference between the two is"
        f" {_points(others.beyond)}."
    )


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{signed(100 * share)} {plural(abs(round(100 * share)), 'point')}"


def interval(found: Difference) -> str:
    """The ends of an interval in percentage points."""
    return f"{signed(100 * found.low)} to {signed(100 * found.high)}"


def _points(found: Difference) -> str:
    return f"{points(found.value)}, {interval(found)} with 95% confidence"
