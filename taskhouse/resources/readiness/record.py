"""A readiness answer as columns: which fields are known, and what is stored."""

from collections.abc import Mapping
from typing import Any

from taskhouse.posthog import content, fields
from taskhouse.posthog.known_fields import Shape, words
from taskhouse.posthog.pages import Row, digest
from taskhouse.posthog.redact import redact_event

_CAPABILITY = words("needs_setup detected waiting_for_data ready not_applicable unknown")
SHAPE = Shape(
    words(
        "repository classification excluded coreSuggestions replayInsights errorInsights overall evidenceTaskCount "
        "windowDays generatedAt cacheAgeSeconds scan"
    ),
    {
        "overall": words("ready partial needs_setup detected unknown"),
        "classification": words("test_or_sandbox sdk_or_library frontend_js backend_service unknown"),
        "coreSuggestions.state": _CAPABILITY,
        "replayInsights.state": _CAPABILITY,
        "errorInsights.state": _CAPABILITY,
    },
)

_NO_INTEGRATION = "GitHub integration is not connected."
_NO_TOKEN = "Unable to access GitHub integration token."  # noqa: S105 - a sentence of the server's


def read(row: Row) -> dict[str, Any]:
    """Columns of ``raw.readiness_snapshots`` from a readiness answer.

    Raises:
        BadRecord: The repository, the window, a state or the time is not what the contract says.
    """
    data = row.data
    scan = fields.mapping(data, "scan", optional=True)
    kept = {name: value for name, value in data.items() if name != "cacheAgeSeconds"}
    states = {name: fields.mapping(data, name) or {} for name in ("coreSuggestions", "replayInsights", "errorInsights")}
    return {
        "repository": fields.text(data, "repository"),
        "window_days": fields.number(data, "windowDays", below=fields.INTEGER),
        "generated_at": fields.moment(data, "generatedAt"),
        "overall": fields.text(data, "overall"),
        "classification": fields.text(data, "classification", optional=True),
        "excluded": fields.flag(data, "excluded"),
        "core_suggestions_state": fields.text(states["coreSuggestions"], "state", "/coreSuggestions"),
        "replay_insights_state": fields.text(states["replayInsights"], "state", "/replayInsights"),
        "error_insights_state": fields.text(states["errorInsights"], "state", "/errorInsights"),
        "evidence_task_count": fields.number(data, "evidenceTaskCount"),
        "evidence": evidence(scan, states["coreSuggestions"].get("reason")),
        "files_scanned": fields.number(scan or {}, "filesScanned", "/scan", optional=True),
        "detected_files_count": fields.number(scan or {}, "detectedFilesCount", "/scan", optional=True),
        "event_name_count": fields.number(scan or {}, "eventNameCount", "/scan", optional=True),
        "payload": redact_event(content.canonical(kept))[0].decode(),
        "payload_sha256": digest(row.text),
    }


def evidence(scan: Mapping[str, Any] | None, reason: object) -> str:
    """What an answer is based on: ``scan``, ``empty_scan``, ``no_integration``, ``no_token`` or ``none``.

    An unknown repository, a GitHub outage and its rate limit all look like an empty repository; the only sign is a scan
    of zero files (API facts 4.4).
    """
    if scan is not None:
        return "empty_scan" if not scan.get("filesScanned") and not scan.get("detectedFilesCount") else "scan"
    return {_NO_INTEGRATION: "no_integration", _NO_TOKEN: "no_token"}.get(str(reason), "none")
