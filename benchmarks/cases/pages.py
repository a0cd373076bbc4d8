"""What readers wait for: the questions, the report and the page of a run."""

from benchmarks.harness.case import Case, Contender

COLUMNS = {"seconds": "seconds", "cpu_s": "processor time, s", "peak_mb": "peak, MB"}
ANSWERS = "It reads a published copy and never the warehouse, so it delays no sync."

QUESTIONS = Case(
    "questions",
    "The views of one run, and every question of docs/questions.md, over a made year.",
    (
        Contender(
            "stored",
            "questions",
            "What is computed from events is stored, run by run, and equal to its definition.",
            ("stored",),
        ),
        Contender("not stored", "questions", "Everything is computed when asked.", ("before",), slow=True),
    ),
    quick=({"runs": 40, "events of a run": 2000},),
    full=tuple({"runs": runs, "events of a run": 5000} for runs in (20, 200, 2000)),
    columns={**COLUMNS, "disk_mb": "on disk, MB", "rows": "live events"},
    prepared=True,
)

REPORT = Case(
    "report",
    "Seven reports on the readiness of repositories, one after the other.",
    (Contender("taskhouse", "report", ANSWERS),),
    quick=({"repositories": 100, "days": 90},),
    full=(
        *({"repositories": number, "days": 365} for number in (40, 320, 1000)),
        *({"repositories": 100, "days": days} for days in (36, 3650)),
    ),
    columns={**COLUMNS, "rows": "snapshots"},
    prepared=True,
)

RUN_PAGE = Case(
    "run-page",
    "The page of one run among others.",
    (
        Contender("stored", "run_page", f"{ANSWERS} What the views compute is stored.", ("stored",)),
        Contender("not stored", "run_page", "The same for a run that goes on.", ("asked",), slow=True),
    ),
    quick=({"events": 5000, "other runs": 4},),
    full=tuple({"events": 50_000, "other runs": others} for others in (10, 100)),
    columns={**COLUMNS, "kb": "page, kB"},
    prepared=True,
)
