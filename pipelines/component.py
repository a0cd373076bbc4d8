"""taskhouse as a component of a user's Dagster project: one ``defs.yaml`` for one server and one home."""

import contextlib
import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import dagster as dg
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from taskhouse.assets import keys
from taskhouse.assets.published import NAME as PUBLISHED
from taskhouse.errors import ConfigurationError
from taskhouse.home import possible
from taskhouse.pipelines import attributes
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.jobs import SYNC, VIEWS
from taskhouse.pipelines.resources import EngineResource
from taskhouse.pipelines.scaffold import ProjectScaffolder
from taskhouse.pipelines.tables import TaskhouseTables
from taskhouse.pipelines.wording import ATTRIBUTES, Wording
from taskhouse.plural import plural
from taskhouse.resources.registry import OPTIONAL
from taskhouse.settings import Settings
from taskhouse.values import CRONS, NEEDS, PREFIX, Origin, file, folder, known_times
from taskhouse.variables import OURS, look_for_strays, variable, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskhouse.passes.lifecycle import PassReport


@dg.scaffold_with(ProjectScaffolder)
class TaskhouseProject(dg.Component, dg.Model, dg.Resolvable):
    """Keeps the history of PostHog Tasks: assets, checks, jobs, schedules and sensors for the projects of one server.

    All other settings are read from ``TASKHOUSE_…`` variables, and are the same for every instance of a code location.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: Origin = Field(description="Origin of the PostHog server, such as https://eu.posthog.com.")
    api_key: Annotated[str, BeforeValidator(attributes.variable_of)] = Field(
        description="The variable that holds the API key: {{ env.POSTHOG_PERSONAL_API_KEY }}. Never the key itself.",
    )
    projects: Annotated[
        list[int],
        BeforeValidator(attributes.ids),
        AfterValidator(attributes.once),
        AfterValidator(attributes.some),
    ] = Field(description="Ids of the PostHog projects, one partition each.")
    home: Annotated[str, AfterValidator(lambda value: str(folder(value)))] = Field(
        description="Folder for all data. A relative path is below the root of the Dagster project."
    )
    directory: Annotated[str | None, AfterValidator(lambda value: value and str(file(value)))] = Field(
        None,
        description="File with names of projects, owners of repositories and campaigns, for the report. A relative path"
        " is below the root of the Dagster project, where taskhouse.toml is read if there is one.",
    )
    prefix: str = Field(
        "",
        pattern=PREFIX,
        description="Stands before the names of all assets, jobs, schedules, sensors, resources.",
    )
    crons: Annotated[dict[str, str], AfterValidator(known_times)] = Field(
        default_factory=dict, description=f"Other times for some schedules, as cron. Any of: {', '.join(CRONS)}."
    )
    optional_resources: Annotated[list[str], AfterValidator(attributes.optional), AfterValidator(attributes.once)] = (
        Field(default_factory=list, description="Resources to fetch beside those that are always fetched.")
    )
    group: Annotated[str | None, AfterValidator(attributes.grouped)] = Field(None, description="Group of all assets.")
    owners: Annotated[list[str] | None, AfterValidator(attributes.owned)] = Field(
        None, description="Owners of all assets: e-mail addresses, or team:name."
    )
    tags: Annotated[dict[str, str], AfterValidator(attributes.tagged)] = Field(
        default_factory=dict, description="Tags of all assets, beside their own."
    )
    schedules: bool = Field(
        default=False, description="Turn schedules and sensors on. What somebody switched in the UI stays as it is."
    )

    _name: str = PrivateAttr("")

    @classmethod
    def model(cls) -> type[BaseModel]:
        """What Dagster lets through."""
        return attributes.schema(cls)

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """An instance from YAML.

        Raises:
            ConfigurationError: An attribute is wrong; names it and the folder, and shows no value.
        """
        where = _where(context)
        try:
            made = super().load(attributes or cls.model()(), context)
        except ConfigurationError as problem:
            raise ConfigurationError(f"{where}: {problem.message}", hint=problem.hint) from None
        made._name = where  # noqa: SLF001 - an instance of ours
        return made

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Self:
        """An instance with the values of the attributes that were written."""
        return attributes.read(context, model, cls)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Everything that taskhouse's own code location has, with the names and presentation of the attributes.

        Raises:
            ConfigurationError: An attribute is not valid, or another instance has the same home or the same names.
        """
        settings = self._settings(context)
        self._look_for_twins(context, settings)
        self._look_for_idle_variables(context)
        definitions = build(settings, _engine(self, context), executor=None).map_asset_specs(func=self._presented)
        with self._words(context):
            possible(settings.home)
        copy = keys.key(self.prefix, PUBLISHED).to_user_string()
        tables = TaskhouseTables(home=str(settings.home), published=copy)
        resources = {keys.label(self.prefix, "tables"): tables}
        return dg.Definitions.merge(definitions, dg.Definitions(resources=resources))

    @contextlib.contextmanager
    def _words(self, context: dg.ComponentLoadContext) -> "Iterator[None]":
        """A block whose errors name the attributes."""
        reword = self._wording(context).reworded
        try:
            yield
        except ConfigurationError as problem:
            raise ConfigurationError(reword(problem.message), hint=reword(problem.hint)) from None

    def _wording(self, context: dg.ComponentLoadContext) -> Wording:
        return Wording.of(_where(context), self.api_key, self._values(context))

    def _values(self, context: dg.ComponentLoadContext) -> dict[str, str]:
        """What a command needs by field of the settings, as their variables would have it; the key is not among it."""
        values = {
            "home": str(self._home(context)),
            "host": self.host,
            "project_ids": ",".join(map(str, self.projects)),
            **dict.fromkeys(self.optional_resources, "true"),
        }
        if directory := self._directory(context):
            values["directory"] = str(directory)
        if self.crons:
            values["crons"] = ";".join(f"{name}={time}" for name, time in self.crons.items())
        return values

    def _home(self, context: dg.ComponentLoadContext) -> Path:
        return _resolved(context.project_root / self.home)

    def _directory(self, context: dg.ComponentLoadContext) -> Path | None:
        """The file with owners and campaigns, None if there is none that the project names or has."""
        found = _resolved(context.project_root / (self.directory or Settings.model_fields["directory"].default))
        return found if self.directory or found.exists() else None

    def _settings(self, context: dg.ComponentLoadContext) -> Settings:
        """The settings of this instance; ``.env`` is Dagster's to read."""
        where, home = _where(context), self._home(context)
        _look_at_home(home, context)
        for name in OPTIONAL:
            if name in self.crons and name not in self.optional_resources:
                raise ConfigurationError(
                    f"{where}: crons has a time for {name}, but optional_resources does not list it.",
                    hint=f"Add {name} to optional_resources, or remove its time.",
                )
        values: dict[str, object] = {
            "host": self.host,
            "api_key": os.environ.get(self.api_key),
            "project_ids": tuple(self.projects),
            "home": home,
            "asset_prefix": self.prefix,
            "schedules": self.schedules,
            **{name: name in self.optional_resources for name in OPTIONAL},
            "crons": self.crons,
        }
        if directory := self._directory(context):
            values["directory"] = directory
        with self._words(context):
            known = [variable(field) for field in Settings.model_fields]
            look_for_strays({variable(field): None for field in values}, known, where)
        try:
            settings = Settings(_env_file=None, **values)  # type: ignore[arg-type]
        except ValidationError as problem:
            raise _wrong(problem, where) from None
        for name, field in NEEDS.items():
            if name in self.crons and not getattr(settings, field):
                raise ConfigurationError(
                    f"{where}: crons has a time for {name}, but {variable(field)} is not set.",
                    hint=f"Set {variable(field)} in the environment of Dagster, or remove the time.",
                )
        return settings

    def _look_for_twins(self, context: dg.ComponentLoadContext, settings: Settings) -> None:
        """Refuse an instance that shares its home or its names with another one in this code location."""
        for other in context.component_tree.get_all_components(TaskhouseProject):
            if other is self:
                continue
            theirs = other._name or f"the one for {other.host}, {_listed(other.projects)}"  # noqa: SLF001 - one of us
            theirs = "another one in the same file" if theirs == _where(context) else theirs
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

            if _meet(self.prefix, other.prefix) or _meet(other.prefix, self.prefix):
                raise ConfigurationError(
                    f"The TaskhouseProject in {_where(context)} has the prefix {self.prefix!r}, and {theirs} has"
                    f" {other.prefix!r}: some of their names would be the same.",
                    hint="Give one of them another `prefix`.",
                )

    def _look_for_idle_variables(self, context: dg.ComponentLoadContext) -> None:
        """Warn of variables that say something else than the attributes, which decide."""
        decided = {
            "asset_prefix": self.prefix,
            "schedules": str(self.schedules).lower(),
            "crons": "",
            **dict.fromkeys(OPTIONAL, "false"),
            **self._values(context),
        }
        named = {variable(field): value for field, value in decided.items()}
        idle = [name for name in named if name.startswith(OURS) and os.environ.get(name, "") not in {"", named[name]}]
        if idle:
            _warn_once(", ".join(idle), _where(context))

    def _presented(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        changed: dict[str, object] = {"tags": {**spec.tags, **self.tags}}
        if self.group is not None:
            changed["group_name"] = self.group
        if self.owners is not None:
            changed["owners"] = self.owners
        return spec.replace_attributes(**changed)  # type: ignore[arg-type]


def _meet(prefix: str, longer: str) -> bool:
    """Whether names with the longer prefix are those of jobs or views with the other one."""
    return longer == keys.label(prefix, SYNC) or (not prefix and longer == VIEWS)


def _look_at_home(home: Path, context: dg.ComponentLoadContext) -> None:
    """Refuse a home in which Dagster or git would take its files for their own."""
    root, defs = context.project_root, context.defs_module_path.resolve()
    refused = {
        "contains the whole project": home == root or home in root.parents,
        "contains the definitions that Dagster loads": home == defs or home in defs.parents,
        "is in the folder whose definitions Dagster loads": defs in home.parents and defs != root.resolve(),
        "belongs to git": ".git" in home.parts,
    }
    for why, holds in refused.items():
        if holds:
            raise ConfigurationError(
                f"{_where(context)}: home is {home}, which {why}.",
                hint="Give it a folder of its own, such as .taskhouse/posthog.",
            )


def _resolved(path: Path) -> Path:
    """Where a path leads; one that leads nowhere, such as a loop of links, is refused by the code that opens it."""
    return Path(os.path.realpath(path))


@functools.cache
def _warn_once(names: str, where: str) -> None:
    logging.getLogger("taskhouse").warning(
        "%s: its attributes decide, so these variables have no effect on it: %s.", where, names
    )


def _listed(projects: list[int]) -> str:
    return f"{plural(len(projects), 'project', 'projects')} {', '.join(map(str, projects))}"


def _wrong(problem: ValidationError, where: str) -> ConfigurationError:
    """What is wrong with the values of some attributes."""
    said = "; ".join(f"{ATTRIBUTES.get(name, name)} {how}" for name, how in wrong(problem).items())
    return ConfigurationError(f"{where}: {said}.", hint=attributes.FIX)


def _where(context: dg.ComponentLoadContext) -> str:
    """The instance's name for people: its folder below the root of the project."""
    path = context.path
    return str(path.relative_to(context.project_root) if path.is_relative_to(context.project_root) else path)


def _engine(project: TaskhouseProject, context: dg.ComponentLoadContext) -> EngineResource:
    """The engine of an instance. The key is read when a pass needs it, and is in no definition."""

    class ProjectEngine(EngineResource):
        def base(self) -> Settings:
            return project._settings(context)  # noqa: SLF001 - its engine

        def reworded(self, text: str) -> str:
            return project._wording(context).reworded(text)  # noqa: SLF001 - its engine

        def sync(self, project_id: int, resource: str) -> "PassReport":
            if not os.environ.get(project.api_key):
                raise ConfigurationError(
                    f"{project.api_key} is not set.",
                    hint="Create a personal API key with the scope task:read, and export it where Dagster runs steps.",
                )
            return super().sync(project_id, resource)

    return ProjectEngine()
