"""taskhouse as a component of a user's Dagster project: one ``defs.yaml`` for one server and one home."""

import contextlib
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import dagster as dg
from pydantic import ConfigDict, Field, ValidationError, field_validator

from taskhouse.assets import keys
from taskhouse.errors import ConfigurationError
from taskhouse.home import possible
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.resources import EngineResource
from taskhouse.pipelines.scaffold import ProjectScaffolder
from taskhouse.pipelines.tables import TaskhouseTables
from taskhouse.plural import plural
from taskhouse.resources.registry import OPTIONAL
from taskhouse.settings import Settings
from taskhouse.values import CRONS
from taskhouse.variables import look_for_strays, variable, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskhouse.passes.lifecycle import PassReport

REFERENCE = re.compile(r"\{\{\s*env\.([A-Z_][A-Z0-9_]*)\s*\}\}|([A-Z_][A-Z0-9_]*)")
"""The form of a variable in YAML, and after it was read; a key contains lower-case letters."""

KEY = re.compile(r"PH[A-Z]_")
"""How a key of PostHog begins, also one that somebody wrote in capitals."""

ATTRIBUTES = {
    **{variable(name): name for name in ("host", "api_key", "home", "schedules", "crons")},
    variable("project_ids"): "projects",
    variable("asset_prefix"): "prefix",
}
"""The attribute that a person sets in place of each variable."""

NAMED = re.compile(rf"\b(?:{'|'.join(ATTRIBUTES)})\b")


