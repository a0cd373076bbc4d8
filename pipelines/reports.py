"""Reports to Dagster what ``taskhouse sync`` did, as events of assets that belong to no run."""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys, materialize, published
from taskhouse.assets.catalog import asset_for, checks_of
from taskhouse.assets.pass_metadata import CODE, HINT
from taskhouse.errors import TaskhouseError
from taskhouse.pipelines import notes

if TYPE_CHECKING:
    from taskhouse.settings import Settings

ENDED = "ended"
"""When the pass ended; the event itself has the time at which it was reported."""


def report(instance: dg.DagsterInstance, settings: "Settings") -> int:
    """Report every note; returns how many there were.

    Raises:
        TaskhouseError: The warehouse cannot be read; the rest is reported next time.
    """
    reported = 0
    for note in notes.read(settings):
        if note.project_id is None:
            _copy(instance, settings, note)
        elif note.project_id in settings.project_ids and settings.wants(note.name):
            _pass(instance, settings, note, str(note.project_id))
        reported += 1
    return reported


def _pass(instance: dg.DagsterInstance, settings: "Settings", note: notes.Note, project: str) -> None:
    asset, checks = asset_for(settings, note.name), checks_of(settings, [note.name], project)
    if note.report is not None:
        made = materialize.made(settings, asset, checks, note.report, note.began)
        _made(instance, note, asset.key, made, project)
    elif note.failure is not None:
        _failed(instance, note, note.failure, asset.key, project)
        with contextlib.suppress(TaskhouseError):  # the warehouse may be why
            _answered(instance, asset.key, materialize.answered(settings, asset, checks))


def _copy(instance: dg.DagsterInstance, settings: "Settings", note: notes.Note) -> None:
    from taskhouse.warehouse.publish import current

    key, copy = keys.key(settings.asset_prefix, note.name), current(settings.published)
    if note.failure is not None:
        _failed(instance, note, note.failure, key)
    elif copy is not None:
        projects = list(map(str, settings.project_ids))
        _made(instance, note, key, published.made(settings, key, projects, copy, note.figures))


def _made(
    instance: dg.DagsterInstance,
    note: notes.Note,
    key: dg.AssetKey,
    made: dg.MaterializeResult[Any],
    project: str | None = None,
) -> None:
    metadata = {**(made.metadata or {}), ENDED: dg.MetadataValue.timestamp(note.ended)}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata, partition=project))
    _answered(instance, key, made.check_results or ())


def _failed(
    instance: dg.DagsterInstance,
    note: notes.Note,
    failure: notes.Failure,
    key: dg.AssetKey,
    project: str | None = None,
) -> None:
    seen = dg.AssetObservation(
        key,
        description=failure.message,
        metadata={
            "error": failure.error,
            HINT: failure.hint or "none",
            CODE: failure.code,
            ENDED: dg.MetadataValue.timestamp(note.ended),
        },
        partition=project,
    )
    instance.report_runless_asset_event(seen)


def _answered(instance: dg.DagsterInstance, key: dg.AssetKey, answers: Iterable[dg.AssetCheckResult]) -> None:
    for answer in answers:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=str(answer.check_name),
                passed=answer.passed,
                metadata=answer.metadata,
                severity=answer.severity,
                description=answer.description,
            )
        )
