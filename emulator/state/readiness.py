"""How ready a repository is: computed from its facts, cached for ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.rendering import hand_built
from taskhouse.emulator.state.classify import APPLICABLE, EXCLUDED, classify, overall
from taskhouse.emulator.world.facts import MAX_CANDIDATES, MAX_EVENT_NAMES, MAX_READ, RepositoryFacts, make_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.world.model import Project
    from taskhouse.emulator.world.world import World

CACHE_S: Final = 600
_NO_INTEGRATION: Final = "GitHub integration is not connected."
_NO_ACCESS: Final = "Unable to access GitHub integration token."
_NAMES: Final = {"core": "coreSuggestions", "replay": "replayInsights", "error": "errorInsights"}
_REASONS: Final = {
    ("core", "needs_setup"): "No PostHog initialization and event capture were found in the scanned files.",
    ("core", "detected"): "Event tracking was found, but proactive tasks are disabled for this project.",
    ("core", "ready"): "Captured events were received recently.",
    ("core", "waiting_for_data"): "Event tracking was found, but no matching events were received recently.",
    ("replay", "needs_setup"): "No PostHog initialization was found in the scanned files.",
    ("replay", "detected"): "PostHog was found, but session recording is disabled for this project.",
    ("replay", "ready"): "Session recordings produced tasks recently.",
    ("replay", "waiting_for_data"): "Session recording is enabled, but produced no tasks recently.",
    ("error", "needs_setup"): "No error tracking signals were found in the scanned files.",
    ("error", "detected"): "Error tracking was found, but exception autocapture is disabled for this project.",
    ("error", "ready"): "Error tracking issues were created recently.",
    ("error", "waiting_for_data"): "Error tracking is set up, but no issues were created recently.",
}
_NOT_APPLICABLE: Final = "Not applicable to this kind of repository."


@dataclass(frozen=True, slots=True)
class Scan:
    """What reading the repository found."""

    files: int = 0
    candidates: int = 0
    event_names: int = 0
    init: bool = False
    capture: bool = False
    errors: bool = False

    @classmethod
    def of(cls, facts: RepositoryFacts, now: datetime) -> Scan:
        """Scan the repository as it is now; one that cannot be read looks empty."""
        if not facts.reachable:
            return cls()
        candidates = min(MAX_CANDIDATES, facts.frontend_files + facts.backend_files)
        if candidates == 0:
            return cls()
        capture = _since(facts.capture_at, now)
        return cls(
            files=min(MAX_READ, candidates),
            candidates=candidates,
            event_names=min(MAX_EVENT_NAMES, len(facts.events)) if capture else 0,
            init=_since(facts.init_at, now),
            capture=capture,
            errors=_since(facts.errors_at, now),
        )

    def shown(self) -> dict[str, Any]:
        """The ``scan`` object of the answer."""
        return {
            "filesScanned": self.files,
            "detectedFilesCount": self.candidates,
            "eventNameCount": self.event_names,
            "foundPosthogInit": self.init,
            "foundPosthogCapture": self.capture,
            "foundErrorSignal": self.errors,
        }


def _since(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


class Readiness:
    """Computes answers and keeps them; every window of a repository is cached by itself, for all users."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._start = clock.now()
        self.facts: dict[str, RepositoryFacts] = {}
        self._cache: dict[tuple[int, int | None, str, int], tuple[datetime, dict[str, Any]]] = {}

    def facts_of(self, project_id: int, repository: str) -> RepositoryFacts:
        """The facts of a repository; one that no task of the project names is unknown to GitHub as well."""
        if repository not in self.facts:
            known = repository in self._world.generators[project_id].repositories
            self.facts[repository] = (
                make_facts(self._world, repository, self._start) if known else RepositoryFacts(reachable=False)
            )
        return self.facts[repository]

    def answer(self, project: Project, repository: str, window_days: int, *, refresh: bool) -> dict[str, Any]:
        """The answer as it is served now; ``refresh`` skips reading the cache, not writing it."""
        now = self._clock.now()
        key = (project.id, project.github_integration, repository, window_days)
        kept = self._cache.get(key)
        if kept is not None and not refresh and (now - kept[0]).total_seconds() < CACHE_S:
            return {**kept[1], "cacheAgeSeconds": int((now - kept[0]).total_seconds())}
        answer = self._compute(project, repository, window_days, now)
        if project.github_integration is not None:
            self._cache[key] = (now, answer)
        return answer

    def _compute(self, project: Project, repository: str, window_days: int, now: datetime) -> dict[str, Any]:
        since = now - timedelta(days=window_days)
        evidence_tasks = self._world.evidence_tasks(project.id, repository, since, now)
        scan = None
        if project.github_integration is None:
            kind = "unknown"
            states = dict.fromkeys(_NAMES, _capability("needs_setup", _NO_INTEGRATION, {}))
        elif not project.github_token:
            kind = "unknown"
            states = dict.fromkeys(_NAMES, _capability("unknown", _NO_ACCESS, {}))
        else:
            facts = self.facts_of(project.id, repository)
            kind = classify(repository, facts)
            scan = Scan.of(facts, now)
            states = _capabilities(project, facts, kind, scan, evidence_tasks, since, now)
        answer: dict[str, Any] = {
            "repository": repository,
            "classification": kind,
            "excluded": kind in EXCLUDED,
            **{name: states[part] for part, name in _NAMES.items()},
            "overall": overall(state["state"] for state in states.values()),
            "evidenceTaskCount": evidence_tasks,
            "windowDays": window_days,
            "generatedAt": hand_built(now),
            "cacheAgeSeconds": 0,
        }
        if scan is not None:
            answer["scan"] = scan.shown()
        return answer


def _capability(state: str, reason: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {"state": state, "estimated": True, "reason": reason, "evidence": dict(evidence)}


def _capabilities(
    project: Project,
    facts: RepositoryFacts,
    kind: str,
    scan: Scan,
    evidence_tasks: int,
    since: datetime,
    now: datetime,
) -> dict[str, dict[str, Any]]:
    matched = sum(event.seen(since, now) for event in facts.events) if scan.event_names else 0
    issues = sum(since <= at <= now for at in project.error_issues)
    tracked = scan.init and (scan.capture or scan.event_names > 0)
    core = _state(found=tracked, enabled=project.proactive_tasks, data=matched)
    replay = _state(found=scan.init, enabled=project.session_recording, data=evidence_tasks)
    watched = scan.errors or (kind == "frontend_js" and scan.init)
    error = _state(found=watched, enabled=project.exception_autocapture, data=issues)
    core_evidence = {"matchedEventCount": matched}
    if core == "ready":
        core_evidence["eventNameCount"] = scan.event_names
    found = {
        "core": (core, core_evidence),
        "replay": (replay, {"replayTaskCount": evidence_tasks}),
        "error": (error, {"recentErrorIssueCount": issues}),
    }
    return {
        part: _capability(state, _REASONS[part, state], evidence)
        if part in APPLICABLE[kind]
        else _capability("not_applicable", _NOT_APPLICABLE, {})
        for part, (state, evidence) in found.items()
    }


def _state(*, found: bool, enabled: bool, data: int) -> str:
    if not found:
        return "needs_setup"
    if not enabled:
        return "detected"
    return "ready" if data else "waiting_for_data"
