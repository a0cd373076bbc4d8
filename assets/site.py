"""The site of static files in the folder of `TASKHOUSE_SITE`: reports, repositories and runs of all projects.

Each run of it writes only what changed since the last one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys, report
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.queries import reading
from taskhouse.assets.resource_asset import MARK, OWNERS
from taskhouse.assets.retries import attempt
from taskhouse.assets.views import GROUP
from taskhouse.errors import Locked

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.site import Written

NAME = "site"


def asset_of(prefix: str, again: dg.RetryPolicy | None, fresh: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The asset of the site, without partitions.

    Args:
        prefix: Is put before its name.
        again: How Dagster retries a failed step.
        fresh: How old it may become.
    """

    @dg.asset(
        key=keys.key(prefix, NAME),
        description=__doc__,
        deps=[keys.key(prefix, report.NAME)],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"html", "python"},
        tags={"layer": "report", MARK: "report"},
        pool=keys.label(prefix, NAME),
        output_required=False,
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine = engine_of(context, prefix)
        done = attempt(engine, lambda: _if_free(context, engine))
        if done is not None:
            yield dg.MaterializeResult(
                metadata={
                    "path": dg.MetadataValue.path(str(done.index.resolve())),
                    "pages": done.pages,
                    "new or changed": done.written,
                    "removed": done.removed,
                }
            )

    return compute


def _if_free(context: dg.AssetExecutionContext, engine: Engine) -> "Written | None":
    """Write it; None if another process does so even after the retry.

    Raises:
        Locked: Another process does so, and Dagster can still retry.
    """
    try:
        return _written(engine.settings())
    except Locked as problem:
        if context.retry_number < engine.tries_again:
            raise
        context.log.warning("%s The next run of the schedule brings the site up to date.", problem.message)
        return None


def _written(settings: "Settings") -> "Written":
    from taskhouse import site
    from taskhouse.report import directory

    if settings.site is None:  # the asset exists only if it is set
        raise dg.Failure("TASKHOUSE_SITE is not set.", allow_retries=False)
    with reading(settings) as (snapshot, _):
        return site.write(snapshot, settings.site / settings.asset_prefix, directory.of(settings))
