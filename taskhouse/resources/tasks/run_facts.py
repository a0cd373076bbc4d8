"""What tasks and summaries say about a latest run: a reason to read the run by id, never a version of it.

A task's nested run may show the pull request of an earlier run, and null for what is hidden (API facts 1.4, 7.2). So if
it differs from the run's own row, the run is marked as due, in the transaction that records that the task was seen.
The same pass reads it by id, together with every run of the task that names the same pull request. A digest of the
facts is stored: borrowed facts always differ, and cost one request only when they change.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from taskhouse.errors import Contract, NotFound, Refused
from taskhouse.passes.page_spool import Comparison
from taskhouse.passes.sync_pass import Pass
from taskhouse.plural import counted
from taskhouse.posthog import content, fields, privacy
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Row, digest
from taskhouse.resources.runs import record
from taskhouse.resources.runs.spec import VERSIONS as RUN_VERSIONS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

TASK, SUMMARY = "run_facts_task", "run_facts_summary"
MOST_RUNS = 100
"""How many runs one pass reads by id; the rest is due in the next one."""

AT_ONCE = 8
_SUMMARY = ("status", "pr_url", "pr_state", "task_summary")


class Said(NamedTuple):
    """The facts about a task's latest run, with the names of the query ``tasks/run_facts``."""

    task_id: str
    run_id: str
    facts: Sequence[tuple[str, str | None]]

    def digest(self) -> str:
        """A digest: equal facts have equal digests."""
        return hashlib.sha256(content.canonical(dict(self.facts))).hexdigest()[:16]

    def position(self) -> str:
        """The form in which it is stored."""
        kept = {"task": self.task_id, "pr_url": dict(self.facts).get("pr_url"), "digest": self.digest()}
        return content.canonical(kept).decode()


def of_task(row: Row) -> Said | None:
    """What a full task says about the pull request of its latest run."""
    run = row.data.get("latest_run")
    if not isinstance(run, dict):
        return None
    output: dict[str, Any] = found if isinstance(found := run.get("output"), dict) else {}
    return _said(
        row.data.get("id"), run.get("id"), {"pr_url": output.get("pr_url"), "pr_state": record.pr_state(output)}
    )


def in_summary(the_pass: Pass, row: Row) -> dict[str, Any] | None:
    """What may be kept of the latest run in a summary; servers before September 2026 send no id and no pull request."""
    run = row.data.get("latest_run")
    if not isinstance(run, dict):
        return None
    kept = {name: run[name] for name in ("id", *_SUMMARY) if name in run}
    if the_pass.context.settings.capture_text == "none" and (text := _storable(kept.get("task_summary"))):
        kept["task_summary"] = privacy.mark(text)
    return kept


def of_summary(task_id: object, run: Mapping[str, Any] | None, held_run_id: str | None) -> Said | None:
    """What a summary says about the latest run, from what is kept of that."""
    if run is None:
        return None
    return _said(task_id, run.get("id", held_run_id), {name: run[name] for name in _SUMMARY if name in run})


def note(the_pass: Pass, batch: WriteBatch, said: Iterable[Said | None]) -> None:
    """Mark, when the batch is committed, which runs are due because of what their tasks say."""
    the_pass.complete_in(batch, OF_TASKS, filter(None, said))


def mark(resource: str, the_pass: Pass, connection: Any, batch: WriteBatch, said: Sequence[Said]) -> None:
    """Mark in the batch which runs are due because these facts differ from their own rows.

    Runs of tasks whose list of runs was never read are left out, because the list brings their own rows.
    """
    project_id = the_pass.context.project_id
    found = state.records(
        connection, "tasks/run_lists_read", project_id=project_id, task_ids=[one.task_id for one in said]
    )
    listed = {row["task_id"] for row in found}
    facts_by_run = {one.run_id: one for one in said if one.task_id in listed}
    if not facts_by_run:
        return
    rows = state.records(
        connection,
        "tasks/run_facts",
        project_id=project_id,
        resource=resource,
        run_ids=list(facts_by_run),
    )
    for row in rows:
        one = facts_by_run[row["run_id"]]
        silent = resource == SUMMARY and "pr_state" not in dict(one.facts) and row["pr_open"]
        if silent or (_differs(one, row) and row["digest"] != one.digest()):
            batch.cursors.append(the_pass.cursor(resource, one.run_id, one.position(), "due"))


OF_TASKS = Comparison(partial(mark, TASK), Said)
"""The same of facts that tasks tell."""


async def read(the_pass: Pass) -> None:
    """Read by id what is due; if some is left, that is a doubt."""
    context, most = the_pass.context, MOST_RUNS
    due = context.read(state.records, "tasks/run_facts_due", project_id=context.project_id)
    api = the_pass.api(Priority.CHANGES)
    for start in range(0, min(most, len(due)), AT_ONCE):
        some = due[start : min(start + AT_ONCE, most)]
        answers = await asyncio.gather(*[_fetch(api, row["task_id"], row["run_ids"]) for row in some])
        batch = WriteBatch()
        for row, answer in zip(some, answers, strict=True):
            if isinstance(answer, str):
                the_pass.doubt("no_answer", answer)
                continue
            for run in answer:
                number = the_pass.page(batch, f"run {run.data.get('id')}", [], digest(run.text))
                columns = the_pass.read(batch, run, record.run_of(row["task_id"]), record.SHAPE, "runs")
                if columns is not None:
                    batch.add(RUN_VERSIONS, the_pass.stamp(columns, number, "run"))
            batch.cursors.append(the_pass.cursor(row["resource"], row["key"], row["position"], "read"))
        await the_pass.commit(batch)
    if (left := len(due) - most) > 0:
        unread = counted(left, "run that changed is", "runs that changed are")
        the_pass.doubt("unfinished", f"{unread} still to be read; run it again")


async def _fetch(api: TasksApi, task_id: str, run_ids: Sequence[str]) -> list[Row] | str:
    runs: list[Row] = []
    for run_id in run_ids:
        try:
            runs.append(await api.run(task_id, run_id))
        except (NotFound, Refused):
            continue  # the capture of the run keeps that as a state
        except Contract as problem:
            return problem.message
    return runs


def _differs(one: Said, held: Mapping[str, Any]) -> bool:
    facts = dict(one.facts)
    if not held["has_summary"]:
        facts.pop("task_summary", None)
    return any(held[name] != value for name, value in facts.items())


def _said(task: object, run_id: object, facts: Mapping[str, Any]) -> Said | None:
    """The facts as the warehouse keeps texts; None where an id is none."""
    try:
        task_id, run_id = fields.canonical_uuid(str(task)), fields.canonical_uuid(str(run_id))
    except ValueError:
        return None
    return Said(task_id, run_id, tuple([(name, _storable(value)) for name, value in facts.items()]))


def _storable(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
