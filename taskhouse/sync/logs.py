"""The log layer: drain a run's persisted log into the spool, its own entries only, each exactly as it came."""

from collections.abc import Sequence
from datetime import datetime

from taskhouse.errors import NotFound, Refused
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.refusals import Oversized
from taskhouse.spool.writer import SpoolWriter
from taskhouse.sync import kept, revisit
from taskhouse.sync.passes import Pass
from taskhouse.sync.plan import Run

RESOURCE = "run_log"
PAGE = 5000
"""Entries a page at most; more is refused, fewer may come (API facts 7.6)."""

CHAIN = 10
"""Ancestors whose logs stand before a run's own, the nearest ones (API facts 7.5)."""


def about(run: Run) -> str:
    """What a doubt about a run's log is about: the next reading settles it, or doubts it anew."""
    return f"the log of run {run.run_id}"


async def drain(this: Pass, api: TasksApi, writer: SpoolWriter, run: Run, *, start: int, settled: bool) -> int:
    """Read what a run's log holds from its own entry ``start`` on; returns how many entries of its own it has.

    A resumed run's log begins with its ancestors' entries (API facts 7.5, 7.6), which belong to them and are skipped.
    Only ``X-Has-More`` ends the reading, and the offset moves by what came. Of a page that is larger than is read,
    fewer entries are asked for.

    Args:
        this: The pass, for its doubts and its name.
        api: The project's endpoints in the class of log requests.
        writer: Where the entries go.
        run: Whose log.
        start: The first entry that is not kept yet.
        settled: Whether the log is final with this reading.
    """
    try:
        skipped = await _before(api, run.task_id, run.ancestors)
        position, limit = start, PAGE
        while True:
            try:
                page = await api.session_logs(run.task_id, run.run_id, limit=limit, offset=skipped + position)
            except Oversized:
                if limit == 1:
                    raise
                limit = max(1, limit // 10)
                continue
            _append(this, writer, run, position, page.entries)
            position += len(page.entries)
            if not page.has_more:
                break
            if not page.entries:
                this.doubt(f"{about(run)} says that more follows, and gives nothing", about=about(run))
                break
    except (NotFound, Refused) as refusal:
        state = revisit.state_of(refusal)
        _mark(this, writer, run, start, state, as_of=this.context.now())
        return start
    own = page.total - skipped
    if own > position:
        this.doubt(f"{about(run)} counts {own} entries, and gave {position}", about=about(run))
    state = "settled" if settled else "drained"
    _mark(this, writer, run, position, "expired" if settled and own < position else state)
    return position


async def _before(api: TasksApi, task_id: str, ancestors: Sequence[str]) -> int:
    """Entries of its ancestors that stand before a run's own: all that its parent's log counts.

    Where the chain is longer than the server looks, the parent's log begins with one run more.
    """
    if not ancestors:
        return 0
    count = (await api.session_logs(task_id, ancestors[0], limit=1)).total
    if len(ancestors) > CHAIN:
        oldest, *older = ancestors[CHAIN:]
        count -= (await api.session_logs(task_id, oldest, limit=1)).total - await _before(api, task_id, older)
    return count


def _append(this: Pass, writer: SpoolWriter, run: Run, position: int, entries: list[bytes]) -> None:
    if not entries:
        return
    this.captured += len(entries)
    told = this.context.settings.capture_text
    writer.append(
        "log",
        run.whose(this.context.project_id),
        [kept.entry(None, position + n, text, told) for n, text in enumerate(entries)],
        leg=this.pass_id,
    )


def _mark(
    this: Pass, writer: SpoolWriter, run: Run, position: int, state: str, *, as_of: datetime | None = None
) -> None:
    whose = run.whose(this.context.project_id)
    writer.mark("log", whose, resource=RESOURCE, position=str(position), state=state, as_of=as_of)
