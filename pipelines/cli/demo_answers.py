"""How a demo ends: the report, the page of a run, and three questions with their statements and answers."""

import sys
from typing import TYPE_CHECKING

from taskhouse.pipelines.cli import screen

if TYPE_CHECKING:
    from taskhouse.settings import Settings

QUESTIONS = {
    "What moved the readiness of repositories most?": (
        "SELECT min(day) AS day, cause, capability, direction, count(DISTINCT repository) AS repositories,"
        " any_value(reason) AS reason FROM readiness_changes WHERE window_days = 7 AND cause <> 'presence'"
        " GROUP BY cause_id, cause, capability, direction ORDER BY repositories DESC, day LIMIT 5"
    ),
    "How do the models do?": (
        "SELECT model, count(*) AS runs, round(100 * avg(CAST(status = 'completed' AS INT)), 1) AS completed_pct,"
        " round(median(duration_s) / 60, 1) AS minutes, min(ended_at)::DATE AS since, max(ended_at)::DATE AS until"
        " FROM run_attempts WHERE status IN ('completed', 'failed') GROUP BY model ORDER BY runs DESC"
    ),
    "What do runs fail with, and what does it cost?": (
        "SELECT fingerprint, count(*) AS runs, round(sum(hours), 1) AS hours, max(failed_at)::DATE AS last"
        " FROM failures WHERE fingerprint IS NOT NULL GROUP BY fingerprint ORDER BY hours DESC LIMIT 5"
    ),
}


RUN = (
    "FROM runs SELECT project_id, run_id"
    " ORDER BY attempts > 1 DESC, coalesce(pr_state = 'merged', false) DESC, live_events DESC, run_id LIMIT 1"
)
"""The run whose page is worth a look: reopened, with a merged pull request, and long."""


def farewell(settings: "Settings") -> None:
    """Write the report and the page of a run, and show where it is, what can be asked, and what comes out."""
    import taskhouse
    from taskhouse import report, run_page
    from taskhouse.warehouse import publish

    taskhouse_ = sys.argv[0] if sys.argv[0].endswith("taskhouse") else "taskhouse"
    out = screen.results()
    with taskhouse.open(settings) as snapshot:
        known = report.directory.of(settings)
        page = report.write(snapshot, settings.home / "reports" / "readiness.html", directory=known)
        out.print(f"\nThe report:    {page}", soft_wrap=True, markup=False)
        for run in snapshot.records(RUN):
            page = settings.home / "runs" / f"{run_page.file_name(run['run_id'])}.html"
            run_page.write(snapshot, run["run_id"], page, project_id=run["project_id"])
            out.print(f"A run:         {page}", soft_wrap=True, markup=False)
        out.print(f"The warehouse: {settings.warehouse}", soft_wrap=True, markup=False)
        out.print(f"To read it:    {publish.readable(settings.published)}", soft_wrap=True, markup=False)
        for question, statement in QUESTIONS.items():
            rows = snapshot.records(statement)
            out.print(f"\n[bold]{question}[/]")
            command = f'TASKHOUSE_HOME={settings.home} {taskhouse_} query "{statement}"'
            out.print(screen.plain(command, style="dim"), soft_wrap=True)
            out.print(screen.table([*rows[0]] if rows else [], [list(row.values()) for row in rows]))
    out.print()
