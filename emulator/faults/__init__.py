"""Faults on request: what can go wrong on the way, as a table of small functions."""

from taskhouse.emulator.faults.active import Fault, FaultError, Faults

__all__ = ["Fault", "FaultError", "Faults"]
