"""Every asset, in the order in which one builds on the other."""

from collections.abc import Sequence

import dagster as dg

from assets import materialize, published
from assets.attempts import REPEAT
from assets.family import Family
from assets.readiness import READINESS
from assets.repositories import REPOSITORIES
from assets.run_events import RUN_EVENTS
from assets.runs import RUNS
from assets.tasks import TASKS

FAMILIES: tuple[Family, ...] = (TASKS, REPOSITORIES, READINESS, RUNS, RUN_EVENTS)


def catalog(projects: Sequence[int], *, repeat: bool = True) -> list[dg.AssetsDefinition]:
    """The assets, with one partition per project where they are read from PostHog.

    Args:
        projects: Ids of the projects, from the settings.
        repeat: Whether Dagster may repeat a step that failed.
    """
    partitions = dg.StaticPartitionsDefinition([str(project) for project in projects])
    again = REPEAT if repeat else None
    read = [materialize.asset_of(family, partitions, again) for family in FAMILIES]
    return [*read, published.asset_of([family.name for family in FAMILIES], again)]
