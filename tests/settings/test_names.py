"""Only documented names count, in the environment and in ``.env``; a name that is nearly one is not passed over."""

import logging
import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from taskhouse.errors import ConfigurationError
from taskhouse.settings import Settings, load
from taskhouse.variables import RETIRED, variable

FIELDS = tuple(Settings.model_fields)
GIVEN = {
    "host": ("https://example.com", "https://example.com"),
    "api_key": ("phx_given", "phx_given"),
    "project_ids": ("4,5", (4, 5)),
    "home": ("elsewhere", Path("elsewhere")),
    "directory": ("team.toml", Path("team.toml")),
    "site": ("served", Path("served")),
    "notify": ("slack://a/b/c", SecretStr("slack://a/b/c")),
    "budget": ("redis://host/1", SecretStr("redis://host/1")),
    "shard": ("eu1", "eu1"),
    "lake": ("ducklake:postgres:dbname=lake", SecretStr("ducklake:postgres:dbname=lake")),
    "lake_data": ("files", Path("files")),
    "report_url": ("https://a.example/x", "https://a.example/x"),
    "asset_prefix": ("eu", "eu"),
    "keep_runs_days": ("5", 5),
    "readiness_windows": ("3", (3,)),
    "stream_windows": ("3", (3,)),
    "readiness_overrides": ("a/b=3", {"a/b": (3,)}),
    "readiness_refresh": ("daily", "daily"),
    "stream_leg": ("auto", "auto"),
    "capture_text": ("none", "none"),
    "crons": ("views=0 6 * * *", {"views": "0 6 * * *"}),
    "accept": ("viewer, absences", ("viewer", "absences")),
    "timezone": ("Europe/Berlin", "Europe/Berlin"),
}
"""A text for each field that differs from its default, and what it means."""


def given(field: str) -> tuple[str, object]:
    if field in GIVEN:
        return GIVEN[field]
    default = Settings.model_fields[field].default
    if isinstance(default, bool):
        return str(not default).lower(), not default
    if isinstance(default, str):
        return "3 3 3 3 3", "3 3 3 3 3"
    return "3", 3


def read(settings: Settings, field: str) -> object:
    return settings.key() if field == "api_key" and settings.api_key else getattr(settings, field)


def names(field: str) -> set[str]:
    """Every way to write a field that is not the documented one."""
    plain = {field, *(f"{prefix}_{field}" for prefix in ("taskhouse", "posthog")), variable(field)}
    spelt = {spell(name) for name in plain for spell in (str.upper, str.lower, str.title)}
    return spelt - {variable(field)}


