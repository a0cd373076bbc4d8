"""The whole run, act by act, in the time that it has."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from taskhouse.emulator.script.event_writer import Pen, flushed
from taskhouse.emulator.script.notices import interlude, row_usage
from taskhouse.emulator.script.pi import PiPen, pi_opening, pi_prompt, pi_tool_call, pi_turn_end
from taskhouse.emulator.script.rare import rarity
from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Part, RunSpec, Step
from taskhouse.emulator.script.tools import tool_call
from taskhouse.emulator.script.turns import (
    branch_known,
    ending,
    false_start,
    opening,
    opening_text,
    prompt,
    setup,
    turn_end,
)
from taskhouse.emulator.script.words import PROMPTS

_ROUNDS: Final = 7.0
_CHUNKS_A_SECOND: Final = 18
_LATE_FLUSH_RATE: Final = 0.1
_REBOOT_RATE: Final = 0.06
_PERMISSION_RATE: Final = 0.03
_GRANT_RATE: Final = 0.8
_RARITY_RATE: Final = 0.04
_FALSE_START_RATE: Final = 0.08


def play(spec: RunSpec, rng: Random) -> Iterator[Step]:
    """Yield the run's steps in time order, lazily, the last one making it terminal.

    The same ``spec`` and seed give the same steps. Live events number some hundreds at size 1, four in five of them
    chunks of 200 to 400 bytes. Nothing ends the stream: writing the sentinel is the player's part.
    """
    late_s = rng.uniform(1, 20) if rng.random() < _LATE_FLUSH_RATE else 0.0
    return flushed(_steps(spec, rng), late_s)


def _steps(spec: RunSpec, rng: Random) -> Iterator[Step]:
    scene = Scene(spec, rng)
    pen = (PiPen if spec.adapter == "pi" else Pen)(spec, rng, scene.session_id)
    rounds = max(2, round(rng.lognormvariate(0, 0.6) * _ROUNDS * spec.size))
    turns = 1 + sum(rng.random() < rate for rate in (0.3, 0.1)) if rounds > _ROUNDS else 1
    reboot_at = rng.randrange(rounds) if rng.random() < _REBOOT_RATE and spec.adapter != "pi" else -1
    setup_s = min(spec.duration_s * 0.15, 30.0)
    ending_s = min(spec.duration_s * 0.05, 2.0)
    slot_s = (spec.duration_s - setup_s - ending_s) / rounds
    yield from _fit(pen, setup(scene), 0.0, setup_s)
    if spec.outcome == "failed" and not spec.error and rng.random() < _FALSE_START_RATE:
        yield from _close(pen, _as_sent(spec, false_start()), spec.duration_s, ending_s)
        return
    for number in range(rounds):
        start_s = setup_s + (number + rng.random() * 0.15) * slot_s
        act = _round(scene, pen, number, rounds, turns, reboot=number == reboot_at)
        yield from _fit(pen, act, start_s, setup_s + (number + 1) * slot_s - start_s)
        if pen.in_message:
            yield pen.end_message(setup_s + (number + 1) * slot_s)
    yield from _close(pen, _as_sent(spec, ending(scene)), spec.duration_s, ending_s)


def _as_sent(spec: RunSpec, act: Act) -> Act:
    """Of how a run ends, what its runtime sends: pi sends no ACP notifications."""
    return [part for part in act if part.where == "state"] if spec.adapter == "pi" else act


def _fit(pen: Pen, act: Act, start_s: float, room_s: float) -> Iterator[Step]:
    """Perform an act at its natural pace, or faster if the room is short."""
    natural_s = sum(part.gap_s for part in act)
    return pen.perform(act, start_s, min(1.0, room_s * 0.98 / natural_s) if natural_s else 1.0)


def _close(pen: Pen, act: Act, end_s: float, room_s: float) -> Iterator[Step]:
    """Perform the ending so that its last part falls on ``end_s``."""
    natural_s = sum(part.gap_s for part in act)
    pace = min(1.0, room_s / natural_s)
    return pen.perform(act, end_s - natural_s * pace, pace)


def _round(scene: Scene, pen: Pen, number: int, rounds: int, turns: int, *, reboot: bool) -> Act:
    """One round of work: thoughts, a message, calls and what comes between, with the turn's ends where they fall."""
    act: Act = []
    turn, opens = divmod(number * turns, rounds)
    is_pi = scene.spec.adapter == "pi"
    if number == 0:
        act += pi_opening() if is_pi else opening(scene)
    if reboot and number:
        pen.reboot()
        act += opening(scene)
    if opens < turns:
        text = scene.spec.prompt if number == 0 else scene.rng.choice(PROMPTS)
        act += pi_prompt(scene, opening_text(scene, text, turn)) if is_pi else prompt(scene, text, turn)
    act += _work(scene, pi_tool_call if is_pi else _call)
    if not is_pi and number == rounds // 2:
        act += branch_known(scene)
    if (number + 1) * turns // rounds > turn:
        stop = _stop_reason(scene, last=number + 1 == rounds)
        act += [*pi_turn_end(scene, stop), row_usage(scene)] if is_pi else turn_end(scene, turn, stop)
    return act


def _stop_reason(scene: Scene, *, last: bool) -> str:
    if not last or scene.spec.outcome == "completed":
        return "end_turn"
    return "cancelled" if scene.spec.outcome == "cancelled" else "error"


def _call(scene: Scene) -> Act:
    asks = scene.rng.random() < _PERMISSION_RATE
    return tool_call(scene, permission=scene.rng.random() < _GRANT_RATE if asks else None)


def _work(scene: Scene, call: Callable[[Scene], Act]) -> Act:
    rng = scene.rng
    act: Act = []
    if rng.random() < 0.5:  # noqa: PLR2004
        thoughts = scene.thinking(rng.randint(3, 14))
        act.append(Part(len(thoughts) / _CHUNKS_A_SECOND, "thoughts", pieces=thoughts))
    chunks = scene.speech(int(rng.expovariate(1 / 26)) + 3)
    act.append(Part(len(chunks) / _CHUNKS_A_SECOND + rng.uniform(0.2, 3), "chunks", pieces=chunks))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        act += call(scene)
    if scene.spec.adapter != "pi" and rng.random() < 0.6:  # noqa: PLR2004
        act += rarity(scene) if rng.random() < _RARITY_RATE else interlude(scene)
    return act
