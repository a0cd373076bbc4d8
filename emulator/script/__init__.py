"""What a run emits: its live events, its log lines and the changes of its row, played in time order.

:func:`play` and :func:`improvise` are pure and lazy: the same spec and seed give the same steps, however long the run.
"""

from taskhouse.emulator.script.improvise import improvise
from taskhouse.emulator.script.scenario import play
from taskhouse.emulator.script.step import RunSpec, Step

__all__ = ["RunSpec", "Step", "improvise", "play"]
