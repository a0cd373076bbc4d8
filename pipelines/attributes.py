"""Attributes of a component as somebody wrote them: taskhouse reads them, and says what is wrong in its own words.

Dagster's schema lets every name and value through. If it refused one, it would print the lines around it, and with them
a key that somebody wrote into the file.
"""

import difflib
import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import dagster as dg
from dagster.components.resolved.errors import ResolutionException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from taskhouse.errors import ConfigurationError
from taskhouse.resources.registry import OPTIONAL
from taskhouse.values import KEY, like_a_key, numbers, positive, shown
from taskhouse.variables import wrong

REFERENCE = re.compile(r"\{\{\s*env\.([A-Z_][A-Z0-9_]*)\s*\}\}")
"""How YAML names the variable that holds the key; a key contains lower-case letters."""

_FROM = re.compile(r"\{\{\s*env(?:\.(\w+)|\(\s*['\"](\w+)['\"]\s*\))\s*\}\}")
"""A template that is a variable, without another value if it is not set."""

_NAME = re.compile(r"[A-Za-z_]{1,40}")
"""What may be shown of an attribute that does not exist; a key contains digits."""

FORMS: Mapping[str, tuple[type, str]] = {
    "host": (str, "a text, such as https://eu.posthog.com"),
    "projects": (list, "a list of ids from 1 on, such as [1, 2]"),
    "home": (str, "a text, such as .taskhouse/posthog"),
    "directory": (str, "a text, such as taskhouse.toml"),
    "prefix": (str, "a text, such as posthog"),
    "crons": (dict, 'cron expressions by schedule, such as {tasks: "*/10 * * * *"}'),
    "optional_resources": (list, "a list of texts, such as [task_usage]"),
    "group": (str, "a text, such as agents"),
    "owners": (list, "a list of texts, such as [team:agents, ann@example.com]"),
    "tags": (dict, 'texts by name, such as {domain: agents, level: "1"}'),
    "schedules": (bool, "true or false"),
}
"""What each attribute is, and in words, with an example of its YAML."""

_TEMPLATE = re.compile(r"\{[{%#]")
_NO_PYTHON = "= "
"""Before a template, so that Dagster does not take its text for a number, a list or so."""

_TAGS = "allowed are up to 63 letters, digits, `_`, `-` and `.`"
FIX = "Fix the value, then run `dg check defs`."
REPLACE = "If a key was written here and others could read the file, replace the key in PostHog."


def schema(component: type[BaseModel]) -> type[BaseModel]:
    """What Dagster knows of the attributes: their names and descriptions, for editors and its documentation."""
    fields: dict[str, Any] = {
        name: (Any, Field(None, description=field.description)) for name, field in component.model_fields.items()
    }
    config = ConfigDict(extra="allow", title=component.__name__)
    return create_model(f"{component.__name__}Attributes", __config__=config, **fields)


Component = TypeVar("Component", bound=BaseModel)


def read(context: dg.ResolutionContext, written: BaseModel, component: type[Component]) -> Component:
    """An instance with the attributes that were written, with their templates evaluated; the key stays a reference.

    Raises:
        ConfigurationError: There is an attribute of another name, one is missing, a template cannot be evaluated, or a
            value is wrong; names every attribute that is.
    """
    values = {name: value for name, value in written if name in written.model_fields_set}
    required = {name: None for name, field in component.model_fields.items() if field.is_required()}
    found: dict[str, Any] = {}
    problems: list[ConfigurationError] = []
    for name, value in (values | {name: None for name in required if name not in values}).items():
        try:
            if value is not None or name in required:
                found[name] = _value(context, component, name, value, "empty" if name in values else "missing")
        except ConfigurationError as problem:
            problems.append(problem)
    try:
        made = component(**{name: value for name, value in found.items() if value is not None})
        if not problems:
            return made
    except ValidationError as problem:
        said = {name: how for name, how in wrong(problem).items() if name in found}
        problems += [ConfigurationError(f"{name} {how}.", hint=FIX) for name, how in said.items()]
    raise ConfigurationError(
        " ".join(problem.message for problem in problems),
        hint=" ".join(dict.fromkeys(problem.hint for problem in problems)),
    )


def _value(context: dg.ResolutionContext, component: type[BaseModel], name: str, value: Any, absent: str) -> Any:
    """The value of one attribute, in its form."""
    known = component.model_fields
    if name not in known:
        alike = difflib.get_close_matches(name, known, 1)
        said = f"`{name}`" if _NAME.fullmatch(name) and not KEY.match(name) else "One of the names"
        raise ConfigurationError(
            f"{said} is not an attribute.{f' Did you mean `{alike[0]}`?' if alike else ''}",
            hint=f"The attributes are: {', '.join(known)}. {REPLACE}",
        )
    if value is None:
        raise ConfigurationError(f"{name} is {absent}.", hint=f"{name} means: {known[name].description}")
    if name == "api_key":
        variable_of(value)
        return value
    _look_for_keys(name, value)
    form, words = FORMS[name]
    made = _evaluated(context, name, value, form)
    _look_for_keys(name, made)
    if made is None and known[name].is_required():
        raise ConfigurationError(f"{name} comes from a template that has no value.", hint="Write the value itself.")
    if made is not None and not _formed(name, made, form):
        raise ConfigurationError(
            f"{name} must be {words}.",
            hint="Write it like that, without quotes and brackets."
            if form is bool
            else "Write it like that, with quotes around a text that looks like something else, such as 4711 or yes.",
        )
    return made


