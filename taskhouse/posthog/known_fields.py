"""What taskhouse knows of an object: its fields, and the values of those that are one of a list.

Neither list is closed: a server may grow a field or a value at any time (API facts 4.2, 7.2, 8). What is not listed is
kept like the rest, and recorded once in ``ledger.drift``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from taskhouse.posthog.pages import Row

EXAMPLE = 100
"""How many characters of an unknown value are stored."""


class Unknown(NamedTuple):
    """A field, or with ``example`` a value, that is not known: its JSON pointer and its type."""

    path: str
    kind: str
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The known fields of an object, and by dotted path the known values of some of them.

    Fields of which earlier versions of taskhouse did not know are also in ``later``, each version's addition by itself:
    what such a version kept of an object was hashed without them. ``without_text`` takes out the words of an object
    that holds any, where the settings say so.
    """

    fields: frozenset[str]
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    later: tuple[frozenset[str], ...] = ()
    without_text: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None

    def unknown(self, row: Row) -> Iterator[Unknown]:
        """Every field of the row, and every value, that is not known; null is always known."""
        if not row.data.keys() <= self.fields:
            for name in sorted(row.data.keys() - self.fields):
                yield Unknown(f"/{name}", type(row.data[name]).__name__)
        for path, known in self.values.items():
            value: Any = row.data.get(path)
            if value is None and "." in path:
                value = row.data
                for step in path.split("."):
                    value = value.get(step) if isinstance(value, dict) else None
            if isinstance(value, str) and value not in known:
                yield Unknown(f"/{path.replace('.', '/')}", "str", value[:EXAMPLE])


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


STATUS = words("not_started queued in_progress completed failed cancelled")
ENVIRONMENT = words("local cloud")
ORIGIN = words(
    "onboarding error_tracking eval_clusters user_created automation slack support_queue session_summaries posthog_ai "
    "experiments signal_report signals_scout support_reply hogdesk review_hog image_builder loop mcp_analytics "
    "workflow signals_chat autoresearch scout_suggestions task_analysis space_setup business_knowledge cloud_agents"
)
