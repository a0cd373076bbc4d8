"""What a report says in sentences: its days, the story of a strip, and what is missing."""

from datetime import date
from itertools import groupby

from taskhouse.pages.formatting import EN_DASH, END, ISOLATE, day, short
from taskhouse.plural import plural
from taskhouse.report.model import BEFORE, LABELS, Report, Series
from taskhouse.report.options import Period

UNPROVEN = "No pass has ended yet, so nothing is proved."
STRETCHES = 4
"""How many periods of a strip are described one by one; more are summed up."""

ALARMS = 3
"""Resources that the report names at the top if they were not read completely."""


def period(value: Period) -> str:
    """A range of days; a year that both share is written once."""
    since, until = value.since, value.until
    if since == until:
        return day(until)
    first = day(since) if since.year != until.year else short(since)
    return f"{first} {EN_DASH} {day(until)}"


def story(series: Series, since: date) -> str:
    """What a strip shows, in a sentence."""
    stretches = [(letter, len(list(days))) for letter, days in groupby(series.codes)]
    if len(stretches) <= STRETCHES:
        said = ", then ".join(f"{_letter(letter)} {count} d" for letter, count in stretches)
    else:
        counts = [(series.codes.count(letter), letter) for letter in (*LABELS, BEFORE)]
        totals = ", ".join(f"{_letter(letter)} {count} d" for count, letter in counts if count)
        said = f"{len(stretches)} stretches: {totals}"
    breaks = [short(date.fromordinal(since.toordinal() + at)) for at, found in enumerate(series.days) if found.broken]
    return said + (f"; reclassified on {', '.join(breaks[:3])}" if breaks else "")


def alarms(report: Report) -> list[str]:
    """What a reader must know before the numbers: resources that were not read completely, and gaps."""
    cover = report.coverage
    said = [] if cover.passes else [UNPROVEN]
    said += [
        f"{one.resource.replace('_', ' ')} of project {one.project_id}: {ISOLATE}{one.reason.rstrip('.')}{END}."
        for one in cover.incomplete
    ]
    said += [f"readiness of project {project}: no pass over it has ended." for project in cover.unread]
    if len(said) > ALARMS:
        said[ALARMS:] = [f"{len(said) - ALARMS} more resources."]
    return said + _holes(report)


def what_is_missing(report: Report) -> list[str]:
    """Sentences about what the report cannot show."""
    cover = report.coverage
    said = [] if cover.passes else [UNPROVEN]
    said += [
        f"The list of tasks of project {one.project_id} was counted, but not read completely yet."
        for one in cover.passes
        if one.verdict == "complete" and one.proof == "counted"
    ]
    unknown = cover.expected - cover.known
    if unknown:
        why = ", ".join(f"{reason} {days:,}" for reason, days in cover.missing)
        said.append(f"{unknown:,} of {cover.expected:,} days of readiness have no information ({why}).")
    said += _holes(report)
    if cover.gone:
        named = ", ".join(f"{name} ({day})" for name, day in cover.gone[:ALARMS])
        more = f" and {len(cover.gone) - ALARMS:,} more" if len(cover.gone) > ALARMS else ""
        said.append(f"Left out because no task names them any more: {named}{more}.")
    if cover.absent:
        left = plural(cover.absent, "repository", "repositories")
        said.append(f"{cover.absent:,} {left} without information in these days are left out.")
    return said


def _holes(report: Report) -> list[str]:
    cover, said = report.coverage, []
    if cover.gaps:
        said.append(f"{cover.gaps:,} {plural(cover.gaps, 'hole')} in run events could not be filled from the log.")
    if cover.quarantined:
        waits = plural(
            cover.quarantined,
            "record could not be read and is in quarantine",
            "records could not be read and are in quarantine",
        )
        said.append(f"{cover.quarantined:,} {waits}.")
    return said


def _letter(letter: str) -> str:
    return "not asked yet" if letter == BEFORE else LABELS[letter]
