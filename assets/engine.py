"""What an asset needs from the engine: settings, one pass, and how often Dagster may retry."""

from typing import TYPE_CHECKING, Protocol, cast

from taskhouse.assets import keys

if TYPE_CHECKING:
    import dagster as dg

    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings


class Engine(Protocol):
    """The engine as the assets see it; the resource ``engine`` provides it."""

    @property
    def tries_again(self) -> int:
        """How often Dagster may retry a pass that the server or a lock stopped."""
        ...

    @property
    def copies_now(self) -> bool:
        """Whether to publish a copy even if the last one is recent."""
        ...

    def settings(self) -> "Settings":
        """What to fetch, from where, at what pace."""
        ...

    def sync(self, project_id: int, resource: str) -> "PassReport":
        """One pass over one resource of one project; raises what ``taskhouse.operations.sync`` raises."""
        ...

    def reworded(self, text: str) -> str:
        """What an error says, with the names under which the reader knows the settings."""
        ...


def resource(prefix: str) -> str:
    """The name of the resource that is the engine of a taskhouse."""
    return keys.label(prefix, "engine")


def engine_of(context: "dg.AssetExecutionContext", prefix: str) -> Engine:
    """The engine of the taskhouse with this prefix."""
    return cast("Engine", getattr(context.resources, resource(prefix)))