def _formed(name: str, value: Any, form: type) -> bool:
    """Whether a value has its form; what is in it is not looked at, but for texts."""
    if form is dict:
        return isinstance(value, dict) and all(isinstance(each, str) for pair in value.items() for each in pair)
    if form is list and name != "projects":
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if form is bool:
        return isinstance(value, bool | int | str)
    return form is not str or isinstance(value, str)


def _look_for_keys(name: str, value: Any) -> None:
    """Refuse an attribute that contains a key."""
    if like_a_key(str(value)):
        raise ConfigurationError(
            f"{name} contains something that looks like a key of PostHog.",
            hint="Put the key into a variable, and name the variable in api_key. " + REPLACE,
        )


def variable_of(value: object) -> str:
    """The name of the variable that holds the key; any other text is never in an error, as it may be the key itself.

    Raises:
        ConfigurationError: It is no reference to a variable.
    """
    found = REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    name = value.env_var_name if isinstance(value, dg.EnvVar) else found[1] if found else ""
    if not name or KEY.match(name):
        raise ConfigurationError(
            "api_key is not a reference to an environment variable.",
            hint='Write api_key: "{{ env.POSTHOG_PERSONAL_API_KEY }}", and put the key into that variable. ' + REPLACE,
        )
    return name


def _evaluated(context: dg.ResolutionContext, name: str, value: Any, form: type) -> Any:
    """A value with its templates evaluated. A text stays one, also if it looks like a number."""
    if isinstance(value, dict):
        return {key: _evaluated(context, name, each, str) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_evaluated(context, name, each, str) for each in value]
    if not isinstance(value, str) or not _TEMPLATE.search(value):
        return value
    for found in _FROM.finditer(value):
        variable = found[1] or found[2]
        said = "a variable whose name is not shown" if KEY.match(variable) else variable
        needed = form is not str or name in {"host", "home", "directory", "group"}
        if variable not in os.environ or (needed and found[0] == value.strip() and not os.environ[variable].strip()):
            state = "empty" if variable in os.environ else "not set"
            raise ConfigurationError(
                f"{name} is to come from {said}, and that variable is {state}.",
                hint="Set it in the environment of Dagster, or write the value itself.",
            )
    try:
        made: Any = context.resolve_value(value)
        if (made is None and not _FROM.search(value)) or (form is not str and isinstance(made, (form, tuple))):
            return made
        return str(context.resolve_value(_NO_PYTHON + value)).removeprefix(_NO_PYTHON)
    except ResolutionException:
        raise ConfigurationError(
            f"{name} contains a template that cannot be evaluated.",
            hint='A variable is written as "{{ env.NAME }}". ' + REPLACE,
        ) from None


def ids(value: object) -> list[int]:
    """Ids of projects, as numbers or as texts; for a validator of pydantic."""
    must = f"must be {FORMS['projects'][1]}"
    parts = value if isinstance(value, list | tuple) else [value if isinstance(value, str) else None]
    texts = [str(each) if type(each) is int else each for each in parts]
    found = numbers(",".join(map(str, texts)), must)
    if not all(isinstance(each, str) for each in texts) or not all(map(positive, found)):
        raise ValueError(must)
    return list(found)


def optional(values: list[str]) -> list[str]:
    """Names of optional resources; for a validator of pydantic."""
    for value in values:
        if value not in OPTIONAL:
            raise ValueError(f"names {shown(value)}, which is no optional resource; they are {' and '.join(OPTIONAL)}")
    return values


def once(values: list[Any]) -> list[Any]:
    """The values, of which no two are the same; for a validator of pydantic."""
    if len(set(values)) < len(values):
        raise ValueError("must not list anything twice")
    return values


def some(values: list[Any]) -> list[Any]:
    """The values, of which there is at least one; for a validator of pydantic."""
    if not values:
        raise ValueError("must list at least one")
    return values


def owned(values: list[str] | None) -> list[str] | None:
    """Owners that Dagster takes; for a validator of pydantic."""
    for value in values or []:
        if not _taken(owners=[value]):
            raise ValueError(f"names {shown(value)}: an owner is an e-mail address, or a team such as team:agents")
    return values


def grouped(value: str | None) -> str | None:
    """A group that Dagster takes; for a validator of pydantic."""
    if value is not None and not _taken(group_name=value):
        raise ValueError(f"is {shown(value)}: a group has letters, digits and underscores, and `/` between its parts")
    return value


def tagged(values: dict[str, str]) -> dict[str, str]:
    """Tags that Dagster takes; for a validator of pydantic."""
    for name, value in values.items():
        if not _taken(tags={name: ""}):
            raise ValueError(f"has {shown(name)} as a name: {_TAGS}, after a namespace and `/` if you like")
        if not _taken(tags={name: value}):
            raise ValueError(f"has {shown(value)} as the value of {shown(name)}: {_TAGS}")
    return values


def _taken(**presented: Any) -> bool:
    """Whether Dagster takes an asset that is presented like this."""
    try:
        dg.AssetSpec("any", **presented)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True
