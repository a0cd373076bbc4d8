"""What the API does not tell: names of projects, owners of repositories and campaigns, from a file of the user."""

import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from taskhouse.errors import ConfigurationError
from taskhouse.pages.formatting import clean
from taskhouse.settings import Settings
from taskhouse.values import shown

NAME = "taskhouse.toml"
"""Of the file in a home."""

ALLOWED = {
    "name": "must be a text",
    "repositories": "must be a list of patterns, such as ['acme/web', 'acme/pay-*']",
    "target": "must be ready, partial or detected",
    "by": "must be a day such as 2026-12-31",
    "since": "must be a day such as 2026-12-31",
    "window": "must be a number of days from 1 to 30",
    "projects": "must be a table, such as [projects] with 2 = 'Shop' below it",
    "owners": "must be a list of tables, each under [[owners]]",
    "campaigns": "must be a list of tables, each under [[campaigns]]",
}
"""What each entry takes."""


def _day(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise ValueError(ALLOWED["by"])  # noqa: TRY004 - pydantic wants it so
    return value


def _stripped(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def _patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("must list at least one")
    return tuple(_stripped(value).lower() for value in values)


Name = Annotated[str, AfterValidator(_stripped)]
Day = Annotated[date, BeforeValidator(_day)]
Patterns = Annotated[tuple[str, ...], AfterValidator(_patterns)]


class Entry(BaseModel):
    """A table of the file: every name in it is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Group(Entry):
    """Repositories under a name: those that match one of the patterns, such as ``acme/pay-*``."""

    name: Name
    repositories: Patterns

    def has(self, repository: str) -> bool:
        """Whether a repository is one of them."""
        return any(fnmatchcase(repository, pattern) for pattern in self.repositories)


class Campaign(Group):
    """A state that some repositories are to reach by a day.

    Attributes:
        since: When it began; the first day with readiness by default.
        window: The readiness window that counts, in days; that of the report by default.
    """

    target: Literal["ready", "partial", "detected"] = "ready"
    by: Day
    since: Day | None = None
    window: Annotated[int, Field(strict=True, ge=1, le=30)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.since >= self.by:
            raise ValueError("since must be before by")
        return self


class Directory(Entry):
    """The whole file; without one, nothing in it.

    Attributes:
        projects: Names of projects, by id.
        owners: Who answers for which repositories; of several that match, the first does.
    """

    projects: dict[int, Name] = Field(default_factory=dict)
    owners: tuple[Group, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    _path: Path | None = PrivateAttr(None)

    def project(self, project_id: int) -> str:
        """The name of a project, or its id."""
        return self.projects.get(project_id, f"project {project_id}")

    def owner(self, repository: str) -> str | None:
        """Who answers for a repository, None if nobody does."""
        return next((owner.name for owner in self.owners if owner.has(repository)), None)

    def owned(self, name: str, repositories: Iterable[str]) -> tuple[str, ...]:
        """Those of the repositories that an owner answers for.

        Raises:
            ConfigurationError: There is no such owner.
        """
        if name not in {owner.name for owner in self.owners}:
            if self._path is None:
                raise ConfigurationError(
                    "There are no owners, because there is no file taskhouse.toml.", hint="docs/report.md shows one."
                )
            known = ", ".join(owner.name for owner in self.owners) or "none"
            raise ConfigurationError(f"{self._path} has no owner {clean(name)!r}.", hint=f"The owners are: {known}.")
        return tuple(repository for repository in repositories if self.owner(repository) == name)


def of(settings: Settings) -> Directory:
    """The directory that settings name, or else that in the home, or else that in the current folder.

    Raises:
        ConfigurationError: As for :func:`load`, or a file that was named is not there.
    """
    is_named = "directory" in settings.model_fields_set
    if is_named and not settings.directory.exists():
        raise ConfigurationError(
            f"TASKHOUSE_DIRECTORY names {shown(str(settings.directory))}, and there is no such file.",
            hint="Create it as docs/report.md shows, or unset the variable.",
        )
    beside = settings.home / NAME
    return load(settings.directory if is_named or not beside.exists() else beside)


def load(path: Path) -> Directory:
    """Read a directory; an empty one if there is no file.

    Raises:
        ConfigurationError: The file cannot be read, or something in it is wrong: names each entry, and what it takes.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        known = Directory(**content)
    except FileNotFoundError:
        return Directory()
    except ValidationError as problem:
        wrong = "; ".join(dict.fromkeys(clean(_said(error, content)) for error in problem.errors()))
        raise ConfigurationError(f"{path}: {wrong}.", hint="Correct it; docs/report.md shows a whole file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        why = clean(problem) if isinstance(problem, tomllib.TOMLDecodeError) else "it is not text in UTF-8"
        raise ConfigurationError(
            f"{path} is not valid TOML: {why}.", hint="Correct it; docs/report.md shows a whole file."
        ) from None
    except OSError as problem:
        raise ConfigurationError(
            f"{path} cannot be read ({type(problem).__name__}).", hint="Make it a readable file, or remove it."
        ) from None
    for kind, groups in (("owners", known.owners), ("campaigns", known.campaigns)):
        names = [group.name for group in groups]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigurationError(
                f"{path}: {kind} names {clean(twice[0])!r} twice.",
                hint="Correct it; docs/report.md shows a whole file.",
            )
    known._path = path  # noqa: SLF001 - made here
    return known


def _said(error: Any, content: dict[str, Any]) -> str:
    """One mistake: the entry, and what it takes."""
    section, *inside = error["loc"]
    if not inside:
        return f"{section} {_rule(error, section, Directory)}"
    if section == "projects":
        return f"projects.{inside[0]} must be the numeric id of a project, with a name such as 'Shop'"
    number, *entry = inside
    table = content[section][number]
    name = table.get("name") if isinstance(table, dict) else None
    where = f"{section} {number + 1}{f' ({name.strip()})' if isinstance(name, str) and name.strip() else ''}"
    if not entry:
        return f"{where}: {_rule(error, section, Directory)}"
    kind = Campaign if section == "campaigns" else Group
    return f"{where}: {entry[0]} {_rule(error, str(entry[0]), kind)}"


def _rule(error: Any, name: str, kind: type[Entry]) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        return f"is not known here; the entries are {', '.join(kind.model_fields)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return ALLOWED[name]
