"""Why there is nothing to report: an empty warehouse, answers without information, or a filter that fits no data."""

from taskhouse.plural import plural
from taskhouse.reading import Snapshot
from taskhouse.report import sentences
from taskhouse.report.model import Nothing
from taskhouse.report.options import Options, Period
from taskhouse.report.query import run_query

EMPTY = Nothing(
    "No data yet",
    "The warehouse contains no readiness and no run that has ended.",
    "Run `taskhouse sync` (or `taskhouse demo`), then `taskhouse report` again.",
)


def why(snapshot: Snapshot, options: Options, period: Period | None = None) -> Nothing:
    """The message in place of a report; ``period`` if days were selected."""
    [known] = run_query(snapshot, "known")
    if known["first_day"] is None and not known["runs"]:
        if known["uninformed"] is None:
            return EMPTY
        return Nothing(
            "No information yet",
            f"Readiness was requested, but no answer contains information ({known['uninformed'].replace('_', ' ')}).",
            'Look at the answers with `taskhouse query "FROM readiness"`; docs/views.md explains `evidence`.',
        )
    there = f"{known['runs']:,} {plural(known['runs'], 'run')} that ended"
    if known["first_day"] is not None:
        days = sentences.period(Period(known["first_day"], known["last_day"]))
        count = known["repositories"]
        there = f"readiness of {count:,} {plural(count, 'repository', 'repositories')} over {days}, and {there}"
    return Nothing(
        "Nothing known",
        f"There is no data about {_asked(options, period)}.",
        f"The warehouse contains {there}. Check the days, `--project`, `--repository` and `--owner`.",
        beside=True,
    )


def _asked(options: Options, period: Period | None) -> str:
    asked = [f"repositories like {options.repository}"] if options.repository else []
    asked += [f"repositories of {options.owner}"] if options.owner else []
    if options.projects:
        asked.append(f"{plural(len(options.projects), 'project')} {', '.join(map(str, options.projects))}")
    return " in ".join(asked or ["any repository"]) + (f" over {sentences.period(period)}" if period else "")
