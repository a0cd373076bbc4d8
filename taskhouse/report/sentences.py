"""How the report words its days and its strips, and what it says is missing."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from taskhouse.pages.formatting import EN_DASH, day, isolated, short
from taskhouse.plural import counted, plural
from taskhouse.report.model import BEFORE, LABELS, Day, Report
from taskhouse.report.options import USUAL, Period

UNPROVEN = "No pass has ended yet, so nothing is proved."
STRETCHES = 4
"""How many periods of a strip are described one by one; more are summed up."""

ALARMS = 3
"""Resources that the report names at the top if they were not read completely."""

MONTHS = "January February March April May June July August September October November December".split()


def period(value: Period) -> str:
    """A range of days; a year that both share is written once."""
    since, until = value.since, value.until
    if since == until:
        return day(until)
    first = day(since) if since.year != until.year else short(since)
    return f"{first} {EN_DASH} {day(until)}"


def name(value: Period) -> str:
    """A period by its number or its name, if it has one: ``Week 47``, ``October 2026``, or its days."""
    whole = {"week": Period.week_of, "month": Period.month_of}.get(value.unit)
    if whole is None:
        return period(value)
    so_far = "" if value.until == whole(value.since).until else " so far"
    if value.unit == "week":
        return f"{week(value)}{so_far}"
    return f"{MONTHS[value.since.month - 1]} {value.since.year}{so_far}"


def week(value: Period) -> str:
    """The number of a week."""
    return f"Week {value.since.isocalendar().week}"


def against(report: Report) -> str:
    """What stands before a number that another is compared with."""
    return "usually" if report.options.compare == "median" else "compared with"


def before(report: Report) -> str:
    """Where such a number comes from, as in *usually 7 in the 4 weeks before*."""
    known = report.baseline
    if report.options.compare not in ("median", "previous"):
        return f"over {period(known[0])}"
    unit = report.period.unit if report.period.unit != "days" else "period"
    if len(known) == 1:
        return f"in the {unit} before" if report.options.compare == "previous" else f"in the one {unit} before"
    return f"in the {len(known)} {unit}s before"


def compared(report: Report) -> str:
    """What the report is compared with, for its head."""
    if not report.baseline:
        return "" if report.options.compare == "none" else "No whole period before it is known to compare with"
    days = period(Period(report.baseline[-1].since, report.baseline[0].until))
    if report.options.compare == "median":
        unit = report.period.unit if report.period.unit != "days" else "period"
        fewer = USUAL - len(report.baseline)
        few = f" ({fewer} more {plural(fewer, 'is', 'are')} not known)" if fewer else ""
        return f"Usual: the median of {counted(len(report.baseline), unit)} before, {days}{few}"
    return f"Compared with {days}"


def story(days: Sequence[Day], since: date) -> str:
    """What a strip shows, in a sentence."""
    codes = "".join(one.code for one in days)
    stretches = [(letter, len(list(same))) for letter, same in groupby(codes)]
    if len(stretches) <= STRETCHES:
        said = ", then ".join(f"{_letter(letter)} {count} d" for letter, count in stretches)
    else:
        counts = [(letter, codes.count(letter)) for letter in (*LABELS, BEFORE)]
        totals = ", ".join(f"{_letter(letter)} {count} d" for letter, count in counts if count)
        said = f"{len(stretches)} stretches: {totals}"
    breaks = [short(date.fromordinal(since.toordinal() + at)) for at, found in enumerate(days) if found.is_break]
    return said + (f"; classified again on {', '.join(breaks[:3])}" if breaks else "")


def alarms(report: Report) -> list[str]:
    """What a reader must know before the numbers: resources that were not read completely, and gaps."""
    cover = report.coverage
    said = [] if cover.passes else [UNPROVEN]
    said += [
        f"{one.resource.replace('_', ' ')} of project {one.project_id}: {isolated(one.reason.rstrip('.'))}."
        for one in cover.incomplete
    ]
    said += unread(report)
    if len(said) > ALARMS:
        said[ALARMS:] = [f"{len(said) - ALARMS} more resources."]
    return said + stale(report) + _holes(report)


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
        named = ", ".join(f"{isolated(one)} ({day(on)})" for one, on in cover.gone[:ALARMS])
        more = f" and {len(cover.gone) - ALARMS:,} more" if len(cover.gone) > ALARMS else ""
        said.append(f"Left out because no task names them any more: {named}{more}.")
    if cover.absent:
        left = counted(cover.absent, "repository", "repositories")
        said.append(f"Left out because nothing is known of them in these days: {left}.")
    if cover.stateless:
        many = counted(cover.stateless, "repository has", "repositories have")
        end = plural(
            cover.stateless, "does not count: the server excludes it", "do not count: the server excludes them"
        )
        said.append(f"{many} none of the four states and {end}.")
    return said


def unread(report: Report) -> list[str]:
    """The projects of whose readiness no pass has ended."""
    return [f"readiness of project {project}: no pass over it has ended." for project in report.coverage.unread]


def stale(report: Report) -> list[str]:
    """How many repositories count by a state from before the last day, if any do."""
    until = report.period.until
    older = sum(one.now[report.window].day < until for one in report.known)
    if not older:
        return []
    among = counted(len(report.known), "repository", "repositories")
    verb, whose = plural(older, "has", "have"), plural(older, "its", "their")
    return [f"{older:,} of {among} {verb} no information for {day(until)}: {whose} last known state counts."]


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
