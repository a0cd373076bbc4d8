"""How runs go: with which model, how long, and whether they succeed. Models come and go, and trouble lasts for days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from taskhouse.emulator.world.model import Fate

if TYPE_CHECKING:
    from random import Random


class Model(NamedTuple):
    """A model that agents think with, from one day of the workload up to another (None: for good)."""

    adapter: str
    provider: str
    name: str
    weight: float
    succeeds: float
    minutes: float
    since: int = 0
    until: int | None = None


class Trouble(NamedTuple):
    """What makes some runs fail on some days of six weeks, in some repositories (those whose name has the text)."""

    since: int
    until: int
    share: float
    error: str
    repositories: str = ""


MODELS: Final = (
    Model("claude", "anthropic", "claude-opus-4-8", 3.0, 0.87, 10.5),
    Model("claude", "anthropic", "claude-sonnet-5", 5.0, 0.79, 7.5, until=24),
    Model("claude", "anthropic", "claude-haiku-4-5", 1.5, 0.66, 4.0, until=17),
    Model("codex", "openai", "gpt-5.5-codex", 2.0, 0.75, 8.5, until=33),
    Model("claude", "anthropic", "claude-sonnet-5-1", 6.0, 0.87, 7.0, since=15),
    Model("codex", "openai", "gpt-5.6-codex", 2.5, 0.84, 8.0, since=31),
)
TROUBLES: Final = (
    Trouble(13, 14, 0.35, "API Error: 529 overloaded_error (request req_{id})"),
    Trouble(19, 23, 0.4, "npm ERR! code E401 Unable to authenticate with registry.npmjs.org, attempt {small}", "-"),
    Trouble(29, 30, 0.25, "Timed out after {seconds} s waiting for sandbox sbx-{id}"),
)
_ERRORS: Final = (
    (5, "Sandbox exited with code 137 after {seconds} s"),
    (4, "Tests failed: {small} failed, {number} passed"),
    (3, "Reached the maximum number of turns (40)"),
    (2, "git push failed: remote: Permission denied to posthog-code[bot] for branch posthog-code/{id}"),
    (2, "API Error: 529 overloaded_error (request req_{id})"),
    (1, "Agent reported error: context window exceeded at {number} tokens"),
)
"""What runs fail with at any time, with weights."""

READY_HELPS: Final = 0.09
"""How much more often runs succeed where PostHog is set up, and less often where it is not."""

_CANCELLED: Final = 0.05
_LONG: Final = 0.02
_CYCLE_DAYS: Final = 42


def model(day: int, rng: Random) -> Model:
    """One of the models that there are on a day of the workload."""
    there = [each for each in MODELS if each.since <= day and (each.until is None or day < each.until)]
    return rng.choices(there, [each.weight for each in there])[0]


def fate(by: Model, repository: str | None, day: int, *, ready: bool, number: int, rng: Random) -> Fate:
    """How a run goes; ``number`` is that of its pull request, 0 if it makes none."""
    minutes = min(20.0, max(1.2, by.minutes * rng.lognormvariate(0.0, 0.55)))
    if rng.random() < _LONG:
        minutes = rng.uniform(30, 85)
    size = _size(minutes) * rng.lognormvariate(0.0, 0.25)
    trouble = next((each for each in TROUBLES if _meets(each, repository, day) and rng.random() < each.share), None)
    dice = rng.random()
    if trouble is None and dice < by.succeeds + (READY_HELPS if ready else -READY_HELPS) - _CANCELLED:
        return Fate("completed", minutes * 60, size, pull_request=number)
    if trouble is None and dice > 1 - _CANCELLED:
        return Fate("cancelled", minutes * 60 * rng.uniform(0.2, 0.9), size / 2)
    error = trouble.error if trouble else rng.choices([text for _, text in _ERRORS], [each for each, _ in _ERRORS])[0]
    seconds = minutes * 60 * rng.uniform(0.3, 1.0)
    return Fate("failed", seconds, size * 0.7, error=_filled(error, seconds, rng))


def success(number: int, rng: Random) -> Fate:
    """How a run goes that nothing stops."""
    minutes = rng.uniform(5, 14)
    return Fate("completed", minutes * 60, _size(minutes), pull_request=number)


def _size(minutes: float) -> float:
    """How many events a run has, in proportion: a long one some more than a short one."""
    return 0.08 + minutes * 0.022


def _meets(trouble: Trouble, repository: str | None, day: int) -> bool:
    return trouble.since <= day % _CYCLE_DAYS <= trouble.until and trouble.repositories in (repository or "")


def _filled(text: str, seconds: float, rng: Random) -> str:
    return text.format(
        id=f"{rng.getrandbits(32):08x}",
        seconds=round(seconds),
        small=rng.randint(1, 4),
        number=rng.randint(40, 900),
    )
