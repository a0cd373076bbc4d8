"""Answers about readiness, made up, and what follows from them day by day, computed plainly."""

import functools
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

Row = dict[str, Any]

STEPS = {"needs_setup": 0, "detected": 1, "waiting_for_data": 2, "ready": 3}
CAPABILITIES = ("core_suggestions_state", "replay_insights_state", "error_insights_state")


def score(row: Row) -> float | None:
    states = [row[name] for name in CAPABILITIES if row[name] != "not_applicable"]
    if not states or any(state not in STEPS for state in states):
        return None
    return round(100 * sum(STEPS[state] for state in states) / (3 * len(states)) + 1e-9, 1)


def is_gone(sightings: Iterable[Row], zone: str, project: int, repository: str, day: date) -> bool:
    """Whether the repository was there before, and is not at the end of a day."""
    own = sorted(
        (row for row in sightings if (row["project_id"], row["repository"]) == (project, repository)),
        key=lambda row: row["first_seen_at"],
    )
    night = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))
    begun = [row for row in own if row["first_seen_at"] < night]
    return bool(begun) and begun[-1]["absent_since"] is not None and begun[-1]["absent_since"] < night


def trend(
    answers: Iterable[Row], zone: str = "UTC", passes: Iterable[Row] = (), sightings: Sequence[Row] = ()
) -> list[Row]:
    """What ``readiness_trend`` must hold, computed one day after the other."""
    days: dict[tuple[Any, ...], dict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))
    last: dict[int, date] = {}
    for row in answers:
        day = row["observed_at"].astimezone(ZoneInfo(zone)).date()
        if not is_gone(sightings, zone, row["project_id"], row["repository"], day):
            days[row["project_id"], row["repository"], row["window_days"]][day].append(row)
        last[row["project_id"]] = max(day, last.get(row["project_id"], day))
    for row in passes:
        if row["resource"] == "readiness" and row["finished_at"] and row["project_id"] in last:
            day = row["started_at"].astimezone(ZoneInfo(zone)).date()
            last[row["project_id"]] = max(day, last[row["project_id"]])
    found: list[Row] = []
    for (project, repository, window), by_day in days.items():
        gone = functools.partial(is_gone, sightings, zone, project, repository)
        found += _course(project, repository, window, by_day, last[project], gone)
    return found


def _informed(row: Row) -> bool:
    return row["evidence"] == "scan" and row["overall"] is not None


def _course(
    project: int,
    repository: str,
    window: int,
    by_day: dict[date, list[Row]],
    last: date,
    gone: Callable[[date], bool],
) -> list[Row]:
    found: list[Row] = []
    known: Row | None = None
    first: date | None = None
    first_ready: date | None = None
    since: date | None = None
    segment, returns = 0, False
    days = [min(by_day) + timedelta(days=number) for number in range((last - min(by_day)).days + 1)]
    for day in days:
        if gone(day):
            returns = True
            continue
        if returns:
            known, since, segment, returns = None, None, segment + 1, False
        answers = sorted(by_day.get(day, []), key=lambda row: row["observed_at"])
        informed = [row for row in answers if _informed(row)]
        row = informed[-1] if informed else answers[-1] if answers else None
        given: Row = {
            "project_id": project,
            "repository": repository,
            "window_days": window,
            "day": day,
            "evidence": row["evidence"] if row else None,
            "answer": row,
            "overall": None,
            "classification": None,
            "readiness_score": None,
            "is_break": False,
            "previous_overall": None,
            "is_change": False,
            "changed_after": None,
            "days_in_state": None,
        }
        if row and informed:
            first = first or day
            breaks = known is not None and (known["classification"] or "") != (row["classification"] or "")
            if known is None or breaks or known["overall"] != row["overall"]:
                since = day
            given["is_break"] = breaks
            segment += breaks
            given["overall"], given["classification"] = row["overall"], row["classification"]
            given["readiness_score"] = score(row)
            if known is not None and not breaks:
                given["previous_overall"] = known["overall"]
                given["is_change"] = known["overall"] != row["overall"]
                given["changed_after"] = known["day"] if given["is_change"] else None
            assert since is not None
            given["days_in_state"] = (day - since).days + 1
            if row["overall"] == "ready" and first_ready is None:
                first_ready = day
            known = {**row, "day": day}
        given["segment"] = segment
        given["overall_carried"] = known["overall"] if known else None
        given["state_since"] = since
        given["first_ready_day"] = first_ready
        given["days_to_ready"] = (first_ready - first).days if first_ready and first else None
        found.append(given)
    return found


START = datetime(2026, 3, 27, 22, 0, tzinfo=UTC)