def test_documented_names_are_those_of_the_readme() -> None:
    special = {field: variable(field) for field in FIELDS if not variable(field).startswith("TASKHOUSE_")}
    assert special == {
        "host": "POSTHOG_HOST",
        "api_key": "POSTHOG_PERSONAL_API_KEY",
        "project_ids": "POSTHOG_PROJECT_IDS",
    }
    assert {variable(field) for field in FIELDS if field not in special} == {
        f"TASKHOUSE_{field.upper()}" for field in FIELDS if field not in special
    }


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_read_from_its_documented_name_and_from_no_other(
    field: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, meant = given(field)
    untouched = read(Settings(), field)
    assert meant != untouched
    setting = dict.fromkeys(names(field), text)
    put(place, setting, monkeypatch)
    assert read(Settings(), field) == untouched
    put(place, {**setting, variable(field): text}, monkeypatch)
    assert read(Settings(), field) == meant


def put(place: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    if place == ".env":
        Path(".env").write_text("".join(f"{name}={text}\n" for name, text in variables.items()), encoding="utf-8")
    else:
        for name, text in variables.items():
            monkeypatch.setenv(name, text)


def test_what_other_programs_call_host_and_key_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "https://elsewhere.example.com",
        "API_KEY": "sk_of_another_service",
        "PROJECT_IDS": "7",
        "TIMEZONE": "Mars/Olympus",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POSTHOG_HOST", "https://eu.posthog.com")
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_mine")
    monkeypatch.setenv("POSTHOG_PROJECT_IDS", "1")
    settings = load()
    assert (settings.host, settings.key(), settings.projects()) == ("https://eu.posthog.com", "phx_mine", (1,))


def test_the_environment_goes_before_the_file_and_the_caller_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("POSTHOG_HOST=https://a.example.com\nTASKHOUSE_HOME=a\n", encoding="utf-8")
    monkeypatch.setenv("POSTHOG_HOST", "https://b.example.com")
    assert (Settings().host, Settings().home) == ("https://b.example.com", Path("a"))
    assert Settings(host="https://c.example.com").host == "https://c.example.com"
    assert Settings(_env_file=None).home == Path(".taskhouse")


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("TASKHOUSE_CAPTURE_TEXTS", "TASKHOUSE_CAPTURE_TEXT"),
        ("TASKHOUSE_TIME_ZONE", "TASKHOUSE_TIMEZONE"),
        ("taskhouse_home", "TASKHOUSE_HOME"),
        ("TASKHOUSE_HOST", "POSTHOG_HOST"),
        ("TASKHOUSE_API_KEY", "POSTHOG_PERSONAL_API_KEY"),
        ("TASKHOUSE_PROJECT_ID", "POSTHOG_PROJECT_IDS"),
        ("TASKHOUSE_XQZ", ""),
        ("posthog_host", "POSTHOG_HOST"),
    ],
)
def test_a_name_of_ours_that_is_misspelt_is_refused_and_the_nearest_one_named(
    name: str, nearest: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == ".env":
        Path(".env").write_text(f"{name}=secret_4711\n", encoding="utf-8")
    else:
        monkeypatch.setenv(name, "secret_4711")
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert name in refused.value.message
    assert (place == ".env") == (".env" in refused.value.message)
    assert nearest in refused.value.hint
    assert "docs/settings.md" in refused.value.hint
    assert "4711" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("POSTHOG_API_KEY", "POSTHOG_PERSONAL_API_KEY"),
        ("POSTHOG_PROJECT_ID", "POSTHOG_PROJECT_IDS"),
        ("POSTHOG_API_HOST", "POSTHOG_HOST"),
        ("POSTHOG_HSOT", "POSTHOG_HOST"),
        ("POSTHOG_URL", "POSTHOG_HOST"),
        ("POSTHOG_TIMEZONE", "TASKHOUSE_TIMEZONE"),
    ],
)
def test_a_name_of_another_posthog_tool_is_told_apart_once_and_breaks_nothing(
    name: str, nearest: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(name, "secret_4711")
    with caplog.at_level(logging.WARNING):
        load()
        load()
    assert [(name in line, nearest in line, "4711" in line) for line in caplog.messages] == [(True, True, False)]
    caplog.clear()
    load.cache_clear()
    monkeypatch.setenv(nearest, given({variable(field): field for field in FIELDS}[nearest])[0])
    load()
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["POSTHOG_HSOT", "POSTHOG_API_HOST", "POSTHOG_URL"])
def test_a_key_does_not_go_to_the_default_host_where_another_seems_to_be_meant(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "https://posthog.example.com")
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_mine")
    with pytest.raises(ConfigurationError, match=rf"{name} is set.* Set POSTHOG_HOST: without it") as refused:
        load()
    assert "example.com" not in str(refused.value)
    Path(".env").write_text("POSTHOG_HOST=https://us.posthog.com\n", encoding="utf-8")
    assert load().host == "https://us.posthog.com"