@dg.scaffold_with(ProjectScaffolder)
class TaskhouseProject(dg.Component, dg.Model, dg.Resolvable):
    """Keeps the history of PostHog Tasks: assets, checks, jobs, schedules and sensors for the projects of one server.

    All other settings are read from ``TASKHOUSE_…`` variables, and are the same for every instance of a code location.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: str = Field(description="Origin of the PostHog server, such as https://eu.posthog.com.")
    api_key: Annotated[str, dg.Resolver.passthrough()] = Field(
        description="The variable that holds the API key: {{ env.POSTHOG_PERSONAL_API_KEY }}. Never the key itself.",
    )
    projects: list[int] = Field(description="Ids of the PostHog projects, one partition each.")
    home: str = Field(description="Folder for all data. A relative path is below the root of the Dagster project.")
    prefix: str = Field("", description="Stands before the names of all assets, jobs, schedules, sensors, resources.")
    crons: dict[str, str] = Field(
        default_factory=dict, description=f"Other times for some schedules, as cron. Any of: {', '.join(CRONS)}."
    )
    optional_resources: list[Literal[OPTIONAL]] = Field(  # type: ignore[valid-type]
        default_factory=list, description="Resources to fetch beside those that are always fetched."
    )
    group: str | None = Field(None, description="Group of all assets.")
    owners: list[str] | None = Field(None, description="Owners of all assets: e-mail addresses, or team:name.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags of all assets, beside their own.")
    schedules: bool = Field(
        default=False, description="Turn schedules and sensors on. What somebody switched in the UI stays as it is."
    )

    @field_validator("api_key", mode="before")
    @classmethod
    def _reference(cls, value: object) -> str:
        """The name of the variable. Any other text is never in an error, because it may be the key itself."""
        found = REFERENCE.fullmatch(value.env_var_name if isinstance(value, dg.EnvVar) else str(value).strip())
        name = (found[1] or found[2]) if found else ""
        if not name or KEY.match(name):
            raise ConfigurationError(
                "api_key of a TaskhouseProject is not a reference to an environment variable.",
                hint='Write api_key: "{{ env.POSTHOG_PERSONAL_API_KEY }}", and put the key into that variable. If a'
                " key was written here and others could read the file, replace the key in PostHog.",
            )
        return name

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Everything that taskhouse's own code location has, with the names and presentation of the attributes.

        Raises:
            ConfigurationError: An attribute is not valid, or another instance has the same home or the same names.
        """
        settings = self._settings(context)
        self._look_for_twins(context, settings)
        definitions = build(settings, _engine(self, context), executor=None).map_asset_specs(func=self._presented)
        with self._words(context):
            possible(settings.home)
        tables = {keys.label(self.prefix, "tables"): TaskhouseTables(home=str(settings.home))}
        return dg.Definitions.merge(definitions, dg.Definitions(resources=tables))

    @contextlib.contextmanager
    def _words(self, context: dg.ComponentLoadContext) -> "Iterator[None]":
        """A block whose errors name the attributes."""
        try:
            yield
        except ConfigurationError as problem:
            told, hint = self._told(context, problem.message), self._told(context, problem.hint)
            raise ConfigurationError(told, hint=hint) from None

    def _told(self, context: dg.ComponentLoadContext, text: str) -> str:
        """What an error says, with attributes in place of variables; a command comes with the variables it needs."""
        named = {name: f"`{attribute}` of {_where(context)}" for name, attribute in ATTRIBUTES.items()}
        named[variable("api_key")] = self.api_key
        told = NAMED.sub(lambda found: named[found[0]], text)
        if "`taskhouse " in text:
            variables = {"home": str(self._home(context)), "host": self.host, "project_ids": self._ids()}
            exports = " ".join(f"{variable(name)}={shlex.quote(value)}" for name, value in variables.items())
            told += f' Before that, `export {exports} {variable("api_key")}="${self.api_key}"`.'
        return told

    def _ids(self) -> str:
        return ",".join(map(str, self.projects))

    def _home(self, context: dg.ComponentLoadContext) -> Path:
        return (context.project_root / Path(self.home).expanduser()).resolve()

    def _settings(self, context: dg.ComponentLoadContext) -> Settings:
        """The settings of this instance; ``.env`` is Dagster's to read."""
        where = _where(context)
        if not self.projects:
            raise ConfigurationError(
                f"projects in {where} is empty.", hint="List the numeric ids of your PostHog projects, such as [1, 2]."
            )
        if len(set(self.projects)) < len(self.projects):
            raise ConfigurationError(f"projects in {where} lists a project twice.", hint="List each project once.")
        values: dict[str, object] = {
            "host": self.host,
            "api_key": os.environ.get(self.api_key),
            "project_ids": tuple(self.projects),
            "home": self._home(context),
            "asset_prefix": self.prefix,
            "schedules": self.schedules,
            **{name: name in self.optional_resources for name in OPTIONAL},
            "crons": self.crons,
        }
        with self._words(context):
            known = [variable(field) for field in Settings.model_fields]
            look_for_strays({variable(field): None for field in values}, known, where)
        try:
            return Settings(_env_file=None, **values)  # type: ignore[arg-type]
        except ValidationError as problem:
            problems = [f"{ATTRIBUTES.get(name, name)} {said}" for name, said in wrong(problem).items()]
            raise ConfigurationError(
                f"{where}: {'; '.join(problems)}.", hint="Fix the value, then run `dg check defs`."
            ) from None

    def _look_for_twins(self, context: dg.ComponentLoadContext, settings: Settings) -> None:
        """Refuse an instance that shares its home or its names with another one in this code location."""
        for other in context.component_tree.get_all_components(TaskhouseProject):
            if other is self:
                continue
            theirs = f"the one for {other.host}, {_listed(other.projects)}"
            home = other._home(context)  # noqa: SLF001 - another one of us
            if home == settings.home:
                raise ConfigurationError(
                    f"The TaskhouseProject in {_where(context)} has the same home as {theirs}: {settings.home}.",
                    hint="Give each its own `home`, or list all projects of one server in one instance.",
                )
            if home in settings.home.parents or settings.home in home.parents:
                raise ConfigurationError(
                    f"The home of the TaskhouseProject in {_where(context)} is {settings.home}, and that of {theirs}"
                    f" is {home}: one contains the other.",
                    hint="Give each a `home` of its own, side by side.",
                )
            if other.prefix == self.prefix:
                raise ConfigurationError(
                    f"The TaskhouseProject in {_where(context)} has the same prefix as {theirs}: {self.prefix!r}.",
                    hint="Give each its own `prefix`, which keeps the names of their assets and jobs apart.",
                )

    def _presented(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        changed: dict[str, object] = {"tags": {**spec.tags, **self.tags}}
        if self.group is not None:
            changed["group_name"] = self.group
        if self.owners is not None:
            changed["owners"] = self.owners
        return spec.replace_attributes(**changed)  # type: ignore[arg-type]


def _listed(projects: list[int]) -> str:
    return f"{plural(len(projects), 'project', 'projects')} {', '.join(map(str, projects))}"


def _where(context: dg.ComponentLoadContext) -> str:
    """The instance's name for people: its folder below the root of the project."""
    path = context.path
    return str(path.relative_to(context.project_root) if path.is_relative_to(context.project_root) else path)


def _engine(project: TaskhouseProject, context: dg.ComponentLoadContext) -> EngineResource:
    """The engine of an instance. The key is read when a pass needs it, and is in no definition."""

    class ProjectEngine(EngineResource):
        def base(self) -> Settings:
            return project._settings(context)  # noqa: SLF001 - its engine

        def told(self, text: str) -> str:
            return project._told(context, text)  # noqa: SLF001 - its engine

        def sync(self, project_id: int, resource: str) -> "PassReport":
            if not os.environ.get(project.api_key):
                raise ConfigurationError(
                    f"{project.api_key} is not set.",
                    hint="Create a personal API key with the scope task:read, and export it where Dagster runs steps.",
                )
            return super().sync(project_id, resource)

    return ProjectEngine()
