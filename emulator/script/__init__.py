"""What a run emits: its live events, its log lines and the changes of its row, played in time order.

:func:`play` and :func:`improvise` are pure and lazy: the same spec and seed give the same steps, however long the run.
"""

from emulator.script.improvise import improvise
from emulator.script.play import play
from emulator.script.step import RunSpec, Step

__all__ = ["RunSpec", "Step", "improvise", "play"]
