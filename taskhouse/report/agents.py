"""What the agents did in a period, beside what is usual: the medians of the periods before."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.report.decomposition import ENDS, Counts, Key, Part, carrying, ends, mean, middle, parts
from taskhouse.report.intervals import Difference, Sides, newcombe, wilson
from taskhouse.report.options import Period, Scope
from taskhouse.report.query import forget, once, run_query

SHOWN = 8
"""How many models, failures, tools and stuck runs are listed."""

ENOUGH = 20
"""Runs in the period, and in those before, below which a change of success is not explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Attempts that ended in a period. A sum or a percentile of nothing is None, and never 0.

    Attributes:
        p50_s: Median seconds from beginning to end, including waiting time.
        p90_s: The 90th percentile of the same.
        cost_usd: What the runs cost whose events tell, in US dollars.
        cost_known: How many those are.
        tokens: Tokens of the runs whose events tell.
        tokens_known: How many those are.
    """

    ended: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    p50_s: float | None = None
    p90_s: float | None = None
    cost_usd: float | None = None
    cost_known: int = 0
    tokens: float | None = None
    tokens_known: int = 0

    @property
    def success(self) -> float | None:
        """Completed attempts among those that ended."""
        return self.completed / self.ended if self.ended else None

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the interval of :attr:`success`."""
        return wilson(self.completed, self.ended)

    @property
    def run_usd(self) -> float | None:
        """Dollars a run, of those whose cost is known."""
        return None if self.cost_usd is None else self.cost_usd / self.cost_known

    @property
    def run_tokens(self) -> float | None:
        """Tokens a run, of those whose tokens are known."""
        return None if self.tokens is None else self.tokens / self.tokens_known


@dataclass(frozen=True, slots=True)
class Usual:
    """The medians of the periods before; None if a value is known of none of them."""

    ended: float | None
    success: float | None
    p50_s: float | None
    run_usd: float | None


@dataclass(frozen=True, slots=True)
class Model:
    """The work of one model with one agent.

    Attributes:
        part: What it adds to the change of the success of all, in percentage points; None without a comparison.
    """

    name: str | None
    adapter: str | None
    work: Work
    usual: Usual
    part: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Failed attempts with one fingerprint.

    Attributes:
        fingerprint: None if the server gave no message, or none is kept.
        hours: From beginning to failure, added up; None if no beginning is known.
        usual: The median of the hours of the periods before.
        repositories: In how many repositories.
        project_id: Of the newest of them, as an example; so are the next four.
    """

    fingerprint: str | None
    failures: int
    hours: float | None
    usual: float | None
    repositories: int
    project_id: int
    task_id: str
    run_id: str
    repository: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Tool:
    """Calls of one tool that began in the period.

    Attributes:
        usual: The median of the shares that failed in the periods before.
    """

    name: str
    calls: int
    ended: int
    failed: int
    p50_s: float | None
    usual: float | None

    @property
    def failure_rate(self) -> float | None:
        """Failed calls among those that ended."""
        return self.failed / self.ended if self.ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequests:
    """Pull requests of a period, by when they were first seen open and merged.

    Attributes:
        merged_unsure: First seen merged, and it is not known that this was after the day before the period.
        cost_usd: The cost of those of the merged ones whose cost is known.
        cost_known: How many those are.
    """

    opened: int = 0
    opened_unsure: int = 0
    merged: int = 0
    merged_unsure: int = 0
    cost_usd: float | None = None
    cost_known: int = 0

    @property
    def merged_usd(self) -> float | None:
        """Dollars for a merged one, of those whose cost is known."""
        return None if self.cost_usd is None else self.cost_usd / self.cost_known


@dataclass(frozen=True, slots=True)
class Standing:
    """A run that did not move at the end of the period.

    Attributes:
        is_new: Whether it has stood still since a time within the period.
    """

    project_id: int
    task_id: str
    run_id: str
    title: str
    repository: str | None
    status: str
    stuck_since: datetime
    stuck_s: float
    stuck_reason: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents' half of a report.

    Attributes:
        periods: The work of the period, and of each one before: the newest first.
        change: How the success differs from the usual, in percentage points.
        clear: The difference from all periods before together, with its interval; None if there are too few runs.
        because: What carries most of the change; None if nothing does, or if the change may be chance.
        usage_known: Whether PostHog ever said what a task cost.
        failures: The failures that cost most hours; tools and stuck runs are as many, with how many there are in all.
    """

    period: Period
    baseline: tuple[Period, ...]
    periods: tuple[Work, ...]
    usual: Usual
    change: float | None
    clear: Difference | None
    because: Part | None
    models: list[Model]
    failures: list[Failure]
    pull_requests: tuple[PullRequests, ...]
    usage_known: bool
    tools: list[Tool]
    stuck: list[Standing]

    @property
    def work(self) -> Work:
        """The work of the period."""
        return self.periods[0]

    @property
    def is_clear(self) -> bool:
        """Whether the change of success is beyond chance."""
        return _is_clear(self.change, self.clear)

    @property
    def most(self) -> int:
        """The most that ended in one of the periods."""
        return max(one.ended for one in self.periods)

    @property
    def unit(self) -> str:
        """What to call the period."""
        return "period" if self.period.unit == "days" else self.period.unit

    @property
    def new(self) -> int:
        """Runs that have been stuck since a time within the period."""
        return sum(one.is_new for one in self.stuck)


