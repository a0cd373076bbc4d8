"""The cheapest step of a repository to its next state, by the server's rules (docs/api.md, 4.3).

Nothing applies to a repository that the server excludes. If the code of no capability was found it needs setup; if code
was found, but all of it is switched off, it is detected; if everything that applies is ready, so is the repository;
else it is partial.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from taskhouse.report.answers import Answer, evidence
from taskhouse.report.model import STATES, Need, Repository, Step

EFFORT = {"waiting_for_data": 1, "detected": 2, "needs_setup": 3}
"""States of a capability that is not ready, by what is left to do: let data arrive, switch it on, write code."""

FINDINGS = {"replay_insights": 1, "error_insights": 2, "core_suggestions": 3}
"""Capabilities by what the server must find in the code: an initialization; an error signal; both one and events."""


def step(state: str, answer: Answer, on: Collection[str] = ()) -> Step | None:
    """The cheapest step from a state; None if the repository is ready, or if the answer does not tell.

    Args:
        state: Where the repository stands.
        answer: The answer that it rests on.
        on: Capabilities that the project is known to have switched on: once their code is found, they count for more.
    """
    left = [
        Need(name, said.state, said.reason, evidence(said.evidence) if said.state == "waiting_for_data" else "")
        for name, said in answer.items()
        if said.state not in ("ready", "not_applicable")
    ]
    if not left or any(need.state not in EFFORT for need in left):
        return None
    left.sort(key=lambda need: (EFFORT[need.state], need.capability not in on, FINDINGS[need.capability]))
    first = left[0]
    if state == "partial":
        return Step("ready", tuple(left))
    if state == "detected" and first.state == "detected":
        return Step("partial", (first,))
    if state == "needs_setup":
        return Step("partial" if first.capability in on else "detected", (first,))
    return None


def switched_on(answers: Iterable[tuple[int, Answer]]) -> dict[int, set[str]]:
    """Capabilities that each project has switched on, as its answers tell."""
    found: dict[int, set[str]] = defaultdict(set)
    for project, answer in answers:
        found[project].update(name for name, said in answer.items() if said.state in ("waiting_for_data", "ready"))
    return found


def shared(repositories: Iterable[Repository]) -> list[tuple[Step, list[Repository]]]:
    """Repositories by their step, those steps first that need least and lift most."""
    found: dict[tuple[object, ...], list[Repository]] = defaultdict(list)
    for one in repositories:
        if one.step:
            found[one.step.target, *((need.capability, need.state, need.reason) for need in one.step.needs)].append(one)
    groups = [(here[0].step, here) for here in found.values() if here[0].step]
    return sorted(groups, key=lambda pair: _order(*pair))


def _order(step: Step, repositories: list[Repository]) -> tuple[int, ...]:
    most = max(EFFORT[need.state] for need in step.needs)
    return -STATES.index(step.target), len(step.needs), most, -len(repositories)
