"""What taskhouse knows of each object: its fields, and the values of those that are one of a list.

Neither list is closed: a server may grow a field or a value at any time (API facts 4.2, 7.2, 8). What is not listed is
kept like the rest, and recorded once in ``ledger.drift``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from taskhouse.posthog import privacy
from taskhouse.posthog.pages import Row

EXAMPLE = 100
"""Characters of an unknown value that are kept."""


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
        for name in sorted(row.data.keys() - self.fields):
            yield Unknown(f"/{name}", type(row.data[name]).__name__)
        for path, known in self.values.items():
            value: Any = row.data
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            if isinstance(value, str) and value not in known:
                yield Unknown(f"/{path.replace('.', '/')}", "str", value[:EXAMPLE])


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STATUS = _words("not_started queued in_progress completed failed cancelled")
ENVIRONMENT = _words("local cloud")
ORIGIN = _words(
    "onboarding error_tracking eval_clusters user_created automation slack support_queue session_summaries posthog_ai "
    "experiments signal_report signals_scout support_reply hogdesk review_hog image_builder loop mcp_analytics "
    "workflow signals_chat autoresearch scout_suggestions task_analysis space_setup business_knowledge cloud_agents"
)
CAPABILITY = _words("needs_setup detected waiting_for_data ready not_applicable unknown")

TASK = Shape(
    _words(
        "id task_number slug title title_manually_set description origin_product runtime repository repositories "
        "github_integration github_user_integration signal_report json_schema internal archived archived_at latest_run "
        "created_at updated_at last_activity_at created_by ci_prompt channel slack_thread_references origin_key"
    ),
    {"origin_product": ORIGIN, "runtime": _words("acp pi")},
    later=(_words("origin_key"),),
    without_text=privacy.task_without_text,
)
RUN = Shape(
    _words(
        "id task stage branch status environment runtime_adapter provider model reasoning_effort log_url error_message "
        "output state artifacts created_at updated_at completed_at task_summary task_tags scheduled_at "
        "preview_available"
    ),
    {
        "status": STATUS,
        "environment": ENVIRONMENT,
        "runtime_adapter": _words("claude codex"),
        "provider": _words("anthropic openai"),
        "reasoning_effort": _words("off none minimal low medium high xhigh max ultracode"),
    },
    later=(_words("task_summary task_tags scheduled_at preview_available"),),
    without_text=privacy.run_without_text,
)
SUMMARY = Shape(
    _words("id title repository created_at updated_at origin_product latest_run created_by created_by_id"),
    {
        "origin_product": ORIGIN,
        "latest_run.status": STATUS,
        "latest_run.environment": ENVIRONMENT,
        "latest_run.pr_state": _words("open draft merged closed unknown"),
    },
)
USAGE = Shape(_words("token_cost_usd compute_cost_usd total_cost_usd"))
READINESS = Shape(
    _words(
        "repository classification excluded coreSuggestions replayInsights errorInsights overall evidenceTaskCount "
        "windowDays generatedAt cacheAgeSeconds scan"
    ),
    {
        "overall": _words("ready partial needs_setup detected unknown"),
        "classification": _words("test_or_sandbox sdk_or_library frontend_js backend_service unknown"),
        "coreSuggestions.state": CAPABILITY,
        "replayInsights.state": CAPABILITY,
        "errorInsights.state": CAPABILITY,
    },
)
