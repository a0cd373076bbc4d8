"""The cases, in the order in which they run."""

from benchmarks.cases.events import EVENTS, LOAD, REPLAY
from benchmarks.cases.growth import GROWTH
from benchmarks.cases.lists import LISTS
from benchmarks.cases.live import LIVE
from benchmarks.cases.pages import QUESTIONS, REPORT, RUN_PAGE
from benchmarks.cases.readiness import READINESS
from benchmarks.cases.startup import STARTUP

CASES = (EVENTS, REPLAY, LOAD, GROWTH, *LISTS, READINESS, LIVE, QUESTIONS, REPORT, RUN_PAGE, STARTUP)
