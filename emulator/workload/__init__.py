"""People and automation that work with the first project, day after day: what they ask agents for, and what follows.

A workload changes the world as users, agents and administrators do (:mod:`taskhouse.emulator.mutations`), at moments
that follow from the settings' seed and start alone.
"""

from taskhouse.emulator.workload.workload import Workload

__all__ = ["Workload"]
