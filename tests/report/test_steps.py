"""The cheapest next step, against the server's rules for the state of a repository."""

from collections.abc import Iterator, Mapping
from itertools import product

import pytest

from taskhouse.report.answers import Answer, Said
from taskhouse.report.model import STATES, Repository, Step
from taskhouse.report.steps import shared, step, switched_on

CAPABILITIES = ("core_suggestions", "replay_insights", "error_insights")
LEVELS = ("needs_setup", "detected", "waiting_for_data", "ready")


def overall(states: Mapping[str, str]) -> str:
    """The state of a repository, as the server decides it."""
    left = {state for state in states.values() if state != "not_applicable"}
    if left == {"ready"}:
        return "ready"
    if left == {"needs_setup"}:
        return "needs_setup"
    return "detected" if left <= {"needs_setup", "detected"} else "partial"


def answers() -> Iterator[dict[str, str]]:
    """Every answer about a frontend, and about a backend, where replays do not apply."""
    for states in product(LEVELS, repeat=3):
        yield dict(zip(CAPABILITIES, states, strict=True))
    for core, errors in product(LEVELS, repeat=2):
        yield dict(zip(CAPABILITIES, (core, "not_applicable", errors), strict=True))


def said(states: Mapping[str, str]) -> Answer:
    return {name: Said(state, f"why {name} is {state}", {}) for name, state in states.items()}


def done(states: dict[str, str], taken: Step, on: set[str]) -> dict[str, str]:
    """The states after a step: found code counts as switched off unless the project has it on."""
    after = {"needs_setup": "detected", "detected": "waiting_for_data", "waiting_for_data": "ready"}
    found = dict(states)
    for need in taken.needs:
        name = need.capability
        found[name] = "ready" if taken.target == "ready" else after[states[name]]
        if found[name] == "detected" and name in on:
            found[name] = "waiting_for_data"
    return found


@pytest.mark.parametrize("on", [set(), {"error_insights"}, set(CAPABILITIES)])
def test_a_step_reaches_the_next_state_and_nothing_less_does(on: set[str]) -> None:
    for states in answers():
        before = overall(states)
        known = on - {name for name, state in states.items() if state == "detected"}
        taken = step(before, said(states), known)
        assert (taken is None) == (before == "ready")
        if taken:
            assert overall(done(states, taken, known)) == taken.target
            assert STATES.index(taken.target) > STATES.index(before)
            for number in range(len(taken.needs)):
                fewer = Step(taken.target, taken.needs[:number] + taken.needs[number + 1 :])
                assert overall(done(states, fewer, known)) != taken.target


def test_of_several_ways_the_one_with_least_to_do_is_taken() -> None:
    one = step("detected", said(dict(zip(CAPABILITIES, ("needs_setup", "needs_setup", "detected"), strict=True))))
    assert one
    assert [(need.capability, need.reason) for need in one.needs] == [
        ("error_insights", "why error_insights is detected")
    ]
    two = step("partial", said(dict(zip(CAPABILITIES, ("needs_setup", "waiting_for_data", "ready"), strict=True))))
    assert two
    assert [need.capability for need in two.needs] == ["replay_insights", "core_suggestions"]


def test_nothing_is_said_where_the_answer_does_not_tell() -> None:
    assert step("partial", {}) is None
    assert step("partial", {"core_suggestions": Said("unknown", "", {})}) is None
    assert step("unknown", said(dict.fromkeys(CAPABILITIES, "not_applicable"))) is None


def test_repositories_with_the_same_step_stand_together_those_nearest_to_ready_first() -> None:
    near = said(dict(zip(CAPABILITIES, ("waiting_for_data", "ready", "ready"), strict=True)))
    far = said(dict(zip(CAPABILITIES, ("needs_setup",) * 3, strict=True)))
    known = [Repository(1, name, None, step=step(state, answer)) for name, state, answer in (
        ("a/1", "needs_setup", far), ("a/2", "partial", near), ("a/3", "partial", near), ("a/4", "ready", {})
    )]  # fmt: skip
    assert [[one.name for one in here] for _, here in shared(known)] == [["a/2", "a/3"], ["a/1"]]


def test_a_capability_that_waits_for_data_anywhere_is_switched_on_for_the_project() -> None:
    answer = said(dict(zip(CAPABILITIES, ("waiting_for_data", "needs_setup", "detected"), strict=True)))
    assert switched_on([(1, answer), (2, {})]) == {1: {"core_suggestions"}, 2: set()}
