"""What Dagster loads. Nothing is connected to, requested or opened until a step runs."""

import dagster as dg

from assets.catalog import catalog
from assets.engine import Engine
from pipelines.jobs import jobs
from pipelines.resources import EngineResource
from pipelines.schedules import schedules
from pipelines.sensors import sensors
from taskhouse.home import close
from taskhouse.settings import Settings, load


def build(settings: Settings, engine: Engine | None = None) -> dg.Definitions:
    """Assets, jobs, schedules and sensors for the projects of these settings, on the caller's engine if it has one."""
    assets = catalog(settings, repeat=engine is None)
    made = jobs(settings)
    return dg.Definitions(
        assets=assets,
        jobs=list(made.values()),
        schedules=schedules(made, settings),
        sensors=sensors(made, settings),
        resources={"engine": engine or EngineResource()},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for the environment of this process, which from now on makes files for its owner alone."""
    close()
    return build(load())
