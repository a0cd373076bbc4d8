"""Moves what an earlier version stored in Dagster's records under a former name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

LOCATION = "taskhouse.pipelines.definitions"
"""The module that Dagster loads, which is also the name of its code location if no workspace gives another one."""

FORMER = "pipelines.definitions"
"""The same in versions that installed a package `pipelines`."""


def carry_over(instance: "DagsterInstance") -> None:
    """Give each schedule and sensor that was turned on or off in the UI its state and cursor under today's name."""
    from dagster._core.scheduler.instigation import InstigatorState
    from dagster._serdes import deserialize_value, serialize_value

    for state in instance.all_instigator_state():
        if state.origin.location_name != FORMER:
            continue
        moved = deserialize_value(serialize_value(state).replace(f'"{FORMER}"', f'"{LOCATION}"'), InstigatorState)
        if instance.get_instigator_state(moved.instigator_origin_id, moved.selector_id) is None:
            instance.add_instigator_state(moved)
        instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
