"""What a mutation names: a project, a task, a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Project, Run, Task


class MutationError(ValueError):
    """A mutation that cannot be done."""


def project_asked(service: Service, asked: dict[str, Any]) -> Project:
    """The project of ``project_id``; the first one if none is named."""
    project = service.world.projects.get(asked.get("project_id", service.settings.projects[0]))
    if project is None:
        raise MutationError("no such project")
    return project


def task_asked(service: Service, asked: dict[str, Any]) -> Task:
    """The task of ``task_id``."""
    task = service.world.tasks.get(asked.get("task_id", ""))
    if task is None:
        raise MutationError("task_id names no task")
    return task


def run_asked(service: Service, asked: dict[str, Any]) -> Run:
    """The run of ``run_id``."""
    run = service.world.runs.get(asked.get("run_id", ""))
    if run is None:
        raise MutationError("run_id names no run")
    return run
