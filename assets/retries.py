"""Which failures Dagster repeats: those of the infrastructure, once, and no others."""

from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from taskhouse.assets.engine import Engine
from taskhouse.errors import Locked, Retryable, TaskhouseError, Throttled

AGAIN_S = 60.0
"""Pause before Dagster repeats a step: the engine's own patience is used up by then."""

REPEAT = dg.RetryPolicy(max_retries=1, delay=AGAIN_S)
"""For what is not the engine's to judge: a machine without memory, a full disk."""

BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""What is our own mistake, and is none the less so a minute later."""

T = TypeVar("T")


def attempt(engine: Engine, work: Callable[[], T]) -> T:
    """Do the work.

    Raises:
        RetryRequested: A lock or a server stood in the way, and may not a minute later.
        Failure: It would fail again, or only a person can mend it, or the server named a later time to come back.
    """
    try:
        return work()
    except TaskhouseError as problem:
        passing = isinstance(problem, Locked | Retryable) and not isinstance(problem, Throttled)
        if passing and engine.tries_again:
            raise dg.RetryRequested(max_retries=engine.tries_again, seconds_to_wait=AGAIN_S) from problem
        metadata = {"error": type(problem).__name__, "hint": problem.hint or "none"}
        raise dg.Failure(problem.message, metadata=metadata, allow_retries=False) from problem
    except BUGS as problem:
        raise dg.Failure(f"{type(problem).__name__}: {problem}", allow_retries=False) from problem
