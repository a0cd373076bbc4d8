"""Attributes of a component as somebody wrote them: taskhouse reads them, and says what is wrong in its own words.

Dagster's schema lets every name and value through. If it refused one, it would print the lines around it, and with them
a key that somebody wrote into the file.
"""

import difflib
import os
import re
from typing import Any

import dagster as dg
from dagster.components.resolved.errors import ResolutionException
from pydantic import BaseModel, ConfigDict, Field, create_model

from taskhouse.errors import ConfigurationError
from taskhouse.values import KEY, shown

REFERENCE = re.compile(r"\{\{\s*env\.([A-Z_][A-Z0-9_]*)\s*\}\}")
"""How YAML names the variable that holds the key; a key contains lower-case letters."""

_FROM = re.compile(r"\{\{\s*env(?:\.(\w+)|\(\s*['\"](\w+)['\"]\s*\))\s*\}\}")
"""A template that is a variable, without another value if it is not set."""

_NAME = re.compile(r"[A-Za-z_]{1,40}")
"""What may be shown of an attribute that does not exist; a key contains digits."""

_TAGS = "allowed are up to 63 letters, digits, `_`, `-` and `.`"
REPLACE = "If a key was written here and others could read the file, replace the key in PostHog."


def schema(component: type[BaseModel]) -> type[BaseModel]:
    """What Dagster knows of the attributes: their names and descriptions, for editors and its documentation."""
    fields: dict[str, Any] = {
        name: (Any, Field(None, description=field.description)) for name, field in component.model_fields.items()
    }
    config = ConfigDict(extra="allow", title=component.__name__)
    return create_model(f"{component.__name__}Attributes", __config__=config, **fields)


def given(context: dg.ResolutionContext, written: BaseModel, known: type[BaseModel]) -> dict[str, Any]:
    """The values of the attributes that were written, with their templates evaluated; the key stays a reference.

    Raises:
        ConfigurationError: There is an attribute of another name, one is missing, or a template cannot be evaluated.
    """
    values = {name: value for name, value in written if name in written.model_fields_set}
    for name in values.keys() - known.model_fields.keys():
        alike = difflib.get_close_matches(name, known.model_fields, 1)
        said = f"`{name}`" if _NAME.fullmatch(name) and not KEY.match(name) else "One of the names"
        raise ConfigurationError(
            f"{said} is not an attribute.{f' Did you mean `{alike[0]}`?' if alike else ''}",
            hint=f"The attributes are: {', '.join(known.model_fields)}. {REPLACE}",
        )
    for name, field in known.model_fields.items():
        if field.is_required() and values.get(name) is None:
            raise ConfigurationError(
                f"{name} is {'empty' if name in values else 'missing'}.", hint=f"It means: {field.description}"
            )
    made = {name: value if name == "api_key" else _evaluated(context, name, value) for name, value in values.items()}
    return {name: value for name, value in made.items() if value is not None}


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


def _evaluated(context: dg.ResolutionContext, name: str, value: Any) -> Any:
    for found in _FROM.finditer(str(value)):
        variable = found[1] or found[2]
        if variable not in os.environ and not KEY.match(variable):
            raise ConfigurationError(
                f"{name} is to come from {variable}, and that variable is not set.",
                hint=f"Set {variable} in the environment of Dagster, or write the value itself.",
            )
    try:
        return context.resolve_value(value)
    except ResolutionException:
        raise ConfigurationError(
            f"{name} contains a template that cannot be evaluated.",
            hint='A variable is written as "{{ env.NAME }}". ' + REPLACE,
        ) from None


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
            raise ValueError(f"has the name {shown(name)}: {_TAGS}, after a namespace and `/` if you like")
        if not _taken(tags={name: value}):
            raise ValueError(f"has the value {shown(value)} for {shown(name)}: {_TAGS}")
    return values


def _taken(**presented: Any) -> bool:
    """Whether Dagster takes an asset that is presented like this."""
    try:
        dg.AssetSpec("any", **presented)
    except dg.DagsterInvalidDefinitionError:
        return False
    return True
