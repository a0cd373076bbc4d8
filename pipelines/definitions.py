"""What Dagster loads. No connection, request or file is opened until a step runs."""

import dagster as dg

from taskhouse.assets.catalog import catalog
from taskhouse.assets.engine import Engine, resource
from taskhouse.home import close
from taskhouse.pipelines.home import hasten
from taskhouse.pipelines.jobs import jobs
from taskhouse.pipelines.lifetime import end_with_parent
from taskhouse.pipelines.resources import EngineResource
from taskhouse.pipelines.schedules import schedules
from taskhouse.pipelines.sensors import sensors
from taskhouse.settings import Settings, load

PRELOADED = ["taskhouse.pipelines.definitions", "taskhouse.operations"]
"""Imports of the process that the steps of a run are forked from; none of them starts a thread or opens a file."""

STEPS = dg.multiprocess_executor.configured(
    {"start_method": {"forkserver": {"preload_modules": PRELOADED}}}, name="steps"
)
"""Each step runs in its own process, as by default in Dagster, but without two seconds of imports."""


def build(
    settings: Settings, engine: Engine | None = None, executor: dg.ExecutorDefinition | None = STEPS
) -> dg.Definitions:
    """Assets, jobs, schedules and sensors for the projects of these settings.

    Args:
        settings: Which projects, and the names.
        engine: The engine that runs passes; by default that of the environment.
        executor: What runs the steps; None leaves that to the code location.
    """
    engine = engine or EngineResource()
    assets = catalog(settings, repeat=isinstance(engine, EngineResource))
    made = jobs(settings)
    return dg.Definitions(
        assets=assets,
        jobs=list(made.values()),
        schedules=schedules(made, settings),
        sensors=sensors(made, settings),
        resources={resource(settings.asset_prefix): engine},
        executor=executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for the environment of this process, which then creates files only for their owner."""
    close()
    hasten()
    end_with_parent()
    return build(load())
