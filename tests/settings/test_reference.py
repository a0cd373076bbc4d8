"""The reference of settings: every setting has its place, its type and an example that it accepts."""

import re

import pytest

from taskhouse.pipelines.cli.settings import GROUPS, HEAD, reference
from taskhouse.settings import Settings, load
from taskhouse.variables import RETIRED, variable

EXAMPLES = {name: example for _, examples in GROUPS.values() for name, example in examples.items()}


def test_every_setting_stands_in_one_group() -> None:
    assert sorted(name for _, examples in GROUPS.values() for name in examples) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_accepted_and_says_something_else_than_the_default(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(name), EXAMPLES[name])
    assert getattr(load(), name) != Settings.model_fields[name].get_default(call_default_factory=True)


def test_the_settings_to_begin_with_are_settings_and_some_dozen() -> None:
    first = [line for line in HEAD.splitlines() if line.startswith("| ")]
    named = {name for line in first for name in re.findall(r"`((?:POSTHOG|TASKHOUSE)_\w+)`", line)}
    assert named <= {variable(field) for field in Settings.model_fields}
    assert 12 <= len(named) <= 14


def test_what_is_no_longer_a_setting_is_listed_too() -> None:
    assert all(f"| `{name}` | {said} |" in reference() for name, said in RETIRED.items())
