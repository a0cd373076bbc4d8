"""Attributes of a component as people write them: what is wrong is said in words, and a key is never shown."""

import re
from pathlib import Path
from typing import Any

import pytest
from dagster.components.core.component_tree import ComponentTree
from jsonschema import validate

from taskhouse.errors import ConfigurationError
from taskhouse.pipelines.component import TaskhouseProject

WRONG = "test_what_is_wrong_names_the_attribute_and_what_mends_it"
KEY = "test_a_key_in_the_file_is_never_shown_wherever_it_is"
REFUSED = {
    "… is not an attribute.…": WRONG,
    "… is to come from …, and that variable is ….": WRONG,
    "… contains a template that cannot be evaluated.": WRONG,
    "… comes from a template that has no value.": WRONG,
    "… must be ….": WRONG,
    "… contains something that looks like a key of PostHog.": KEY,
    "…: home is …, which ….": WRONG,
    "…: crons has a time for …, but optional_resources does not list it.": WRONG,
    "…: crons has a time for …, but … is not set.": WRONG,
    "api_key is not a reference to an environment variable.": KEY,
}
"""The test that brings an error about, by its row in the table of errors."""

LITERAL = "phx_LITERALabc4711"
GOOD = {
    "host": "https://eu.posthog.com",
    "api_key": "{{ env.EU_KEY }}",
    "projects": [1, 2],
    "home": "data/eu",
    "prefix": "eu",
}
WITHOUT_KEY = {name: value for name, value in GOOD.items() if name != "api_key"}


def read(attributes: dict[str, Any]) -> TaskhouseProject:
    return TaskhouseProject.from_attributes_dict(attributes=attributes)


def refused(attributes: dict[str, Any]) -> str:
    """What taskhouse says; Dagster's schema lets everything through, because it prints the lines of the file."""
    validate(attributes, TaskhouseProject.get_model_cls().model_json_schema())  # type: ignore[union-attr]
    with pytest.raises(ConfigurationError) as problem:
        read(attributes).build_defs(ComponentTree.for_test().load_context)
    assert problem.value.hint
    assert not re.search(r"pydantic|Input should|Validation error", str(problem.value))
    return str(problem.value)


