"""``dg scaffold defs taskhouse.TaskhouseProject``: a ``defs.yaml`` to start from."""

import re
from collections.abc import Callable
from typing import Annotated

import click
import dagster as dg
from pydantic import BaseModel, BeforeValidator, Field

from taskhouse.values import numbers, origin, positive
from taskhouse.variables import DEFAULT_HOST

TEXT = """\
type: {type_name}

attributes:
  host: {host}
  api_key: "{{{{ env.POSTHOG_PERSONAL_API_KEY }}}}"  # where the key is; never write the key itself
  projects: [{projects}]  # numeric ids of your PostHog projects
  home: .taskhouse/{name}  # all data, below the root of the project: keep it out of git, and on a local disk
  prefix: {name}  # before the names of all assets, jobs, schedules, sensors and resources
  # directory: taskhouse.toml  # names of projects, owners of repositories and campaigns, for the report
  # optional_resources: [task_usage]
  # crons: {{tasks: "*/15 * * * *"}}
  # group: agents
  # owners: [team:agents]
  # tags: {{domain: agents}}
  # schedules: true

requirements:
  env:
    - POSTHOG_PERSONAL_API_KEY
"""


_IDS = "must be comma-separated ids, such as 1,2"
_YAML = re.compile(r"\d|(?:yes|no|on|off|true|false|null)$")
"""Names that YAML does not read as texts, or that no prefix may begin with."""


def _ids(text: str) -> str:
    """Ids as YAML has them."""
    found = dict.fromkeys(numbers(text, _IDS))
    if not all(map(positive, found)):
        raise ValueError(_IDS)
    return ", ".join(map(str, found))


def _option(name: str, read: Callable[[str], str]) -> BeforeValidator:
    """A validator whose errors the command shows as they are; of pydantic's it would print JSON."""

    def checked(value: object) -> str:
        try:
            return read(str(value))
        except ValueError as problem:
            raise click.ClickException(f"{name} {problem}.") from None

    return BeforeValidator(checked)


class ProjectParameters(BaseModel):
    """What the command takes."""

    host: Annotated[str, _option("--host", origin)] = Field(
        default=DEFAULT_HOST, description="Origin of the PostHog server."
    )
    projects: Annotated[str, _option("--projects", _ids)] = Field(
        default="", description="Ids of the projects, such as 1,2."
    )


class ProjectScaffolder(dg.Scaffolder[ProjectParameters]):
    """Writes a ``defs.yaml`` whose names are those of its folder, so that two never collide."""

    @classmethod
    def get_scaffold_params(cls) -> type[ProjectParameters]:
        """What the command takes."""
        return ProjectParameters

    def scaffold(self, request: dg.ScaffoldRequest[ProjectParameters]) -> None:
        """Write it; with ``--format python``, Dagster's own frame for an instance in Python."""
        if request.scaffold_format != "yaml":
            dg.scaffold_component(request)
            return
        text = TEXT.format(
            type_name=request.type_name,
            host=request.params.host,
            projects=request.params.projects,
            name=_name(request),
        )
        target = request.target_path if request.append else request.target_path / "defs.yaml"
        with target.open("a" if request.append else "w", encoding="utf-8") as file:
            file.write(f"---\n{text}" if request.append else text)


def _name(request: dg.ScaffoldRequest[ProjectParameters]) -> str:
    """The name of a folder below the definitions, as a prefix; with a number behind it for a further instance there."""
    folder = request.target_path.parent if request.append else request.target_path
    inside = folder.relative_to(request.project_root or folder.parent).parts
    below = inside[inside.index("defs") + 1 :] if "defs" in inside[:-1] else inside[-1:]
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(below).lower()).strip("_")
    name = f"posthog_{name}" if _YAML.match(name) else name or "posthog"
    there = request.target_path.read_text("utf-8").count(request.type_name) if request.append else 0
    return f"{name}_{there + 1}" if there else name
