"""The numbers of the report for machines, as JSON."""

from dataclasses import asdict
from typing import Any

from taskhouse.report import steps
from taskhouse.report.agents import SHOWN
from taskhouse.report.intervals import Difference
from taskhouse.report.model import STATES, Count, Mover, Report, Repository
from taskhouse.report.options import Period
from taskhouse.report.outcome import Outcome

REPOSITORY = ("project_id", "repository", "state", "since", "base", "way")
MOVER = ("project_id", "repository", "way", "from_state", "to_state", "day", "cause", "cause_id", "reason", "evidence")
COUNT = ("known", "carried", *STATES)
SIDES = ("completed_before", "before", "completed_after", "after")
OUTCOME = ("project_id", "repository", "ready_since", "weeks", *SIDES)
RUNS = ("completed", "failed", "cancelled", "p50_s", "p90_s", "cost_usd", "cost_known")


def data(report: Report) -> dict[str, Any]:
    """Every number of the report. ``columns`` names what is in each row of a list."""
    return {
        "format": 2,
        "as_of": report.as_of.isoformat(),
        "period": _days(report.period),
        "unit": report.period.unit,
        "baseline": [_days(one) for one in report.baseline],
        "base": report.base.isoformat(),
        "windows": report.windows,
        "window": report.window,
        "known": len(report.known),
        "ready": report.ready,
        "usual": _count(report.usual) if report.usual else None,
        "usual_share_ready": report.usual.share if report.usual else None,
        "bridge": asdict(report.bridge),
        "columns": {"repositories": REPOSITORY, "movers": MOVER, "counts": COUNT},
        "repositories": [_repository(one, report.window) for one in report.repositories],
        "movers": [_mover(one) for group in report.groups for one in group.movers],
        "switches": [[one.project_id, one.day.isoformat(), one.title, one.repositories] for one in report.switches],
        "steps": [
            {
                "target": step.target,
                "needs": [[need.capability, need.state, need.reason] for need in step.needs],
                "repositories": [one.key for one in here],
            }
            for step, here in steps.shared(report.known)
        ],
        "weeks": [[*_days(week), _count(count)] for week, count in report.weeks],
        "days": [_count(count) for count in report.days],
        "agents": {
            "columns": RUNS,
            "periods": [[_rounded(getattr(one, name)) for name in RUNS] for one in report.agents.periods],
            "change": _rounded(report.agents.change),
            "failures": [
                [one.fingerprint, one.failures, _rounded(one.hours)] for one in report.agents.failures[:SHOWN]
            ],
            "pull_requests": [[one.opened, one.merged, _rounded(one.cost_usd)] for one in report.agents.pull_requests],
            "stuck": len(report.agents.stuck),
        },
        "outcome": _outcome(report.outcome),
        "campaigns": [
            [one.name, one.target, one.by.isoformat(), one.now.members, one.now.reached, one.on_track]
            for one in report.campaigns
        ],
        "coverage": {
            "complete": report.coverage.complete,
            "known": report.coverage.known,
            "expected": report.coverage.expected,
            "gaps": report.coverage.gaps,
            "quarantined": report.coverage.quarantined,
            "missing": report.coverage.missing,
            "viewers": report.coverage.viewers,
            "passes": [
                [
                    one.project_id,
                    one.resource,
                    one.verdict,
                    one.finished_at.isoformat() if one.finished_at else None,
                    one.proof,
                    one.proven_at.isoformat() if one.proven_at else None,
                ]
                for one in report.coverage.passes
            ],
        },
    }


def _repository(one: Repository, window: int) -> list[Any]:
    now, base = one.now.get(window), one.base.get(window)
    return [
        one.project_id,
        one.name,
        now.state if now else None,
        now.since.isoformat() if now else None,
        base.state if base else None,
        one.way(window),
    ]


def _mover(one: Mover) -> list[Any]:
    change = one.change
    return [
        one.repository.project_id,
        one.repository.name,
        one.way,
        one.before,
        one.after,
        *([change.day.isoformat(), change.cause, change.cause_id, change.reason] if change else [None] * 4),
        one.evidence,
    ]


def _count(count: Count) -> list[float]:
    return [_short(count.known), _short(count.carried), *(_short(count.states.get(state, 0)) for state in STATES)]


def _short(value: float) -> float:
    """A whole number without its point."""
    return int(value) if value == int(value) else value


def _rounded(value: float | None) -> float | None:
    """A number as the same data gives it every time: the last digits of a sum depend on the order of its parts."""
    return value if value is None else round(value, 4)


def _outcome(found: Outcome) -> dict[str, Any]:
    """The common difference of success, that beyond what happened elsewhere, and the runs that both rest on."""
    beyond = found.others.beyond if found.others else None
    return {
        "columns": OUTCOME,
        "repositories": [
            [one.project_id, one.name, one.day.isoformat(), one.weeks, *(getattr(one.runs, name) for name in SIDES)]
            for one in found.telling[:SHOWN]
        ],
        "counted": len(found.counted),
        "runs": [getattr(found.runs, name) for name in SIDES],
        "common": _interval(found.common),
        "beyond": _interval(beyond),
    }


def _interval(found: Difference | None) -> list[Any] | None:
    return None if found is None else [_rounded(end) for end in (found.value, found.low, found.high)]


def _days(period: Period) -> list[str]:
    return [period.since.isoformat(), period.until.isoformat()]
