"""The cases, in the order in which they run."""

from benchmarks.cases.events import EVENTS

CASES = (EVENTS,)
