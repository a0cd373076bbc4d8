"""Which failures Dagster retries: those of the infrastructure, once, and no others."""

from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from taskhouse.assets.engine import Engine
from taskhouse.assets.pass_metadata import CODE
from taskhouse.errors import Locked, Retryable, TaskhouseError, Throttled
from taskhouse.passes.verdict import reason_code

AGAIN_S = 60.0
"""Pause before Dagster retries a step; the engine's own retries are used up by then."""

REPEAT = dg.RetryPolicy(max_retries=1, delay=AGAIN_S)
"""For failures outside the engine: a machine without memory, a full disk."""

BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""Errors in our own code, which would happen again a minute later."""

T = TypeVar("T")


class Interrupted(dg.Failure):
    """A step was asked to end. Dagster would retry it, and keep the process of its run until then."""


def attempt(engine: Engine, work: Callable[[], T]) -> T:
    """Do the work.

    Raises:
        RetryRequested: A lock or the server stopped it, which may be over a minute later.
        Interrupted: A person, or the end of Dagster, stopped it.
        Failure: It would fail again, or only a person can fix it, or the server asked to come back later.
    """
    try:
        return work()
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as stopped:
        raise Interrupted("It was interrupted.", allow_retries=False) from stopped
    except TaskhouseError as problem:
        _name(engine, problem)
        passing = isinstance(problem, Locked | Retryable) and not isinstance(problem, Throttled)
        if passing and engine.tries_again:
            raise dg.RetryRequested(max_retries=engine.tries_again, seconds_to_wait=AGAIN_S) from problem
        metadata = {"error": type(problem).__name__, "hint": problem.hint or "none", CODE: reason_code(problem)}
        raise dg.Failure(problem.message, metadata=metadata, allow_retries=False) from problem
    except BUGS as problem:
        raise dg.Failure(f"{type(problem).__name__}: {problem}", allow_retries=False) from problem


def _name(engine: Engine, problem: TaskhouseError) -> None:
    """Give an error, and those that caused it, the words of the person who reads it: Dagster shows all of them."""
    each: BaseException | None = problem
    while each is not None:
        if isinstance(each, TaskhouseError):
            each.message, each.hint = engine.reworded(each.message), engine.reworded(each.hint)
        each = each.__cause__ or each.__context__