@pytest.mark.parametrize(
    "attributes",
    [
        {**WITHOUT_KEY, "api_key": {"env": LITERAL}},
        {**WITHOUT_KEY, "api_key": [LITERAL]},
        {**WITHOUT_KEY, "api_key": None, "apikey": LITERAL},
        {**WITHOUT_KEY, "personal_api_key": LITERAL},
        {**WITHOUT_KEY, "api_key": LITERAL, "prefx": "a"},
        {**WITHOUT_KEY, "api_key": LITERAL, "schedules": "maybe"},
        {**WITHOUT_KEY, "api_key": "ABCDEF123LITERALabc4711".upper()},
        *(
            {**WITHOUT_KEY, "api_key": f"{{{{ env.{name} }}}}"}
            for name in (LITERAL, "PHX_LITERAL", "Phc_LITERAL", "literal_LITERAL")
        ),
        {**GOOD, LITERAL: 1},
        {**GOOD, "home": f"{{{{ {LITERAL} }}}}"},
        {**GOOD, "host": {"url": LITERAL}},
        *({**GOOD, "host": f"https://eu.posthog.com{mark}{LITERAL}"} for mark in ("/", "?a=", "#")),
        {**GOOD, "owners": [LITERAL]},
        {**GOOD, "group": f"{LITERAL}-"},
        {**GOOD, "group": LITERAL},
        {**GOOD, "home": f"data/{LITERAL}"},
        {**GOOD, "directory": LITERAL},
        {**GOOD, "prefix": LITERAL},
        {**GOOD, "owners": [f"team:{LITERAL}"]},
        {**GOOD, "optional_resources": [LITERAL]},
        {**GOOD, "tags": {"a": LITERAL}},
        {**GOOD, "tags": {LITERAL: "a"}},
        {**GOOD, "tags": {"a": "{{ env.HOLDS_LITERAL }}"}},
        {**GOOD, "tags": {"a": f"{LITERAL} b", "b": "c"}},
        {**GOOD, "tags": {f"{LITERAL} b": "b"}},
        {**GOOD, "crons": {LITERAL: "0 6 * * *"}},
    ],
)
def test_a_key_in_the_file_is_never_shown_wherever_it_is(
    attributes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDS_LITERAL", LITERAL)
    assert "LITERAL" not in refused(attributes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"home": ""}, "home must name a folder"),
        ({"home": "  "}, "home must name a folder"),
        ({"home": "a\0b"}, "home must name a folder"),
        ({"home": "\ud800"}, "home must name a folder"),
        ({"host": "https://eu.posthog.com/api"}, "host must not have a path, query or fragment"),
        ({"home": "~nobody-of-that-name/x"}, "home must name a folder"),
        ({"home": None}, "home is empty"),
        ({"directory": " "}, "directory must name a file"),
        ({"home": "."}, "which contains the whole project"),
        ({"home": "/"}, "which contains the whole project"),
        ({"home": "{{ env.NOPE }}/x"}, "home is to come from NOPE, and that variable is not set"),
        ({"home": "{{ nope }}"}, "home contains a template that cannot be evaluated"),
        ({"host": "{{ env.NOPE }}"}, "host is to come from NOPE, and that variable is not set"),
        ({"projects": ["{{ env('NOPE') }}"]}, "projects is to come from NOPE, and that variable is not set"),
        ({"projects": [1, 1]}, "projects must not list anything twice"),
        ({"projects": []}, "projects must list"),
        *(
            ({"projects": value}, "projects must be a list of ids from 1 on, such as [1, 2].")
            for value in (1, "x", "1,-2", [-1], [0], [True], [1.0], [10**18], ["1", "x"], [[1]], {1: 2})
        ),
        ({"crons": {"tasks": None}}, 'crons must be cron expressions by schedule, such as {tasks: "*/10 * * * *"}.'),
        ({"crons": "tasks=* * * * *"}, "crons must be cron expressions by schedule"),
        ({"tags": {"a": 1}}, 'tags must be texts by name, such as {domain: agents, level: "1"}. Write it'),
        ({"tags": {"a": 1}}, "with quotes around a text"),
        ({"tags": ["a"]}, "tags must be texts by name"),
        ({"tags": {"a b": "c"}}, "tags has `a b` as a name: allowed are up to 63 letters"),
        ({"tags": {"a": "b c"}}, "tags has `b c` as the value of `a`: allowed are"),
        ({"group": "a b"}, "group is `a b`: a group has letters"),
        ({"owners": ["team:a", "you"]}, "owners names `you`: an owner is an e-mail address, or a team"),
        ({"crons": {"Tasks": "0 6 * * *"}}, "crons names `Tasks`, which is not a schedule"),
        ({"group": ""}, "group is an empty text: a group has letters"),
        ({"group": 1}, "group must be a text, such as agents."),
        ({"host": 8815}, "host must be a text, such as https://eu.posthog.com."),
        ({"home": ["a"]}, "home must be a text, such as .taskhouse/posthog."),
        ({"prefix": True}, "prefix must be a text, such as posthog."),
        ({"prefix": "a/b"}, "prefix must be lower-case letters, digits and underscores, with a letter first"),
        ({"owners": "team:agents"}, "owners must be a list of texts, such as [team:agents, ann@example.com]."),
        ({"owners": [{"team": "a"}]}, "owners must be a list of texts"),
        ({"schedules": ["tasks"]}, "schedules must be true or false"),
        ({"optional_resources": "pinned"}, "optional_resources must be a list of texts, such as [task_usage]."),
        ({"home": "{{ env.EMPTY }}"}, "home is to come from EMPTY, and that variable is empty."),
        ({"projects": "{{ env.EMPTY }}"}, "projects is to come from EMPTY, and that variable is empty."),
        ({"host": "{{ env.phx_a }}"}, "host is to come from a variable whose name is not shown, and that variable is"),
        ({"host": "{{ env.NOPE and 1 }}"}, "host comes from a template that has no value."),
        ({"schedules": "maybe"}, "schedules must be true or false"),
        ({"optional_resources": ["pinned", "pinned"]}, "optional_resources must not list anything twice"),
        ({"optional_resources": ["pined"]}, "names `pined`, which is no optional resource; they are task_usage"),
        ({"crons": {"digest": "0 6 * * *"}}, "crons has a time for digest, but TASKHOUSE_NOTIFY is not set."),
        ({"crons": {"task_usage": "0 6 * * *"}}, "crons has a time for task_usage, but optional_resources does not"),
        ({"prefx": "a"}, "`prefx` is not an attribute. Did you mean `prefix`?"),
    ],
)
def test_what_is_wrong_names_the_attribute_and_what_mends_it(
    change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    assert said in refused({**GOOD, **change})


def test_every_wrong_attribute_is_named_at_once() -> None:
    said = refused(
        {**GOOD, "projects": 1, "host": "ftp://x", "home": "{{ env.NOPE }}", "crons": {"task": "0 6 * * *"}, "nme": 1}
    )
    assert said.startswith(
        ".: home is to come from NOPE, and that variable is not set. `nme` is not an attribute."
        " host must be an origin such as https://eu.posthog.com."
        " projects must be a list of ids from 1 on, such as [1, 2]. crons names `task`, which is not a schedule"
    )


def test_what_is_missing_is_named() -> None:
    assert "api_key is missing" in refused(WITHOUT_KEY)


def test_what_is_right_is_read_with_its_templates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EU_HOST", "https://eu.posthog.com/")
    made = read({**GOOD, "host": "{{ env.EU_HOST }}", "home": str(tmp_path), "group": None, "tags": {"a": "b"}})
    assert (made.host, made.api_key, made.group, made.tags) == ("https://eu.posthog.com", "EU_KEY", None, {"a": "b"})


@pytest.mark.parametrize(
    "text", ["4711", "2026", "1_0", "True", "None", "[1]", "'a'", "2026-01-01", "team:php_lovers1"]
)
def test_a_text_stays_a_text_whatever_it_looks_like(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXT", text)
    for written in (text, "{{ env.TEXT }}", "{{ env('TEXT') }}"):
        assert read({**GOOD, "home": written}).home == text
    if text.isdecimal():
        made = read({**GOOD, "tags": {"sha": "{{ env.TEXT }}", "b": text}, "group": text})
        assert (made.tags, made.group) == ({"sha": text, "b": text}, text)


@pytest.mark.parametrize("text", ["1,2", "[1, 2]", " 1, 2 "])
def test_lists_and_switches_come_from_variables_too(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDS", text)
    monkeypatch.setenv("TRUE", "true")
    written = {**GOOD, "projects": "{{ env.IDS }}", "schedules": "{{ env.TRUE }}", "prefix": "{{ env.NOPE or '' }}"}
    made = read(written)
    assert (made.projects, made.schedules, made.prefix) == ([1, 2], True, "")
    assert read({**GOOD, "projects": ["1", 2]}).projects == read({**GOOD, "projects": "{{ [1, 2] }}"}).projects


def test_the_schema_describes_each_attribute_for_an_editor() -> None:
    schema = TaskhouseProject.get_model_cls().model_json_schema()  # type: ignore[union-attr]
    assert schema["properties"].keys() == TaskhouseProject.model_fields.keys()
    assert all(each["description"] for each in schema["properties"].values())
