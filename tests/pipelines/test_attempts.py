"""Dagster repeats what a lock, a server or a machine stopped, and nothing else."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from taskhouse.assets.retries import REPEAT, attempt
from taskhouse.errors import Contract, Locked, Permanent, Retryable, Throttled
from taskhouse.pipelines.resources import EngineResource

if TYPE_CHECKING:
    from taskhouse.assets.engine import Engine

SOON = dg.RetryPolicy(max_retries=REPEAT.max_retries)


def _raising(problem: BaseException) -> Callable[[], Any]:
    def work() -> None:
        raise problem

    return work


def _tries(problem: BaseException) -> int:
    """How often a step with the policy of every asset is tried."""
    tries = []

    @dg.op(retry_policy=SOON)
    def step() -> None:
        tries.append(1)
        attempt(EngineResource(), _raising(problem))

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return len(tries)


@pytest.mark.parametrize("problem", [OSError("no room"), MemoryError()])
def test_a_step_that_the_machine_stopped_is_tried_once_more(problem: Exception) -> None:
    assert _tries(problem) == 2


@pytest.mark.parametrize(
    "problem",
    [
        KeyError("a bug"),
        TypeError("a bug"),
        AssertionError(),
        Contract("its word"),
        Permanent("for good"),
        Throttled("later", retry_after_s=600),
        KeyboardInterrupt(),
        dg.DagsterExecutionInterruptedError(),
    ],
)
def test_what_would_fail_again_or_was_interrupted_is_tried_once(problem: BaseException) -> None:
    assert _tries(problem) == 1


@pytest.mark.parametrize("problem", [Locked("held"), Retryable("away")])
def test_a_lock_or_a_server_asks_for_one_repetition_a_minute_later(problem: Exception) -> None:
    engine: Engine = EngineResource()
    with pytest.raises(dg.RetryRequested) as asked:
        attempt(engine, _raising(problem))
    assert (asked.value.max_retries, asked.value.seconds_to_wait) == (1, 60.0)