@st.composite
def snapshots(draw: st.DrawFn) -> list[Row]:
    rows = []
    moments: set[int] = set()
    for _ in range(draw(st.integers(0, 25))):
        minutes = draw(st.integers(0, 12 * 24 * 6).filter(lambda value: value not in moments)) * 10
        moments.add(minutes // 10)
        observed = START + timedelta(minutes=minutes)
        rows.append(
            {
                "project_id": draw(st.sampled_from([1, 1, 1, 2])),
                "repository": draw(st.sampled_from(["acme/a", "acme/b"])),
                "window_days": draw(st.sampled_from([7, 30])),
                "generated_at": observed - timedelta(seconds=draw(st.integers(0, 600))),
                "observed_at": observed,
                "overall": draw(st.sampled_from(["ready", "partial", "needs_setup", "brand_new", None])),
                "classification": draw(st.sampled_from(["frontend_js", "frontend_js", "unknown", None])),
                "evidence": draw(st.sampled_from(["scan", "scan", "scan", "empty_scan", "no_token"])),
                **{
                    name: draw(st.sampled_from([*STEPS, "not_applicable", "unknown", "brand_new"]))
                    for name in CAPABILITIES
                },
            }
        )
    return rows


@st.composite
def presence(draw: st.DrawFn) -> list[Row]:
    """Periods of two repositories, some of which are gone for a while or for good; a third was never named."""
    rows = []
    for repository in ("acme/a", "acme/b"):
        turns = sorted(draw(st.sets(st.integers(0, 12 * 24), max_size=4)))
        moments = [START + timedelta(hours=hours) for hours in (-1, *turns)]
        for seen, gone in itertools.zip_longest(moments[::2], moments[1::2]):
            rows.append({"project_id": 1, "repository": repository, "first_seen_at": seen, "absent_since": gone})
    return rows


REASONS = {state: f"It is {state}." for state in (*STEPS, "not_applicable", "unknown")}
NAMES = ("coreSuggestions", "replayInsights", "errorInsights")


def overall_of(states: Iterable[str]) -> str:
    """The state of a repository whose capabilities have these."""
    applying = {state for state in states if state != "not_applicable"}
    if len(applying) == 1 and applying <= {"ready", "needs_setup", "detected"}:
        return applying.pop()
    return "unknown" if not applying else "detected" if applying == {"needs_setup", "detected"} else "partial"


def answer(project: int, repository: str, when: datetime, states: Sequence[str], **more: Any) -> Row:
    """An answer after a scan; its payload has a reason and a count for each capability."""
    said = {
        name: {"state": state, "reason": REASONS[state], "evidence": {"count": when.minute}}
        for name, state in zip(NAMES, states, strict=True)
    }
    return {
        "project_id": project,
        "repository": repository,
        "window_days": 7,
        "generated_at": when,
        "observed_at": when,
        "overall": overall_of(states),
        "classification": "frontend_js",
        "evidence": "scan",
        **dict(zip(CAPABILITIES, states, strict=True)),
        "payload": json.dumps(said),
    } | more


def weeks(
    dice: random.Random, begin: datetime, days: int = 26, levels: Sequence[int] = range(4)
) -> tuple[list[Row], list[Row]]:
    """Answers of two projects over some weeks, and when their repositories were there.

    States walk; a project switches a capability off and on; nobody asks for some days; an answer brings no information;
    a repository is put into another class, and one is gone for a while; a day has a second answer.
    """
    answers: list[Row] = []
    sightings: list[Row] = []
    for project in (1, 2):
        off = {dice.choice(NAMES): range(at := dice.randrange(days), at + dice.randrange(2, 9))}
        outage = range(at := dice.randrange(days), at + dice.randrange(1, 5))
        for repository in ("acme/a", "acme/b", "acme/c", "acme/d"):
            moved, born = dice.choice([dice.randrange(days), days]), dice.choice([0, 0, 0, dice.randrange(6)])
            level = [dice.choice(levels) for _ in NAMES]
            for day in range(born, days):
                level = [dice.choice(levels) if dice.random() < 0.08 else old for old in level]
                if day in outage or dice.random() < 0.06:
                    continue
                states = [
                    list(STEPS)[min(reached, 1) if day in off.get(name, ()) else reached]
                    for name, reached in zip(NAMES, level, strict=True)
                ]
                kind = "backend_service" if day >= moved else "frontend_js"
                if kind == "backend_service":
                    states[1] = "not_applicable"
                for _ in range(dice.choice([1, 1, 1, 2])):
                    when = begin + timedelta(days=day, minutes=dice.randrange(1440), seconds=len(answers) % 60)
                    evidence = dice.choice(["scan"] * 15 + ["empty_scan", "no_token"])
                    answers.append(answer(project, repository, when, states, classification=kind, evidence=evidence))
            turns = [-1, *sorted(dice.sample(range(days * 24), 2 * dice.choice([0, 0, 1])))]
            moments = [begin + timedelta(hours=hours) for hours in turns]
            for seen, gone in itertools.zip_longest(moments[::2], moments[1::2]):
                where = {"project_id": project, "repository": repository}
                sightings.append({**where, "first_seen_at": seen, "absent_since": gone})
    return answers, sightings
