"""The engine as a Dagster resource: a thin shell over the settings of this process."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from taskhouse.passes.lifecycle import Report
    from taskhouse.settings import Settings


class EngineResource(dg.ConfigurableResource["EngineResource"]):
    """Reads everything from the environment; what is set here holds for one run, from the launchpad."""

    capture_seconds: float | None = Field(default=None, description="How long this run keeps live run streams open.")
    accept_viewer: bool = Field(
        default=False, description="Go on although the key now belongs to somebody who sees the project otherwise."
    )
    tries_again: int = Field(default=1, description="How often Dagster may repeat what a lock or the server stopped.")
    copies_now: bool = Field(default=False, description="Publish a copy although the last one is young.")

    def settings(self) -> "Settings":
        """Settings of the process, with what this run changes."""
        from taskhouse.home import ready
        from taskhouse.settings import load

        ready(load())
        changed: dict[str, object] = {}
        if self.capture_seconds is not None:
            changed["capture_seconds"] = self.capture_seconds
        if self.accept_viewer:
            changed["accept_viewer"] = True
        return load().model_copy(update=changed)

    def sync(self, project_id: int, resource: str) -> "Report":
        """One pass over one resource of one project."""
        import asyncio

        from taskhouse.operations import sync

        return asyncio.run(sync(self.settings(), project_id, resource))
