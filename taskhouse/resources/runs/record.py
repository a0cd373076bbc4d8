"""A run as columns, from its own row and from the one inside its task: which fields are known, and what is stored."""

from collections.abc import Callable, Mapping
from typing import Any

from taskhouse.posthog import content, fields, privacy
from taskhouse.posthog.known_fields import ENVIRONMENT, STATUS, Shape, words
from taskhouse.posthog.pages import Row, digest
from taskhouse.posthog.redact import STATE_KEYS
from taskhouse.resources.runs import nested

SHAPE = Shape(
    words(
        "id task stage branch status environment runtime_adapter provider model reasoning_effort log_url error_message "
        "output state artifacts created_at updated_at completed_at task_summary task_tags scheduled_at "
        "preview_available"
    ),
    {
        "status": STATUS,
        "environment": ENVIRONMENT,
        "runtime_adapter": words("claude codex"),
        "provider": words("anthropic openai"),
        "reasoning_effort": words("off none minimal low medium high xhigh max ultracode"),
    },
    later=(words("task_summary task_tags scheduled_at preview_available"),),
    without_text=privacy.run_without_text,
)
_TEXTS = tuple("environment stage branch runtime_adapter provider model reasoning_effort error_message".split())
ELSEWHERE = ("a run of another task than", "another run than")
"""How the reasons of such records begin: they can be read, but have no place."""


def read(row: Row) -> dict[str, Any]:
    """Columns of ``raw.run_versions`` from a full run, and ``bare_hash``: its content's hash without a pull request.

    A run without a text of its own has no ``payload_sha256``.

    Raises:
        BadRecord: An id, the status or a time is not what the contract says.
    """
    data = row.data
    state = fields.mapping(data, "state", optional=True) or {}
    output: dict[str, Any] = found if isinstance(found := data.get("output"), dict) else {}
    kept = kept_of(data)
    parent = state.get("resume_from_run_id")
    pr_url = output.get("pr_url")
    updated_at = fields.moment(data, "updated_at")
    bare_hash = None
    if nested.has_borrowed(output):
        bare = kept | {"output": nested.without_borrowed(output) or None}
        bare_hash = content.content_hash(bare, versioned=SHAPE.fields, updated_at=updated_at, plain=row.plain)
    return {
        "task_id": fields.identifier(data, "task"),
        "run_id": fields.identifier(data, "id"),
        "status": fields.text(data, "status"),
        **fields.texts(data, _TEXTS),
        "pr_url": pr_url if isinstance(pr_url, str) else None,
        "pr_state": pr_state(output),
        "resume_from_run_id": parent if isinstance(parent, str) else None,
        "created_at": fields.moment(data, "created_at"),
        "updated_at": updated_at,
        "completed_at": fields.moment(data, "completed_at", optional=True),
        "scheduled_at": fields.moment(data, "scheduled_at", optional=True),
        **content.of(kept, versioned=SHAPE.fields, updated_at=updated_at, plain=row.plain),
        "bare_hash": bare_hash,
        "payload_sha256": digest(row.text) if row.text else None,
    }


def kept_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """A run without its address of a log, its secrets and the addresses of its files.

    Raises:
        BadRecord: Its state or its artifacts are not what the contract says.
    """
    state, artifacts = fields.mapping(data, "state", optional=True), fields.array(data, "artifacts")
    kept = {**data, "state": {name: state[name] for name in state if name in STATE_KEYS} if state else {}}
    kept.pop("log_url", None)
    kept["artifacts"] = artifacts and [
        {name: value for name, value in artifact.items() if name != "url"} if isinstance(artifact, dict) else artifact
        for artifact in artifacts
    ]
    return kept


def run_of(task_id: str, run_id: str | None = None) -> Callable[[Row], dict[str, Any]]:
    """A function that reads a run of a task, with the given id if there is one.

    It raises ``BadRecord`` as :func:`read` does, and also for another run or a run of another task.
    """

    def asked(row: Row) -> dict[str, Any]:
        for name, wanted, reason in zip(("task", "id"), (task_id, run_id), ELSEWHERE, strict=True):
            if wanted is None or (named := row.data.get(name)) == wanted:
                continue
            if isinstance(named, str) and named.lower() != wanted:
                raise fields.BadRecord(f"/{name}", f"{reason} {wanted}")
        return read(row)

    return asked


def latest(row: Row) -> Row | None:
    """The run inside a full task, as a row of its own, without a text of its own."""
    run = row.data.get("latest_run")
    return Row(run, b"", row.plain) if isinstance(run, dict) else None


def pr_state(output: Mapping[str, Any]) -> str | None:
    """The state of the pull request that a run's output names; None where it says none."""
    state = "merged" if output.get("pr_merged") is True else output.get("pr_state")
    return state if isinstance(state, str) else None


def content_hashes(payload: str) -> set[str]:
    """Every ``content_hash`` that a kept version may have."""
    return content.hashes(payload, SHAPE)
