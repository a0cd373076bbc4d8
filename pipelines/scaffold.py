"""``dg scaffold defs taskhouse.TaskhouseProject``: a ``defs.yaml`` to start from."""

import re
from pathlib import Path
from typing import Annotated

import dagster as dg
from pydantic import AfterValidator, BaseModel, Field

from taskhouse.values import Origin, numbers
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


def _ids(text: str) -> str:
    """Ids as YAML has them."""
    return ", ".join(map(str, dict.fromkeys(numbers(text, "must be comma-separated ids, such as 1,2"))))


class ProjectParameters(BaseModel):
    """What the command takes."""

    host: Origin = Field(default=DEFAULT_HOST, description="Origin of the PostHog server.")
    projects: Annotated[str, AfterValidator(_ids)] = Field(default="", description="Ids of the projects, such as 1,2.")


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
            name=_name(request.target_path),
        )
        target = request.target_path if request.append else request.target_path / "defs.yaml"
        with target.open("a" if request.append else "w", encoding="utf-8") as file:
            file.write(f"---\n{text}" if request.append else text)


def _name(path: Path) -> str:
    """The name of a folder as a prefix."""
    folder = path.parent if path.suffix else path
    return re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_0123456789") or "posthog"
