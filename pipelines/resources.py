"""The engine as a Dagster resource: a thin shell over the settings of this process."""

import contextlib
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings


class EngineResource(dg.ConfigurableResource["EngineResource"]):
    """Reads everything from the environment; settings from the launchpad apply to one run.

    While a step uses it, the process creates files only for their owner.
    """

    capture_seconds: float | None = Field(default=None, description="How long this run keeps live run streams open.")
    accept_viewer: bool = Field(
        default=False, description="Continue even if the key now belongs to a user who sees the project differently."
    )
    tries_again: int = Field(
        default=1, description="How often Dagster retries a step that a lock or the server stopped."
    )
    copies_now: bool = Field(default=False, description="Publish a copy even if the last one is recent.")

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[EngineResource]":
        """The engine, while a step uses it."""
        from taskhouse.home import closed

        del context
        with closed():
            yield self

    def base(self) -> "Settings":
        """Settings of the process."""
        from taskhouse.settings import load

        return load()

    def settings(self) -> "Settings":
        """The settings, with what this run changes."""
        from taskhouse.home import ready

        base = self.base()
        ready(base)
        changed: dict[str, object] = {}
        if self.capture_seconds is not None:
            changed["capture_seconds"] = self.capture_seconds
        if self.accept_viewer:
            changed["accept"] = (*base.accept, "viewer")
        return base.model_copy(update=changed)

    def reworded(self, text: str) -> str:
        """What an error says; the settings are the variables that it names."""
        return text

    def sync(self, project_id: int, resource: str) -> "PassReport":
        """One pass over one resource of one project."""
        import asyncio

        from taskhouse.operations import sync

        return asyncio.run(sync(self.settings(), project_id, resource))
