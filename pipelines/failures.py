"""A sensor that reports each pass that failed, or ended without the proof that it is complete.

Dagster's own failure sensors only see failed runs, but the run of an incomplete pass succeeds.
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg

from taskhouse.assets import published
from taskhouse.assets.pass_metadata import CODE, HINT
from taskhouse.assets.resource_asset import MARK
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES

EVERY_S = 60
AT_ONCE = 200
"""How many passes of an asset, and failed runs, one tick reads."""

FAILED_RUNS = "failed runs"
FAILED_SYNCS = "failed syncs"
SYNCED = {*RESOURCES, published.NAME}
"""The assets that `taskhouse sync` makes. It belongs to no run, and reports a failure as an observation."""

PARTITION = "dagster/partition"
SEE_RUN = "Look at the run in Dagster, then run it again."
SEE_COMMAND = "Run `taskhouse --debug sync` to see where it failed."


@dataclass(frozen=True, slots=True)
class Alert:
    """What to tell; as text, one line for people.

    Attributes:
        asset: The asset, such as ``posthog/tasks``.
        project: The project; empty for an asset of all projects.
        state: ``incomplete`` if the pass ended without the proof, ``failed`` if it did not end.
        reason: Why.
        fix: What to do, with the command.
        run_id: The run in Dagster; empty if it was `taskhouse sync`.
        code: The most serious reason as a code, such as ``refused``, ``moved`` or ``unfinished``, as the ledger has it;
            ``failed`` for an error without a code of its own. The runbook lists the codes.
    """

    asset: str
    project: str
    state: Literal["incomplete", "failed"]
    reason: str
    fix: str
    run_id: str
    code: str = "failed"

    def __str__(self) -> str:
        of = f" of project {self.project}" if self.project else ""
        state = "is not proved complete" if self.state == "incomplete" else "failed"
        return f"{self.asset}{of} {state}: {self.reason.rstrip('.')}. {self.fix}"


def failure_sensor(
    notify: Callable[[Alert], object],
    *,
    name: str = "taskhouse_failures",
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.SensorDefinition:
    """A sensor over every taskhouse in its code location.

    Each incomplete pass and each failed step is reported, from the first tick on: once, but again if the daemon is
    killed within the tick. If ``notify`` raises an error, the tick ends there, and the next one begins with the same
    alert.

    Args:
        notify: Called with each alert, in the order in which they happened.
        name: The name of the sensor.
        default_status: Whether it runs before somebody switches it on or off.
    """

    @dg.sensor(
        name=name,
        default_status=default_status,
        minimum_interval_seconds=EVERY_S,
        description="Tells of each pass of taskhouse that failed or was not proved complete.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        cursor: dict[str, int] = json.loads(context.cursor or "{}")
        ours = _ours(context)
        first, sent = not cursor, 0
        for source, number, alerts in sorted(_news(context.instance, ours, cursor), key=lambda each: each[1]):
            for alert in () if first else alerts():
                try:
                    notify(alert)
                except Exception:
                    if not sent:
                        raise
                    # a failed tick would keep the old cursor, and repeat what was delivered
                    reason = f"notify failed after {counted(sent, 'alert')}; the next tick continues there."
                    context.log.exception(reason)
                    return dg.SensorResult(cursor=json.dumps(cursor), skip_reason=dg.SkipReason(reason))
                sent += 1
            cursor[source] = number
        for source in (FAILED_RUNS, *(key.to_user_string() for key in ours), *map(_syncs, ours)):
            cursor.setdefault(source, 0)
        return dg.SensorResult(
            cursor=json.dumps(cursor),
            skip_reason=dg.SkipReason(
                f"{counted(sent, 'alert was', 'alerts were')} sent."
                if sent
                else "Nothing failed, nothing is incomplete."
            ),
        )

    return tick


News = tuple[str, int, Callable[[], Iterable[Alert]]]
"""Where a record is from, its number in Dagster's storage, and the alerts about it."""


def _ours(context: dg.SensorEvaluationContext) -> dict[dg.AssetKey, str]:
    """The assets of every taskhouse in the code location, each with the name of its step."""
    repository = context.repository_def
    if repository is None:
        return {}
    return {
        key: each.node_def.name
        for key, each in repository.assets_defs_by_key.items()
        if each.is_executable and MARK in each.specs_by_key[key].tags
    }