def test_names_that_resemble_none_of_ours_are_nobodys_business(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("POSTHOG_DISABLED", "POSTHOG_FEATURE_FLAGS_POLL", "TASKHOUSES", "HOME_TASKHOUSE_X"):
        monkeypatch.setenv(name, "1")
    load()
    assert caplog.messages == []


def test_a_caller_who_names_no_setting_is_refused_and_an_environment_that_has_more_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TypeError, match="There is no setting log_settle_s"):
        Settings(_env_file=None, log_settle_s=1, TASKHOUSE_HOME="x")
    monkeypatch.setenv("TASKHOUSE_NONE", "1")
    assert Settings(_env_file=None, TASKHOUSE_HOME="x").home == Path("x")


def test_a_file_that_cannot_be_read_is_named() -> None:
    Path(".env").write_bytes(b"POSTHOG_HOST=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"\.env"):
        load()
    assert "POSTHOG_HOST" not in os.environ


@pytest.mark.parametrize(
    ("text", "line"),
    [("POSTHOG_PROJECT_IDS=1\nfoo bar !\n", "line 2"), ('POSTHOG_HOST="https://x.example.com\n', "line 1")],
)
def test_a_line_that_would_be_left_out_is_named_once(text: str, line: str, caplog: pytest.LogCaptureFixture) -> None:
    Path(".env").write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=rf"\.env contains something that is not a setting, in {line}\."
    ) as refused:
        load()
    assert "example.com" not in str(refused.value)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("exported", "filed", "refused"),
    [
        ({"KEY"}, {"HOST"}, True),
        ({"KEY", "HOST"}, {"HOST"}, False),
        (set(), {"KEY", "HOST"}, False),
        ({"HOST"}, {"KEY"}, False),
    ],
)
def test_a_folder_does_not_choose_where_the_key_of_the_environment_goes(
    monkeypatch: pytest.MonkeyPatch, exported: set[str], filed: set[str], *, refused: bool
) -> None:
    values = {"KEY": "POSTHOG_PERSONAL_API_KEY=phx_mine", "HOST": "POSTHOG_HOST=https://elsewhere.example.com"}
    Path(".env").write_text("\n".join(values[name] for name in filed), "utf-8")
    for name in exported:
        monkeypatch.setenv(*values[name].split("="))
    if not refused:
        assert load().host == "https://elsewhere.example.com"
        return
    with pytest.raises(
        ConfigurationError, match=r"would go to https://elsewhere.example.com.*export POSTHOG_HOST"
    ) as said:
        load()
    assert "phx_mine" not in str(said.value)


def test_a_folder_may_name_a_region_of_posthog(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("POSTHOG_HOST=https://eu.posthog.com\n", "utf-8")
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_mine")
    assert load().host == "https://eu.posthog.com"


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_every_variable_that_was_a_setting_once_says_what_holds_now(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, dict.fromkeys(RETIRED, "secret_4711"), monkeypatch)
    with pytest.raises(ConfigurationError, match="These are no longer settings: TASKHOUSE_") as refused:
        load()
    assert all(name in refused.value.message and said in refused.value.hint for name, said in RETIRED.items())
    assert "4711" not in str(refused.value)


def test_one_removed_variable_is_told_of_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_MAX_WAIT_S", "3")
    with pytest.raises(ConfigurationError, match="This is no longer a setting: TASKHOUSE_MAX_WAIT_S") as refused:
        load()
    assert "Remove it;" in refused.value.hint


def test_a_number_that_is_none_is_refused_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_SWEEP_HOURS", "daily")
    monkeypatch.setenv("TASKHOUSE_MAX_STREAMS", "many")
    with pytest.raises(ConfigurationError) as refused:
        load()
    assert "TASKHOUSE_SWEEP_HOURS must be a number." in refused.value.message
    assert "TASKHOUSE_MAX_STREAMS must be a whole number." in refused.value.message


def test_what_is_retired_is_no_setting_and_names_only_settings() -> None:
    documented = {variable(field) for field in FIELDS}
    assert not documented & RETIRED.keys()
    assert {name for said in RETIRED.values() for name in re.findall(r"TASKHOUSE_[A-Z_]+", said)} <= documented
