"""What Dagster shows of a pass: numbers that it plots, the newest rows, and a chart."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import markdown, sparkline
from taskhouse.assets.queries import Queries
from taskhouse.assets.resource_asset import ResourceAsset
from taskhouse.plural import counted, plural

if TYPE_CHECKING:
    from taskhouse.passes.lifecycle import PassReport

ADDED = "rows added"
ACTIVE = "runs that became active"
ENDED = "runs that ended"
LISTS = "lists of runs that became due"
OLDEST = "seconds since the oldest page of the proof"
SINCE_PROOF = "seconds since the last complete pass"

HINT = "hint"
"""What to do about an incomplete pass, as about a failed one."""

CODE = "reason code"
"""Why a pass is incomplete or failed, for programs."""

_RUNBOOK = "the runbook in the documentation of taskhouse says what each reason needs."
GOES_ON = f"The next pass continues. If the problem persists, run `taskhouse check`; {_RUNBOOK}"
WAITS = f"Passes stay incomplete until somebody accepts that; {_RUNBOOK}"
"""What to do if a person has to decide."""

_QUERY = "taskhouse query \"FROM ledger.passes WHERE pass_id = '{}'\""

DECIDED = frozenset({"viewer_changed", "too_many_absent"})


def of_pass(
    queries: Queries, asset: ResourceAsset, report: "PassReport", since: datetime, reword: Callable[[str], str] = str
) -> dict[str, Any]:
    """Metadata of a materialization.

    Args:
        queries: The warehouse.
        asset: The asset.
        report: How its pass ended.
        since: When it began.
        reword: Names the settings as the reader knows them.
    """
    project = {"project_id": report.project_id}
    own = {**project, "pass_id": report.pass_id}
    return {
        "dagster/row_count": queries.rows("row_count", project, table=asset.tables[0].name)[0]["row_count"],
        "verdict": report.verdict,
        "reason": reword(report.reason),
        CODE: report.reason_code or "none",
        "pass": report.pass_id,
        **({} if report.verdict == "complete" else {HINT: reword(WAITS if report.reason_code in DECIDED else GOES_ON)}),
        "pass in the ledger": reword(f"`{_QUERY.format(report.pass_id)}` shows it."),
        "project": str(report.project_id),
        ADDED: report.rows_added,
        "rows changed": _changed(queries, asset, own),
        "records received": report.rows_seen,
        "records absent": report.absent,
        "records quarantined": report.quarantined,
        "requests": report.requests,
        "retries": report.retries,
        "seconds throttled": float(report.throttled_s),
        "bytes received": report.bytes,
        "seconds": float(report.seconds),
        "proof": report.proof.kind if report.proof else "none",
        **_lag(queries, asset, report, since),
        **_moved(queries, asset, own),
        **_trend(queries, asset, report.project_id),
        "newest rows": dg.MetadataValue.md(_newest(queries, asset, project)),
    }


def _changed(queries: Queries, asset: ResourceAsset, own: dict[str, Any]) -> int:
    table = asset.tables[0]
    if not table.compared:
        return 0
    names = {"thing": ", ".join(table.key[:-1]), "compares": ", ".join(table.compared), "begins": table.key[-1]}
    return int(queries.rows("rows_changed", own, table=table.name, **names)[0]["changed"])


def _lag(queries: Queries, asset: ResourceAsset, report: "PassReport", since: datetime) -> dict[str, Any]:
    """How old the last proof was when the pass began, the oldest page of this one, and how late live events came."""
    rows = queries.rows("pass_lag", {"pass_id": report.pass_id})
    found = {SINCE_PROOF: rows[0]["lag_s"], OLDEST: rows[0]["proven_age_s"]} if rows else {}
    if asset.resource.live:
        late = queries.rows("capture_lag", {"project_id": report.project_id, "since": since})[0]
        found |= {"capture lag p50 seconds": late["lag_p50_s"], "capture lag p99 seconds": late["lag_p99_s"]}
    return {name: round(float(value), 3) for name, value in found.items() if value is not None}


def _moved(queries: Queries, asset: ResourceAsset, own: dict[str, Any]) -> dict[str, Any]:
    """The figures that say whether anything moves, for the sensor ``runs_moved`` and for ticks that may be skipped."""
    from taskhouse.passes.polling_policy import TERMINAL

    if not asset.resource.sees_runs:
        return {}
    row = queries.rows("runs_moved", {**own, "terminal": sorted(TERMINAL)})[0]
    return {ACTIVE: row["active"], ENDED: row["ended"], LISTS: row["lists"]}


def _trend(queries: Queries, asset: ResourceAsset, project_id: int) -> dict[str, Any]:
    if not asset.resource.trend:
        return {}
    days = queries.rows(asset.resource.trend, {"project_id": project_id})
    if not days:
        return {}
    held = {day["day"]: (day["repositories"], day["ready"]) for day in days}
    first, last = min(held), max(held)
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    drawn = sparkline.bars([held.get(day, (0, 0)) for day in span], "repositories ready, of all, by day")
    newest = days[-1]
    every = counted(newest["repositories"], "repository", "repositories")
    summary = f"{newest['ready']:,} of {every} {plural(newest['ready'], 'was', 'were')} ready on {newest['day']}"
    return {"trend": dg.MetadataValue.md(f"{drawn}\n\n{summary}"), "repositories ready": newest["ready"]}


def _newest(queries: Queries, asset: ResourceAsset, project: dict[str, Any]) -> str:
    names = {
        "columns": ", ".join(asset.resource.preview),
        "source": f"raw.{asset.resource.tables[0].name}",
        "newest": asset.resource.newest,
        "where": "TRUE",
    }
    return markdown.table(queries.rows("preview", project, **names), asset.resource.preview)