def gather(snapshot: Snapshot, scope: Scope, period: Period, baseline: tuple[Period, ...]) -> Agents:
    """What the agents did in a period, and in those before."""
    every = (period, *baseline)
    asked = scope.parameters
    try:
        once(snapshot, "attempts", "report_attempts")
        run_query(
            snapshot,
            "agents_periods",
            sinces=[one.since for one in every],
            untils=[one.until for one in every],
        )
        run_query(snapshot, "agents_ended", **asked)
        work: list[dict[Key | None, Work]] = [{} for _ in every]
        for row in run_query(snapshot, "agents_work"):
            number, is_total, model, adapter = (
                row.pop(name) for name in ("number", "is_total", "model", "runtime_adapter")
            )
            work[number][None if is_total else (model, adapter)] = Work(**row)
        shares = _shares(run_query(snapshot, "agents_shares"), len(every))
        failures = _failures(run_query(snapshot, "agents_failures"), len(baseline))
        pull_requests = _pull_requests(run_query(snapshot, "agents_pull_requests", **asked), len(every))
        tools = _tools(run_query(snapshot, "agents_tools", **asked), len(baseline))
    finally:
        forget(snapshot, "agents_ended", "agents_periods")
    periods = tuple(one.get(None, Work()) for one in work)
    usual = _usual(periods[1:])
    change = 100 * (periods[0].success - usual.success) if periods[0].success is not None and usual.success else None
    clear, found = _clear(periods), _parts(periods, shares)
    added = {part.key: part.points for part in found if part.kind == "model"}
    return Agents(
        period=period,
        baseline=baseline,
        periods=periods,
        usual=usual,
        change=change,
        clear=clear,
        because=carrying(change, found) if change and _is_clear(change, clear) else None,
        models=[
            Model(key[0], key[1], now, _usual([one.get(key, Work()) for one in work[1:]]), added.get(key))
            for key, now in work[0].items()
            if key is not None
        ],
        failures=failures,
        pull_requests=pull_requests,
        usage_known=bool(run_query(snapshot, "agents_usage", projects=asked["projects"])[0]["known"]),
        tools=tools,
        stuck=[
            Standing(**row)
            for row in run_query(snapshot, "agents_stuck", since=period.since, until=period.until, **scope.parameters)
        ],
    )


def _usual(before: Sequence[Work]) -> Usual:
    return Usual(
        _median(one.ended for one in before),
        _median(one.success for one in before),
        _median(one.p50_s for one in before),
        _median(one.run_usd for one in before),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _is_clear(change: float | None, clear: Difference | None) -> bool:
    """Whether a change is beyond chance, and to the same side from the median and from all periods before together."""
    return change is not None and clear is not None and clear.is_clear and change * clear.value > 0


def _clear(periods: Sequence[Work]) -> Difference | None:
    """The success of the period, minus that of all the periods before together."""
    now, before = periods[0], sum(one.ended for one in periods[1:])
    if min(now.ended, before) < ENOUGH:
        return None
    completed = sum(one.completed for one in periods[1:])
    return newcombe(Sides(completed_before=completed, before=before, completed_after=now.completed, after=now.ended))


def _shares(rows: Sequence[Mapping[str, Any]], count: int) -> list[dict[str, dict[Key, Counts]]]:
    """For each period and kind, the runs by what names them."""
    found: list[dict[str, dict[Key, Counts]]] = [defaultdict(dict) for _ in range(count)]
    for row in rows:
        found[row["number"]][row["kind"]][row["name"], row["adapter"]] = Counts(row["ended"], row["completed"])
    return found


def _parts(periods: Sequence[Work], shares: Sequence[Mapping[str, Mapping[Key, Counts]]]) -> list[Part]:
    """What the change of success from the usual is made of, by model, by repository, and by how runs ended."""
    if not periods[0].ended:
        return []
    chosen = [at + 1 for at in middle([Counts(one.ended, one.completed) for one in periods[1:]])]
    found: list[Part] = []
    for kind in ("model", "repository"):
        found += mean([parts(kind, shares[0][kind], shares[at][kind]) for at in chosen])
    ways = [{(kind, key): one.ended for kind in ENDS for key, one in each.get(kind, {}).items()} for each in shares]
    return found + mean([ends(ways[0], ways[at], periods[0].ended, periods[at].ended) for at in chosen])


def _failures(rows: Sequence[Mapping[str, Any]], before: int) -> list[Failure]:
    hours = _before(rows, "fingerprint", lambda row: row["hours"], before)
    return [
        Failure(
            row["fingerprint"],
            row["failures"],
            row["hours"],
            median([*hours[row["fingerprint"]], *[0.0] * (before - len(hours[row["fingerprint"]]))])
            if before
            else None,
            row["repositories"],
            **row["example"],
        )
        for row in rows
        if row["number"] == 0
    ]


def _tools(rows: Sequence[Mapping[str, Any]], before: int) -> list[Tool]:
    rates = _before(rows, "tool", lambda row: row["failed"] / row["ended"] if row["ended"] else None, before)
    return [
        Tool(row["tool"], row["calls"], row["ended"], row["failed"], row["p50_s"], _median(rates[row["tool"]]))
        for row in rows
        if row["number"] == 0
    ]


def _before(
    rows: Sequence[Mapping[str, Any]], name: str, value: Callable[[Mapping[str, Any]], float | None], before: int
) -> dict[str | None, list[float]]:
    """The known values of the periods before, by name."""
    found: dict[str | None, list[float]] = defaultdict(list)
    for row in rows if before else ():
        known = value(row) if row["number"] else None
        if known is not None:
            found[row[name]].append(known)
    return found


def _pull_requests(rows: Sequence[Mapping[str, Any]], count: int) -> tuple[PullRequests, ...]:
    found = {row["number"]: PullRequests(**{name: row[name] for name in row if name != "number"}) for row in rows}
    return tuple(found.get(number, PullRequests()) for number in range(count))