def _news(instance: dg.DagsterInstance, ours: dict[dg.AssetKey, str], cursor: dict[str, int]) -> Iterator[News]:
    """What was recorded since; of a source that was never looked at, only the newest record."""
    for key in ours:
        after = cursor.get(key.to_user_string())
        wanted = dg.AssetRecordsFilter(key, after_storage_id=after)
        limit, ascending = (1, False) if after is None else (AT_ONCE, True)
        for record in instance.fetch_materializations(wanted, limit=limit, ascending=ascending).records:
            made = record.asset_materialization
            yield key.to_user_string(), record.storage_id, functools.partial(_incomplete, made, record.run_id)
        if key.path[-1] in SYNCED:
            yield from _failed_syncs(instance, key, cursor)
    after = cursor.get(FAILED_RUNS)
    failed = dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=after)
    limit, ascending = (1, False) if after is None else (AT_ONCE, True)
    for record in instance.fetch_run_status_changes(failed, limit=limit, ascending=ascending).records:
        yield FAILED_RUNS, record.storage_id, functools.partial(_failed, instance, ours, record.run_id)


def _incomplete(made: dg.AssetMaterialization | None, run_id: str) -> list[Alert]:
    metadata: dict[str, Any] = {name: value.value for name, value in made.metadata.items()} if made else {}
    if made is None or metadata.get("verdict", "complete") == "complete":
        return []
    asset = made.asset_key.to_user_string()
    return [
        Alert(
            asset,
            made.partition or "",
            "incomplete",
            metadata["reason"],
            metadata.get(HINT, SEE_RUN),
            run_id,
            metadata.get(CODE, "none"),
        )
    ]


def _syncs(key: dg.AssetKey) -> str:
    """The name of the failed syncs of an asset, as a source."""
    return f"{FAILED_SYNCS} of {key.to_user_string()}"


def _failed_syncs(instance: dg.DagsterInstance, key: dg.AssetKey, cursor: dict[str, int]) -> Iterator[News]:
    """What `taskhouse sync` reported of an asset that it could not make."""
    source = _syncs(key)
    wanted = dg.AssetRecordsFilter(key, after_storage_id=cursor.get(source))
    limit, ascending = (AT_ONCE, True) if source in cursor else (1, False)
    for record in instance.fetch_observations(wanted, limit=limit, ascending=ascending).records:
        yield source, record.storage_id, functools.partial(_failed_sync, record.asset_observation)


def _failed_sync(seen: dg.AssetObservation | None) -> list[Alert]:
    if seen is None or seen.description is None:
        return []
    fix, code = _fix(seen.metadata, SEE_COMMAND)
    return [Alert(seen.asset_key.to_user_string(), seen.partition or "", "failed", seen.description, fix, "", code)]


def _failed(instance: dg.DagsterInstance, ours: dict[dg.AssetKey, str], run_id: str) -> Iterator[Alert]:
    """The steps of ours that failed in a run; or, if none did, what it was to make when its process died."""
    run = instance.get_run_by_id(run_id)
    project = run.tags.get(PARTITION, "") if run else ""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds) if entry.dagster_event]
    names = {step: key.to_user_string() for key, step in ours.items()}
    steps = [event for event in events if event.is_step_failure]
    for event in steps:
        if event.step_key in names:
            reason, fix, code = _why(event)
            asset = names[event.step_key] if list(ours.values()).count(event.step_key) == 1 else event.step_key
            yield Alert(asset, project, "failed", reason, fix, run_id, code)
    planned = [event.asset_key for event in events if not event.is_step_failure and event.asset_key in ours]
    if planned and not steps:
        names_planned = ", ".join(key.to_user_string() for key in planned if key)
        yield Alert(names_planned, project, "failed", "the process of its run ended", SEE_RUN, run_id)


def _why(event: dg.DagsterEvent) -> tuple[str, str, str]:
    """What a step said itself, what to do, and the code.

    Of an unexpected error only the type is shown, since its text may contain anything.
    """
    data = event.step_failure_data
    said = data.user_failure_data
    if said is not None and said.description:
        return (said.description, *_fix(said.metadata, SEE_RUN))
    error = data.error.cause or data.error if data.error else None
    return (error.cls_name if error and error.cls_name else "it gave no reason"), SEE_RUN, "failed"


def _fix(metadata: Mapping[str, dg.MetadataValue[Any]], otherwise: str) -> tuple[str, str]:
    """What to do, and the code."""
    known = {name: str(value.value) for name, value in metadata.items()}
    hint = known.get(HINT, "none")
    return (hint if hint != "none" else otherwise), known.get(CODE, "failed")
