"""How a repository is classified and how capabilities add up to one state: the documented rules, with no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskhouse.emulator.world.facts import RepositoryFacts

_SANDBOX: Final = ("test", "sandbox", "demo", "example", "fixture", "playground")
_LIBRARY: Final = ("sdk", "client", "library", "lib")
_FRONTEND: Final = ("web", "frontend", "site", "app", "js")
_BACKEND: Final = ("backend", "server", "api", "infra", "monorepo")
EXCLUDED: Final = frozenset({"test_or_sandbox", "sdk_or_library"})
APPLICABLE: Final = {
    "test_or_sandbox": frozenset[str](),
    "sdk_or_library": frozenset[str](),
    "frontend_js": frozenset({"core", "replay", "error"}),
    "backend_service": frozenset({"core", "error"}),
    "unknown": frozenset({"core", "error"}),
}


def classify(repository: str, facts: RepositoryFacts) -> str:
    """Name hints for what is excluded, then marker files, then name hints, then file types. Hints are substrings."""
    name = repository.partition("/")[2]
    if _hinted(name, _SANDBOX):
        return "test_or_sandbox"
    if _hinted(name, _LIBRARY):
        return "sdk_or_library"
    reachable = facts.reachable
    by_markers = _larger(facts.frontend_markers, facts.backend_markers) if reachable else None
    if by_markers:
        return by_markers
    if _hinted(name, _FRONTEND):
        return "frontend_js"
    if _hinted(name, _BACKEND):
        return "backend_service"
    return (_larger(facts.frontend_files, facts.backend_files) if reachable else None) or "unknown"


def _hinted(name: str, hints: Iterable[str]) -> bool:
    return any(hint in name for hint in hints)


def _larger(frontend: int, backend: int) -> str | None:
    if frontend == backend:
        return None
    return "frontend_js" if frontend > backend else "backend_service"


def overall(states: Iterable[str]) -> str:
    """One word for the capabilities; those that are not applicable do not count."""
    found = {state for state in states if state != "not_applicable"}
    if not found or "unknown" in found:
        return "unknown"
    if found == {"ready"}:
        return "ready"
    if found == {"needs_setup"}:
        return "needs_setup"
    if found <= {"needs_setup", "detected"}:
        return "detected"
    return "partial"
