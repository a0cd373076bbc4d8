"""Where the file system clones, a pass in Dagster publishes what it stored."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.assets import materialize
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.errors import Full
from taskhouse.pipelines.definitions import build
from taskhouse.search import index
from taskhouse.search.query import Question, search
from taskhouse.settings import Settings
from taskhouse.warehouse import publish
from taskhouse.warehouse.identity import Identity
from taskhouse.warehouse.opening import open_warehouse
from tests.blank import blank
from tests.pipelines.rows import QUIET, Still
from tests.warehouse import reflinks
from tests.warehouse.test_identity import commit


class Stores(Still):
    """An engine whose pass commits once."""

    def sync(self, project_id: int, resource: str) -> Any:
        del project_id, resource
        commit(open_warehouse(self.settings()))


def test_the_copy_that_a_pass_publishes_holds_it_and_is_newer_than_its_materialization(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reflinks.play(monkeypatch)
    monkeypatch.setattr(publish, "CLONES_EVERY_S", 0.0)
    monkeypatch.setattr(publish, "SHARE", 0)
    monkeypatch.setattr(materialize, "made", lambda *_: dg.MaterializeResult())
    blank(tmp_path / "warehouse.duckdb")
    settings = Settings(_env_file=None, project_ids=(1,), home=tmp_path)
    commit(open_warehouse(settings))
    first = publish.publish(open_warehouse(settings), settings.published)
    index.update(settings.published, settings.clock, create=True)
    asset = RESOURCE_ASSETS["tasks"].key
    with dg.DagsterInstance.ephemeral() as instance:
        job = build(settings, Stores(settings)).resolve_job_def("sync_tasks")
        job = job.get_subset(asset_selection={asset}, asset_check_selection=set())
        assert job.execute_in_process(instance=instance, partition_key="1", run_config=QUIET).success
        (made,) = instance.fetch_materializations(asset, limit=2).records
        monkeypatch.setattr(index, "update", lambda *_, **__: (_ for _ in ()).throw(Full("No room.")))
        job = build(settings, Still(settings)).resolve_job_def("sync_published")
        assert job.execute_in_process(instance=instance, run_config=QUIET).success, "whatever becomes of the index"
        (copy,) = instance.fetch_materializations(dg.AssetKey("published"), limit=2).records
    newest = publish.current(settings.published)
    assert first is not None
    assert newest is not None
    assert newest.path != first.path
    assert Identity.beside(newest.path) == Identity.beside(settings.warehouse)
    assert newest.made_at.timestamp() > made.timestamp
    assert search(settings.published, Question("anything")).copy == newest.path.stem, "so is the search index"
    materialization = copy.asset_materialization
    assert materialization is not None
    assert (
        materialization.metadata["runs and tasks to index"].value,
        materialization.metadata["search index"].value,
    ) == (0, "No room.")
