"""A value that makes no sense is refused with the name of its variable and what is allowed, never with the value."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from taskhouse.errors import ConfigurationError
from taskhouse.settings import Settings, load
from taskhouse.variables import variable

SECRET = "phx_pasted_into_the_wrong_place_4711"


@pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - {"api_key", "home", "readers_group"}))
def test_a_key_that_was_pasted_into_another_variable_is_never_shown(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ""
    for text in (SECRET, f"1,{SECRET}", f"a/b={SECRET}", f"https://{SECRET}@example.com", f"https://[{SECRET}"):
        monkeypatch.setenv(variable(field), text)
        shown += str(attempt())
    assert SECRET not in shown
    assert variable(field) in shown


@pytest.mark.parametrize(
    ("field", "text", "allowed"),
    [
        ("host", "eu.posthog.com", "https://eu.posthog.com"),
        ("host", "https://eu.posthog.com:port", "https://eu.posthog.com"),
        ("host", "http://eu.posthog.com", "must be https"),
        ("project_ids", "one", "comma-separated"),
        ("project_ids", "1,-2", "comma-separated"),
        ("readiness_windows", "7,soon", "1 to 30"),
        ("readiness_overrides", "a/b", "org/a=7,30"),
        ("readiness_overrides", "a/b=x", "org/a=7,30"),
        ("timezone", "Mars/Olympus", "Europe/Berlin"),
        ("timezone", "../etc/passwd", "Europe/Berlin"),
        ("timezone", "America", "Europe/Berlin"),
        ("capture_text", "off", "'full' or 'none'"),
        ("keep_pages_days", "0", "greater than or equal to 1"),
        ("task_usage", "perhaps", "true or false"),
        ("asset_prefix", "9 lives", "lower-case"),
    ],
)
def test_a_value_that_makes_no_sense_says_what_is_allowed(
    field: str, text: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(field), text)
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert refused.value.message.startswith(variable(field))
    assert allowed in refused.value.message
    assert text not in refused.value.message.replace(allowed, "")


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_TIMEZONE", "Mars/Olympus")
    Path(".env").write_text("TASKHOUSE_KEEP_PAGES_DAYS=0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert [line.split()[0] for line in refused.value.message.splitlines()] == [
        "TASKHOUSE_KEEP_PAGES_DAYS",
        "TASKHOUSE_TIMEZONE",
    ]


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    field=st.sampled_from(sorted(set(Settings.model_fields) - {"api_key", "home"})),
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
)
def test_whatever_is_set_is_taken_or_refused_by_name(monkeypatch: pytest.MonkeyPatch, field: str, text: str) -> None:
    marked = f"{text}zqxj"
    with monkeypatch.context() as patch:
        patch.setenv(variable(field), marked)
        refused = attempt()
    assert refused is None or refused.message.startswith(variable(field))
    assert "zqxj" not in str(refused)


def attempt() -> ConfigurationError | None:
    load.cache_clear()
    try:
        load()
    except ConfigurationError as refused:
        return refused
    return None
