"""The digest of a project about the last week, sent to the chats and mailboxes of `TASKHOUSE_NOTIFY`.

Nothing is sent if nothing happened. Each address gets a week once: a second run, and a retry after one address refused,
send only what is left.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from taskhouse.assets import keys, report
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.queries import reading
from taskhouse.assets.resource_asset import MARK, OWNERS
from taskhouse.assets.retries import attempt
from taskhouse.assets.views import GROUP
from taskhouse.atomic import write

NAME = "digest"


def asset_of(prefix: str, projects: dg.StaticPartitionsDefinition, again: dg.RetryPolicy | None) -> dg.AssetsDefinition:
    """The asset of the digest, with one partition per project; it is never late, since in a quiet week there is none.

    Args:
        prefix: Is put before its name.
        projects: One partition per project.
        again: How Dagster retries a failed step.
    """

    @dg.asset(
        key=keys.key(prefix, NAME),
        description=__doc__,
        deps=[keys.key(prefix, report.NAME)],
        partitions_def=projects,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python"},
        tags={"layer": "report", MARK: "report"},
        pool=keys.label(prefix, NAME),
        output_required=False,
        required_resource_keys={resource(prefix)},
        retry_policy=again,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine = engine_of(context, prefix)
        yield from attempt(engine, lambda: list(_sent(context, engine)))

    return compute


def _sent(context: dg.AssetExecutionContext, engine: Engine) -> Iterator[dg.MaterializeResult[Any]]:
    from taskhouse.digest import formats, gather
    from taskhouse.digest.send import send
    from taskhouse.report import Options, directory
    from taskhouse.report.model import Nothing

    project_id, settings = int(context.partition_key), engine.settings()
    with reading(settings) as (snapshot, _):
        options = Options(projects=(project_id,))
        found = gather(snapshot, options, directory.of(settings), settings.report_url or None)
    if isinstance(found, Nothing):
        context.log.info("There is no digest of project %s: %s", project_id, engine.reworded(found.said))
        return
    delivered = Delivered(settings.home / "reports" / f"digest-{project_id}.json", found.title)
    left = [address for address in settings.addresses if not delivered.has(address)]
    if not left:
        context.log.info("The digest of project %s for this week was sent before.", project_id)
        return
    services = send(found.title, formats.text(found), formats.html(found), left, delivered.add)
    yield dg.MaterializeResult(
        metadata={
            "project": str(project_id),
            "sent to": ", ".join(services),
            "lines": len(found.lines),
            "digest": dg.MetadataValue.md(formats.markdown(found)),
        }
    )


class Delivered:
    """Who has the newest digest of a project, kept in a small file; addresses as hashes, since they carry secrets."""

    def __init__(self, path: Path, title: str) -> None:
        self._path, self._title = path, title
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            self._hashes = set(known["sent"]) if known["title"] == title else set()
        except (OSError, ValueError, LookupError, TypeError):
            self._hashes = set()

    def has(self, address: str) -> bool:
        """Whether this address has it."""
        return _hash(address) in self._hashes

    def add(self, address: str) -> None:
        """Note, on the disk, that this address has it."""
        self._hashes.add(_hash(address))
        write(self._path, json.dumps({"title": self._title, "sent": sorted(self._hashes)}))


def _hash(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()
