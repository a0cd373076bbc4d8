"""What a run emits: its live events, its log lines and the changes of its row, played in time order.

:func:`play` is pure and lazy: the same spec and seed give the same steps, however long the run.
"""

from emulator.script.play import play
from emulator.script.step import RunSpec, Step

__all__ = ["RunSpec", "Step", "play"]
