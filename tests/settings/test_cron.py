"""Cron expressions are judged where settings are read, and never more kindly than the scheduler judges them."""

import pytest
from dagster._utils.schedules import cron_string_iterator, is_valid_cron_string
from hypothesis import event, given
from hypothesis import strategies as st

from taskhouse.cron import ALLOWED, NEVER, wrong
from taskhouse.errors import ConfigurationError
from taskhouse.settings import load
from taskhouse.values import CRONS

NUMBER = st.integers(0, 70).map(str) | st.sampled_from(["jan", "Sun", "xyz", ""])
PART = st.one_of(
    st.sampled_from(["*", "?", "L", "sun#2", "L3"]),
    NUMBER,
    st.tuples(NUMBER, NUMBER).map("-".join),
    st.tuples(st.just("*"), NUMBER).map("/".join),
)
FIELD = st.lists(PART, min_size=1, max_size=2).map(",".join)


@given(st.dictionaries(st.integers(0, 4), FIELD, max_size=3))
def test_what_is_let_through_has_a_next_tick_for_the_scheduler(changed: dict[int, str]) -> None:
    expression = " ".join(changed.get(place, "*") for place in range(5))
    event(f"let through: {not wrong(expression)}")
    if not wrong(expression):
        assert is_valid_cron_string(expression)
        assert next(cron_string_iterator(0.0, expression, "UTC"))


@pytest.mark.parametrize(
    "expression",
    [
        "*/5 * * * *",
        "1-59/5 * * * *",
        "41 3 * * *",
        "0 0 1,15 * 3",
        "0 9 * jan-mar MON-FRI",
        "5/10 * * * *",
        "0 0 29 2 *",
        "0 0 * * 7",
        "0 0 L * *",
        "0 0 * * mon#1",
        "0 0 ? * *",
        "0 0 * * fri-mon",
        "50-10 * * * *",
    ],
)
def test_expressions_of_every_kind_are_let_through(expression: str) -> None:
    assert not wrong(expression)


@pytest.mark.parametrize(
    "expression",
    ["", "daily", "@daily", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
     "*/0 * * * *", "0 0 * * abc#1", "0 0 * * 8", "0 0 31 2 *", "0 0 30 feb *", "a b c d e", "1,,2 * * * *",
     "\u0663 * * * *"],
)  # fmt: skip
def test_what_no_scheduler_can_use_is_refused(expression: str) -> None:
    assert wrong(expression) == (NEVER if expression in {"0 0 31 2 *", "0 0 30 feb *"} else ALLOWED)


@pytest.mark.parametrize("name", CRONS)
def test_a_setting_names_itself_and_what_is_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_CRONS", f"{name}=every phx_4711")
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert refused.value.message.startswith(
        f"TASKHOUSE_CRONS has a wrong time for {name}: it must be five fields of cron"
    )
    assert "4711" not in str(refused.value)


def test_times_are_given_by_schedule_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_CRONS", "tasks = */15 * * * * ; views=0 6 * * mon;")
    made = load()
    assert {name: made.cron(name) for name in CRONS} == {**CRONS, "tasks": "*/15 * * * *", "views": "0 6 * * mon"}


def test_the_defaults_are_valid() -> None:
    assert not any(map(wrong, CRONS.values()))
