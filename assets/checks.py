"""The checks of an asset, declared with it and answered from the warehouse in the same step, separately per project.

Dagster keeps one result per check, regardless of the partition of a run. So each project has its own checks, whose
names end with its id. A run that selects the checks of one project answers only those (:func:`keys_of`). A run that
selects all, such as a run from the UI, answers each from the ledger.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from taskhouse.assets.pass_metadata import OLDEST
from taskhouse.assets.queries import Queries
from taskhouse.assets.resource_asset import ResourceAsset
from taskhouse.resources.spec import Table

CAPTURE_LAG_S = 1800.0
"""How long the server keeps the stream of a finished run (API facts 5.4)."""

COMPLETE = "complete"
"""The check that shows the ledger's verdict."""

NEW = "segment IN (SELECT segment FROM ledger.segments WHERE loaded_at >= $since)"
ERRORS = frozenset({"unique_keys", "no_overlaps", "references"})
"""Checks of what must never happen; the others only warn."""

LastPass = Mapping[str, Any]
"""``project_id``, and ``since``: when the last pass over it began."""

Found = tuple[dict[str, Any], str]
"""Figures of a project, and what is wrong with it; "" if nothing is."""


def specs(asset: ResourceAsset, projects: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Every check of an asset, in the order in which they are answered."""
    return [
        dg.AssetCheckSpec(name_of(check, project), asset=asset.key, description=f"Project {project}: {text}")
        for project in projects
        for check, text in _about(asset).items()
    ]


def name_of(check: str, project: str) -> str:
    """The name of a check for a project."""
    return f"{check}_{project}"


def keys_of(asset: ResourceAsset, project: str) -> list[dg.AssetCheckKey]:
    """The checks of one project."""
    return [spec.key for spec in specs(asset, [project])]


def answers(
    queries: Queries,
    asset: ResourceAsset,
    wanted: Collection[dg.AssetCheckKey],
    reword: Callable[[str], str] = str,
) -> Iterator[dg.AssetCheckResult]:
    """The answers to some checks of an asset.

    Args:
        queries: An open connection.
        asset: The asset.
        wanted: Which checks; :func:`keys_of` has those of one project.
        reword: Names the settings as the reader of a reason knows them.
    """
    passes = {str(row["project_id"]): row for row in queries.rows("verdicts", {"resource": asset.name})}
    for key in sorted(wanted):
        check, _, project = key.name.rpartition("_")
        row = passes.get(project)
        if row is None:
            yield _unknown(asset, check, project)
        elif check == COMPLETE:
            yield _verdict(asset, project, row, reword(row["reason"]))
        else:
            found = CHECKS[check](queries, asset, {"project_id": int(project), "since": row["started_at"]})
            yield _answer(asset, check, project, found)


def _about(asset: ResourceAsset) -> dict[str, str]:
    """The checks of each project, with their descriptions."""
    about = {COMPLETE: "The last pass was proved complete.", "unique_keys": "No two rows have the same key."}
    if any(table.begins for table in asset.tables):
        about["no_overlaps"] = "No two versions or sightings of the same thing are valid at the same time."
    if any(table.refers for table in asset.tables):
        about["references"] = "Everything that a row refers to is stored."
    about["quarantine"] = "No record went to quarantine since the pass began."
    about["drift"] = "The server has sent no unknown field or value since the pass began."
    if asset.resource.live:
        about["gaps"] = "Since the pass began, no gap was found that the run's log does not fill."
        minutes = CAPTURE_LAG_S / 60
        about["capture_lag"] = f"From the second reading of a run on, 99 of 100 events arrive within {minutes:g} min."
    about["watermark"] = f"A pass was complete within the last {asset.every_s / 3600:g} h."
    return about


def _unknown(asset: ResourceAsset, check: str, project: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        asset_key=asset.key,
        check_name=name_of(check, project),
        severity=dg.AssetCheckSeverity.WARN,
        description="There has been no pass yet.",
        metadata={"project": project},
    )


def _verdict(asset: ResourceAsset, project: str, row: Mapping[str, Any], reason: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=row["verdict"] == "complete",
        asset_key=asset.key,
        check_name=name_of(COMPLETE, project),
        severity=dg.AssetCheckSeverity.ERROR,
        description=reason,
        metadata={
            "verdict": row["verdict"],
            "pass": row["pass_id"],
            "project": project,
            **_rests_on(row["proof"], row["proven_age_s"]),
        },
    )


def _rests_on(proof: str | None, proven_age_s: float | None) -> dict[str, str | float]:
    """What a verdict is based on, and how old its oldest page is."""
    shown: dict[str, str | float] = {"proof": proof or "none"}
    return shown if proven_age_s is None else shown | {OLDEST: round(float(proven_age_s), 1)}


def _answer(asset: ResourceAsset, check: str, project: str, found: Found) -> dg.AssetCheckResult:
    figures, trouble = found
    return dg.AssetCheckResult(
        passed=not trouble,
        asset_key=asset.key,
        check_name=name_of(check, project),
        severity=dg.AssetCheckSeverity.ERROR if check in ERRORS else dg.AssetCheckSeverity.WARN,
        description=trouble or None,
        metadata={"project": project, **{key: value for key, value in figures.items() if value is not None}},
    )


def _unique(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    rows = []
    for table in asset.tables:
        question = "unique_keys_touched" if table.kind == "captured" else "unique_keys"
        names = {"table": table.name, "key": ", ".join(table.key), "where": table.where}
        rows += queries.rows(question, _since(table, last), **names)
    return _sum(rows, "doubles", "doubled")


def _overlaps(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    rows = []
    for table in asset.tables:
        if table.begins:
            rows += queries.rows("overlaps", {"project_id": last["project_id"]}, **_period(table))
    return _sum(rows, "overlaps", "overlapping")


def _references(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    rows = []
    for table in asset.tables:
        if table.refers:
            column, other = table.refers
            names = {
                "table": table.name,
                "column": column,
                "other": other,
                "where": NEW if table.kind == "captured" else "TRUE",
            }
            rows += queries.rows("orphans", _since(table, last), **names)
    return _sum(rows, "orphans", "not held")


def _quarantine(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    return _sum(queries.rows("quarantine", _ours(asset, last)), "new", "set aside")


def _drift(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    row = queries.rows("drift", _ours(asset, last))[0]
    return row, f"{row['new']} unknown" if row["new"] else ""


def _gaps(queries: Queries, _: ResourceAsset, last: LastPass) -> Found:
    return _sum(queries.rows("gaps", last), "new", "unfilled")


def _capture_lag(queries: Queries, _: ResourceAsset, last: LastPass) -> Found:
    row = queries.rows("capture_lag", last)[0]
    late = row["lag_p99_s"] or 0.0
    return row, f"{late / 60:.0f} min late" if late > CAPTURE_LAG_S else ""


def _watermark(queries: Queries, asset: ResourceAsset, last: LastPass) -> Found:
    proven = {"resource": asset.name, "project_id": last["project_id"]}
    row = queries.rows("last_complete", proven)[0]
    age, oldest = (None if row[name] is None else round(float(row[name]), 1) for name in ("age_s", "proven_age_s"))
    figures = {"age_s": age, "oldest_page_age_s": oldest}
    if age is None:
        return figures, "never complete"
    return figures, f"complete {age / 3600:.1f} h ago" if age > asset.every_s else ""


CHECKS: Mapping[str, Callable[[Queries, ResourceAsset, LastPass], Found]] = {
    "unique_keys": _unique,
    "no_overlaps": _overlaps,
    "references": _references,
    "quarantine": _quarantine,
    "drift": _drift,
    "gaps": _gaps,
    "capture_lag": _capture_lag,
    "watermark": _watermark,
}


def _sum(rows: Sequence[Mapping[str, int]], wrong: str, unit: str) -> Found:
    figures = {name: sum(row[name] for row in rows) for name in rows[0]}
    return figures, f"{figures[wrong]} {unit}" if figures[wrong] else ""


def _since(table: Table, last: LastPass) -> dict[str, Any]:
    """Queries over a whole table need no moment."""
    return dict(last) if table.kind == "captured" else {"project_id": last["project_id"]}


def _ours(asset: ResourceAsset, last: LastPass) -> dict[str, Any]:
    return {**last, "resources": [asset.name, *asset.resource.quarantines]}


def _period(table: Table) -> dict[str, str]:
    return {
        "table": table.name,
        "thing": ", ".join(table.thing),
        "begins": table.begins or "",
        "ends": table.ends or "NULL::TIMESTAMPTZ",
        "open_end": "ends IS NULL" if table.ends else "FALSE",
    }
