"""A value that makes no sense is refused with the name of its variable and what is allowed, never with the value."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from taskhouse.errors import ConfigurationError
from taskhouse.settings import Settings, load
from taskhouse.variables import variable

FREE = {"directory", "home", "lake_data", "readers_group", "site"}
"""What may be any text."""

SECRET = "phx_pasted_into_the_wrong_place_4711"


@pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - {"api_key", *FREE}))
def test_a_key_that_was_pasted_into_another_variable_is_never_shown(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ""
    for text in (
        SECRET,
        f"1,{SECRET}",
        f"a/b={SECRET}",
        f"https://{SECRET}@example.com",
        f"https://[{SECRET}",
        f"https://a.com/?{SECRET}",
    ):
        monkeypatch.setenv(variable(field), text)
        shown += str(attempt())
    assert SECRET not in shown
    assert variable(field) in shown


@pytest.mark.parametrize(
    ("field", "text", "allowed"),
    [
        ("host", "eu.posthog.com", "https://eu.posthog.com"),
        ("host", "https://eu.posthog.com:port", "https://eu.posthog.com"),
        ("host", "http://eu.posthog.com", "must use https"),
        *(
            ("host", f"https://eu.posthog.com{rest}", "must not have a path")
            for rest in ("/api", "?key=1", "#top", "//", "/?project=1")
        ),
        ("host", "https://@eu.posthog.com", "must not contain credentials"),
        ("host", "https://phx_pasted4711abc.posthog.com", "must not contain credentials"),
        ("project_ids", "0", "comma-separated"),
        ("project_ids", "one", "comma-separated"),
        ("project_ids", "1,-2", "comma-separated"),
        ("project_ids", "1 2", "comma-separated"),
        ("project_ids", "1,,2", "comma-separated"),
        ("project_ids", "99999999999999999999", "comma-separated"),
        *(
            ("budget", text, "postgresql://user:password@host/database")
            for text in (
                *("mysql://h/d", "postgresql:/h/d", "host=h dbname=d", "redis://h:port/0", "postgresql://u:a@b@h/d"),
                *("postgresql://u:a/b@h/d", "redis://:a?b@h/0", "redis://:a#b@h/0", "redis://h/0 "),
            )
        ),
        ("budget_shards", "0", "greater than or equal to 1"),
        ("readiness_overrides", "a/b=1 2", "org/a=7,30"),
        ("home", "~nobody-of-that-name/x", "must name a folder"),
        ("directory", "~nobody-of-that-name/x", "must name a file"),
        ("readiness_windows", "7,soon", "1 to 30"),
        ("readiness_overrides", "a/b", "org/a=7,30"),
        ("readiness_overrides", "a/b=x", "org/a=7,30"),
        ("crons", "tasks", "tasks=*/15 * * * *"),
        ("crons", "task=1 * * * *", "names `task`, which is not a schedule; the schedules are tasks, repositories"),
        ("accept", "everything", "'viewer' or 'absences'"),
        ("timezone", "Mars/Olympus", "Europe/Berlin"),
        ("timezone", "../etc/passwd", "Europe/Berlin"),
        ("timezone", "America", "Europe/Berlin"),
        ("capture_text", "off", "'full' or 'none'"),
        ("keep_runs_days", "0", "greater than or equal to 1"),
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
    Path(".env").write_text("TASKHOUSE_KEEP_RUNS_DAYS=0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert [line.split()[0] for line in refused.value.message.splitlines()] == [
        "TASKHOUSE_KEEP_RUNS_DAYS",
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


def test_numbers_are_apart_by_commas_and_room_around_them_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PROJECT_IDS", " 1, 2 ,1")
    monkeypatch.setenv("TASKHOUSE_READINESS_OVERRIDES", "Acme/Web = 7, 30; acme/api=")
    made = load()
    assert made.project_ids == (1, 2)
    assert made.readiness_overrides == {"acme/web": (7, 30), "acme/api": ()}


def test_a_home_below_that_of_the_user_is_found_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TASKHOUSE_HOME", "~/history")
    assert load().home == tmp_path / "history"


@pytest.mark.parametrize(("per_hour", "per_minute"), [("4800", 480), ("0", 0), ("5", 1)])
def test_a_tenth_of_the_requests_per_hour_is_the_most_per_minute(
    per_hour: str, per_minute: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKHOUSE_REQUESTS_PER_HOUR", per_hour)
    assert load().requests_per_minute == per_minute
