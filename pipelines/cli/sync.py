"""``taskhouse sync``: fetch what is new from PostHog."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from taskhouse.pipelines.cli.exits import Exit, code_of, complain, guarded, say
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from taskhouse.pipelines.run import SyncOutcome

T = TypeVar("T")


@guarded
def sync(
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Only this resource (repeatable): {', '.join(RESOURCES)}."),
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Only this project from POSTHOG_PROJECT_IDS (repeatable).")
    ] = None,
) -> None:
    """Fetch what is new from PostHog into the warehouse, and publish a copy.

    Reads the resources of each project in order, and does not need Dagster. If `taskhouse dev` is running, its UI shows
    on the page of each asset what was made and checked, and what failed. You can interrupt a sync and start it
    again at any time: rows are never lost and never duplicated. A second sync waits for the first.

    Exit code 0 means that everything was proved complete. Exit code 3 means that the sync finished without that proof;
    the table shows which resource is affected and why.
    """
    from taskhouse.errors import ConfigurationError
    from taskhouse.home import ready
    from taskhouse.settings import load

    settings = load()
    settings.key()
    projects = chosen(project, settings.projects(), "--project", "POSTHOG_PROJECT_IDS")
    wanted = [name for text in select or () for name in text.split(",")]
    resources = chosen(wanted or list(filter(settings.wants, RESOURCES)), tuple(RESOURCES), "--select", "resources")
    for name in resources:
        if not settings.wants(name):
            raise ConfigurationError(f"{name} is off.", hint=f"Switch it on: TASKHOUSE_{name.upper()}=true.")
    ready(settings)

    from taskhouse.pipelines.startup import uncollected

    with uncollected():
        from taskhouse.pipelines.cli.watch import watcher
        from taskhouse.pipelines.run import sync_projects

    try:
        with watcher() as shown:
            outcome = sync_projects(settings, projects, resources, shown)
    except KeyboardInterrupt:
        say("Everything read so far is kept; the next sync continues from there.")
        raise
    conclude(outcome)
    raise typer.Exit(exit_of(outcome))


def chosen(wanted: list[T] | None, known: tuple[T, ...], option: str, where: str) -> tuple[T, ...]:
    """What was asked for, in the known order; everything where nothing was.

    Raises:
        ConfigurationError: Something that is not known was asked for.
    """
    from taskhouse.errors import ConfigurationError

    for item in wanted or ():
        if item not in known:
            near = get_close_matches(str(item), list(map(str, known)), 1)
            raise ConfigurationError(
                f"{option} {item} is not one of {where}: {', '.join(map(str, known))}.",
                hint=f"Name one or more of them, or omit {option} to use all of them."
                + (f" Did you mean {near[0]}?" if near else ""),
            )
    return tuple(item for item in known if item in wanted) if wanted else known


def conclude(outcome: "SyncOutcome") -> None:
    """Show what was added, and the verdict on each resource."""
    from taskhouse.pipelines.cli import screen

    columns: dict[str, list[object]] = {
        "project": [report.project_id for report in outcome.reports],
        "resource": [report.resource for report in outcome.reports],
        "verdict": [screen.verdict(report.verdict) for report in outcome.reports],
        "seen": [report.rows_seen for report in outcome.reports],
        "added": [report.rows_added for report in outcome.reports],
        "absent": [report.absent for report in outcome.reports],
        "quarantined": [report.quarantined for report in outcome.reports],
        "requests": [report.requests for report in outcome.reports],
        "seconds": [float(report.seconds) for report in outcome.reports],
    }
    shown = {name: cells for name, cells in columns.items() if name not in {"absent", "quarantined"} or any(cells)}
    if outcome.reports:
        screen.results().print(screen.table(list(shown), zip(*shown.values(), strict=True)))
    for report in outcome.reports:
        if report.verdict != "complete":
            say(f"{report.resource} of project {report.project_id} is not proved complete: {report.reason}")
    for problem in outcome.problems:
        say(f"{problem.resource} of project {problem.project_id} failed.")
        complain(problem.error)
    if outcome.unshown:
        say("Dagster will not show all of this sync.")
        complain(outcome.unshown)
    for project_id, resource in outcome.skipped:
        say(f"{resource} of project {project_id} was not synced, because it builds on one that failed.")


def exit_of(outcome: "SyncOutcome") -> Exit:
    """The exit code of a sync; a mistake in the configuration outweighs a failure, and that a missing proof."""
    codes = {code_of(problem.error) for problem in outcome.problems}
    if codes:
        return Exit.USAGE if codes == {Exit.USAGE} else Exit.FAILED
    if outcome.skipped:
        return Exit.FAILED
    return Exit.COMPLETE if outcome.proven else Exit.UNPROVEN
