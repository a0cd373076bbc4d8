"""The sentences about readiness: how many are ready, who became ready, who slipped and why, what to do next."""

from collections.abc import Sequence

from taskhouse.pages.formatting import brief, isolated, percent, short
from taskhouse.plural import counted, plural
from taskhouse.report import steps
from taskhouse.report.model import Change, Group, Mover, Report, Repository, Way, label
from taskhouse.report.sentences import against, before
from taskhouse.report.summary import Sentence, Tone

NAMED = 3
"""Repositories that a sentence names."""

QUOTED = 160
"""Characters of a reason that a sentence quotes."""

REPOSITORY = ("repository", "repositories")

SOURCES = {
    "core_suggestions": ("event capture", "captured events"),
    "replay_insights": ("session replay", "session replays"),
    "error_insights": ("error tracking", "errors"),
}
"""What a capability has to have set up, and what has to arrive from it."""

SET_UP, GONE = "{source} was set up", "{source} is no longer set up"
MOVED = {
    ("waiting_for_data", "ready"): "{data} arrived",
    ("ready", "waiting_for_data"): "no {data} arrive any more",
    ("needs_setup", "ready"): f"{SET_UP}, and {{data}} arrive",
    ("detected", "ready"): f"{SET_UP}, and {{data}} arrive",
    ("needs_setup", "detected"): SET_UP,
    ("needs_setup", "waiting_for_data"): SET_UP,
    ("detected", "needs_setup"): GONE,
    ("waiting_for_data", "needs_setup"): GONE,
    ("ready", "needs_setup"): GONE,
}
"""What a move of a capability means, in a few words."""


def sentences(report: Report) -> list[Sentence]:
    """What to know of readiness."""
    if not report.known:
        return []
    said = [_ready(report), _moved(report, "ready"), _moved(report, "slipped"), _switched(report)]
    if not (report.movers("ready") or report.movers("slipped")):
        said[1] = Sentence("No repository became ready, and none slipped.", "movers", "even", 50)
    return [one for one in said if one]


def next_step(report: Report) -> list[Sentence]:
    """The step that makes most repositories ready, or else lifts most of them."""
    alone = [(step, here) for step, here in steps.shared(report.known) if len(step.needs) == 1]
    if not alone:
        return []
    step, here = max(alone, key=lambda pair: (pair[0].target == "ready", len(pair[1])))
    lifted = f"would make {_some(here)} {label(step.target)}"
    text = f"The cheapest next step {lifted}{_quote(step.needs[0].reason)}"
    return [Sentence(ended(text), "steps", "even", 30)]


def _some(here: Sequence[Repository]) -> str:
    """One repository by its name, several by their number."""
    return isolated(here[0].name) if len(here) == 1 else f"{len(here):,} more repositories"


def because(group: Group, *, quotes: bool = True) -> str:
    """Why, as the end of a sentence; ``quotes`` for the words of the server, too."""
    change = group.movers[0].change
    if change is None:
        return "for a reason that is not known"
    what, quote = label(change.capability or ""), _quote(group.reason) if quotes else ""
    if change.cause == "project" and "detected" in (change.capability_from, change.capability_to):
        switched = "on" if change.capability_from == "detected" else "off"
        return f"because {what} were switched {switched} for the project on {short(change.day)}"
    if change.cause == "classifier":
        return f"because the server classified {plural(len(group.movers), 'it', 'them')} again"
    if change.cause == "missing_data":
        now = f"; the server now says{quote}" if quote else ""
        return f"at some time in days without information{now}"
    if change.cause == "presence":
        return f"after {plural(len(group.movers), 'it was', 'they were')} gone"
    plainly = _plainly(change)
    return f"because {plainly}" if plainly else _went(change, what) + quote


def names(movers: Sequence[Mover]) -> str:
    """The first repositories by name, and how many more."""
    shown = [isolated(one.repository.name) for one in movers[:NAMED]]
    if len(movers) > NAMED:
        return f"{', '.join(shown[:-1])} and {len(movers) - NAMED + 1:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def ended(text: str) -> str:
    """The sentence with a full stop, unless a quotation ends it."""
    return text if text.endswith("\u201d") else f"{text}."


def _ready(report: Report) -> Sentence:
    """How many are ready, how many more that is than at the base, and how that compares with what is usual."""
    known, ready = len(report.known), report.ready
    net = report.bridge.after - report.bridge.before
    text = f"{ready:,} of {counted(known, *REPOSITORY)} {plural(ready, 'is', 'are')} ready ({percent(ready / known)})"
    since = f"{abs(net):,} {'more' if net > 0 else 'fewer'} than" if net else "as many as"
    if report.base != report.period.until:  # the first day that is known is compared with nothing
        text += f", {since} on {short(report.base)}"
    if report.usual and report.usual.share is not None:
        text += f"; {against(report)} {percent(report.usual.share)} {before(report)}"
    tone: Tone = "good" if net > 0 else "bad" if net < 0 else "even"
    return Sentence(f"{text}.", "states", tone, 70)


def _moved(report: Report, way: Way) -> Sentence | None:
    movers = report.movers(way)
    if not movers:
        return None
    verb = "became ready" if way == "ready" else "slipped"
    groups = [group for group in report.groups if group.way == way]
    text = f"{counted(len(movers), *REPOSITORY)} {verb}"
    if len(groups) == 1:
        text += f" ({names(movers)}) {because(groups[0])}"
    elif len(groups[0].movers) > 1:
        text += f" ({names(movers)}), {len(groups[0].movers):,} of them {because(groups[0])}"
    else:
        text += f": {', and '.join(_alone(group) for group in groups[:2])}"
        text += f", and {len(groups) - 2:,} more for other reasons" if len(groups) > 2 else ""  # noqa: PLR2004 - as above
    return Sentence(ended(text), "movers" if way == "ready" else "slipped", "good" if way == "ready" else "bad", 80)


def _alone(group: Group) -> str:
    """The only repository of a group, and why it moved."""
    return f"{names(group.movers)} {because(group, quotes=False)}"


def _switched(report: Report) -> Sentence | None:
    if not report.switches:
        return None
    total = sum(one.repositories for one in report.switches)
    many = len(report.switches)
    whose = plural(len({one.project_id for one in report.switches}), "the project", "projects")
    verb = plural(many, f"One change of {whose} explains", f"{many:,} changes of {whose} explain")
    named = ", ".join(f"{one.title} ({short(one.day)})" for one in sorted(report.switches[:2], key=lambda one: one.day))
    more = f" and {many - 2:,} more" if many > 2 else ""  # noqa: PLR2004 - as many as are named
    text = f"{verb} {total:,} of {counted(report.changes, 'change')} of state: {named}{more}."
    return Sentence(text, "switches", "even", 60)


def _plainly(change: Change) -> str:
    """What happened to a capability in a few words; empty if its states do not tell."""
    said = MOVED.get((change.capability_from or "", change.capability_to or ""), "")
    source, data = SOURCES.get(change.capability or "", ("", ""))
    whose = " of the project" if change.cause == "project" else ""
    return said.format(source=source, data=f"{data}{whose}") if source else ""


def _went(change: Change, what: str) -> str:
    if not what:
        return "though no capability moved that way"
    whose = "the project's " if change.cause == "project" else ""
    return f"because {whose}{what} went from {label(change.capability_from)} to {label(change.capability_to)}"


def quoted(reason: str) -> str:
    """The words of the server between quotation marks, cut to ``QUOTED`` characters."""
    return f"\u201c{isolated(brief(reason, QUOTED))}\u201d"


def _quote(reason: str) -> str:
    return f": {quoted(reason)}" if reason.strip() else ""
