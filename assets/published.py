"""The read-only copy of the warehouse for people and tools, so that readers and writers never wait for each other.

A copy contains what is proved and what is not, and the ledger that says which is which. A new copy is made only if
something changed: at most every few minutes, or every few seconds if the file system can clone the warehouse. If there
is a search index, it is brought up to date with the copy.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys
from taskhouse.assets.engine import engine_of, resource
from taskhouse.assets.queries import connected
from taskhouse.assets.resource_asset import GROUP, MARK, OWNERS
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.operations import Publication
    from taskhouse.settings import Settings
    from taskhouse.warehouse.publish import Published

NAME = "published"


def specs(key: dg.AssetKey, projects: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """The check of each project."""
    text = "The last pass of every resource in the copy was complete."
    return [
        dg.AssetCheckSpec(f"proven_{project}", asset=key, description=f"Project {project}: {text}")
        for project in projects
    ]


def asset_of(
    after: list[dg.AssetKey],
    prefix: str,
    projects: Sequence[str],
    again: dg.RetryPolicy | None,
    fresh: dg.FreshnessPolicy,
) -> dg.AssetsDefinition:
    """The asset of the published copy, downstream of every asset."""
    key = keys.key(prefix, NAME)

    @dg.asset(
        key=key,
        description=__doc__,
        deps=after,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "published", MARK: "published"},
        pool=keys.label(prefix, NAME),
        check_specs=specs(key, projects),
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine = engine_of(context, prefix)
        settings = attempt(engine, engine.settings)
        publication = attempt(engine, lambda: _published(settings, force=engine.copies_now))
        if publication is None:
            raise dg.Failure(
                "There is nothing to publish yet.",
                metadata={"hint": f"Materialize {keys.key(prefix, 'tasks').to_user_string()} first."},
                allow_retries=False,
            )
        yield attempt(engine, lambda: made(settings, key, projects, publication.copy, publication.figures))

    return compute


def _published(settings: "Settings", *, force: bool) -> "Publication | None":
    from taskhouse.operations import publish_all

    return publish_all(settings, force=force)


def made(
    settings: "Settings",
    key: dg.AssetKey,
    projects: Sequence[str],
    copy: "Published",
    figures: Mapping[str, int | str],
) -> dg.MaterializeResult[Any]:
    """What Dagster should know about a copy.

    Args:
        settings: Whose warehouse.
        key: The asset.
        projects: The projects whose checks are answered.
        copy: The copy.
        figures: What was done, by name.
    """
    with connected(settings, "checking the copy") as queries:
        open_ends = [(str(row["project_id"]), row["resource"]) for row in queries.rows("unproven")]
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "path": dg.MetadataValue.path(str(copy.path)),
            "made at": dg.MetadataValue.timestamp(copy.made_at),
            "method": copy.method,
            "bytes": copy.bytes,
            "seconds": copy.seconds,
            **figures,
        },
        check_results=[
            _proven(key, project, [name for of, name in open_ends if of == project]) for project in projects
        ],
    )


def _proven(key: dg.AssetKey, project: str, open_ends: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not open_ends,
        asset_key=key,
        check_name=f"proven_{project}",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not proved complete: {', '.join(open_ends)}." if open_ends else None,
    )
