"""Checks of an asset, declared beside it and answered from the warehouse in the same step.

``complete_<project>`` shows the ledger's verdict on that project, whichever project a run was for, so that one
project's failure is never shown as another's. The other checks look at the project of the run.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from assets.family import Family, Table
from assets.questions import Questions

CAPTURE_LAG_S = 1800.0
"""How long the server keeps the stream of a finished run (API facts 5.4)."""

FOREVER = 10.0 * 365 * 86400
NEW = "segment IN (SELECT segment FROM ledger.segments WHERE loaded_at >= $since)"


def verdict_name(project: str) -> str:
    """The check that shows the ledger's verdict on a project."""
    return f"complete_{project}"


def specs(family: Family, projects: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Every check of a family, in the order in which they are answered."""
    about = {
        verdict_name(project): f"The last pass over project {project} proved itself complete." for project in projects
    }
    about["unique_keys"] = "No two rows have the same key."
    if any(table.begins for table in family.tables):
        about["no_overlaps"] = "No two versions, and no two sightings, of one thing are valid at the same time."
    if any(table.refers for table in family.tables):
        about["references"] = "Whatever a row names is held."
    about["quarantine"] = "No record had to be set aside since the pass began."
    about["drift"] = "The server sent no field and no value that taskhouse did not know, since the pass began."
    if family.live:
        about["gaps"] = "No hole was found that the run's log does not fill."
        minutes = CAPTURE_LAG_S / 60
        about["capture_lag"] = f"From the second look at a run on, 99 of 100 events come within {minutes:g} min."
    about["watermark"] = f"A pass was complete within the last {family.every_s / 3600:g} h."
    return [dg.AssetCheckSpec(name, asset=family.key, description=text) for name, text in about.items()]


def answers(
    questions: Questions, family: Family, projects: Sequence[str], project_id: int, since: datetime
) -> Iterator[dg.AssetCheckResult]:
    """The answer to every check of a family.

    Args:
        questions: An open connection.
        family: Whose checks.
        projects: Every project that is kept.
        project_id: The project of this run.
        since: When the pass began.
    """
    yield from _verdicts(questions, family, projects)
    yield _unique(questions, family, project_id, since)
    if any(table.begins for table in family.tables):
        yield _overlaps(questions, family, project_id)
    if any(table.refers for table in family.tables):
        yield _references(questions, family, project_id, since)
    named = {"project_id": project_id, "since": since}
    ours = {**named, "resources": [family.name, *family.quarantines]}
    count = questions.ask("quarantine", ours)[0]
    yield _warning(family, "quarantine", project_id, passed=not count["new"], **count)
    drift = questions.ask("drift", ours)[0]
    yield _warning(family, "drift", project_id, passed=not drift["new"], **drift)
    if family.live:
        holes = questions.ask("gaps", named)[0]
        yield _warning(family, "gaps", project_id, passed=not holes["new"], **holes)
        late = questions.ask("capture_lag", named)[0]
        yield _warning(family, "capture_lag", project_id, passed=(late["lag_p99_s"] or 0) <= CAPTURE_LAG_S, **late)
    age = questions.ask("last_complete", {"resource": family.name, "project_id": project_id})[0]["age_s"]
    age_s = FOREVER if age is None else round(float(age), 1)
    yield _warning(family, "watermark", project_id, passed=age_s <= family.every_s, age_s=age_s)


def _verdicts(questions: Questions, family: Family, projects: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    found = {str(row["project_id"]): row for row in questions.ask("verdicts", {"resource": family.name})}
    for project in projects:
        row = found.get(project)
        verdict = row["verdict"] if row else "unknown"
        yield dg.AssetCheckResult(
            passed=verdict == "complete",
            asset_key=family.key,
            check_name=verdict_name(project),
            severity=dg.AssetCheckSeverity.ERROR if row else dg.AssetCheckSeverity.WARN,
            description=row["reason"] if row else "There was no pass yet.",
            metadata={"verdict": verdict, "pass": row["pass_id"] if row else "none", "project": project},
        )


def _unique(questions: Questions, family: Family, project_id: int, since: datetime) -> dg.AssetCheckResult:
    looked_at = doubles = 0
    for table in family.tables:
        question = "unique_keys_touched" if table.segments else "unique_keys"
        parameters: dict[str, Any] = {"project_id": project_id, **({"since": since} if table.segments else {})}
        row = questions.ask(question, parameters, table=table.name, key=", ".join(table.key), where=table.where)[0]
        looked_at += row["looked_at"]
        doubles += row["doubles"]
    return _error(family, "unique_keys", project_id, passed=not doubles, rows=looked_at, doubles=doubles)


def _overlaps(questions: Questions, family: Family, project_id: int) -> dg.AssetCheckResult:
    looked_at = overlaps = 0
    for table in family.tables:
        if table.begins:
            row = questions.ask("overlaps", {"project_id": project_id}, **_stretch(table))[0]
            looked_at += row["looked_at"]
            overlaps += row["overlaps"]
    return _error(family, "no_overlaps", project_id, passed=not overlaps, rows=looked_at, overlaps=overlaps)


def _references(questions: Questions, family: Family, project_id: int, since: datetime) -> dg.AssetCheckResult:
    looked_at = orphans = 0
    for table in family.tables:
        if table.refers:
            column, other = table.refers
            parameters: dict[str, Any] = {"project_id": project_id, **({"since": since} if table.segments else {})}
            names = {"table": table.name, "column": column, "other": other, "where": NEW if table.segments else "TRUE"}
            row = questions.ask("orphans", parameters, **names)[0]
            looked_at += row["looked_at"]
            orphans += row["orphans"]
    return _error(family, "references", project_id, passed=not orphans, looked_at=looked_at, orphans=orphans)


def _stretch(table: Table) -> dict[str, str]:
    return {
        "table": table.name,
        "thing": ", ".join(table.thing),
        "begins": table.begins or "",
        "ends": table.ends or "NULL::TIMESTAMPTZ",
        "open_end": "ends IS NULL" if table.ends else "FALSE",
    }


def _error(family: Family, name: str, project_id: int, *, passed: bool, **figures: Any) -> dg.AssetCheckResult:
    return _result(family, name, project_id, dg.AssetCheckSeverity.ERROR, passed=passed, figures=figures)


def _warning(family: Family, name: str, project_id: int, *, passed: bool, **figures: Any) -> dg.AssetCheckResult:
    return _result(family, name, project_id, dg.AssetCheckSeverity.WARN, passed=passed, figures=figures)


def _result(
    family: Family,
    name: str,
    project_id: int,
    severity: dg.AssetCheckSeverity,
    *,
    passed: bool,
    figures: dict[str, Any],
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=family.key,
        check_name=name,
        severity=severity,
        metadata={"project": str(project_id), **{name: value for name, value in figures.items() if value is not None}},
    )
