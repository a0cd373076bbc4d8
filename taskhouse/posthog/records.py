"""Wire records as columns: what is kept of a task, a run, a summary and a readiness answer, and what is not.

Every function is pure and takes one object of the API. Kept is canonical JSON (sorted keys, no spaces) of the object
without what changes at every call, what is signed and what is secret, beside the SHA-256 of the original text. Fields
that taskhouse does not know (``known_fields``) are kept too, but never make a version by themselves.
"""

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from taskhouse.posthog import hidden, known_fields, not_utf8
from taskhouse.posthog.pages import Row
from taskhouse.posthog.redact import REDACTED, STATE_KEYS, redact_event

TASK, RUN, SUMMARY, READINESS = known_fields.TASK, known_fields.RUN, known_fields.SUMMARY, known_fields.READINESS
USAGE = known_fields.USAGE

_PERSON = ("id", "uuid", "email")
_UNVERSIONED = frozenset({"slug", "last_activity_at"})
_NO_INTEGRATION = "GitHub integration is not connected."
_NO_TOKEN = "Unable to access GitHub integration token."  # noqa: S105 - a sentence of the server's
_STATE = b"state"
_INTEGER, _BIGINT = 2**31, 2**63
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""A time outside of these is no time of a task."""


class BadRecord(Exception):
    """An object that breaks the contract: where (a JSON pointer) and why."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer}: {reason}")
        self.pointer = pointer
        self.reason = reason


def task(row: Row) -> dict[str, Any]:
    """Columns of ``raw.task_versions`` from a full task.

    Raises:
        BadRecord: The id, the title or a time is not what the contract says.
    """
    data = row.data
    latest = _object(data, "latest_run", optional=True) or {}
    person = _object(data, "created_by", optional=True)
    kept = {name: value for name, value in data.items() if name != "latest_run"}
    kept["created_by"] = {name: person.get(name) for name in _PERSON} if person else None
    return {
        "task_id": _uuid(data, "id"),
        "title": _text(data, "title"),
        "repository": _text(data, "repository", optional=True),
        "origin_product": _text(data, "origin_product", optional=True),
        "internal": _flag(data, "internal"),
        "archived": _flag(data, "archived"),
        "created_by": person.get("uuid") if person else None,
        "created_at": _time(data, "created_at"),
        "updated_at": _time(data, "updated_at"),
        "latest_run_id": _uuid(latest, "id", "/latest_run") if latest else None,
        "latest_run_status": _text(latest, "status", "/latest_run") if latest else None,
        "latest_run_environment": _text(latest, "environment", "/latest_run", optional=True),
        **_content(kept, versioned=TASK.fields - _UNVERSIONED, updated_at=_time(data, "updated_at")),
        "payload_sha256": hashlib.sha256(row.text).hexdigest(),
    }


def latest_run(row: Row) -> Row | None:
    """The run inside a full task, as a row of its own."""
    run = row.data.get("latest_run")
    return Row(run, json.dumps(run, separators=(",", ":")).encode()) if isinstance(run, dict) else None


def summary(row: Row) -> dict[str, Any]:
    """What a summary says of a task: the columns that it has in common with a full task.

    Raises:
        BadRecord: As for :func:`task`.
    """
    data = row.data
    latest = _object(data, "latest_run", optional=True) or {}
    columns = {
        "task_id": _uuid(data, "id"),
        "title": _text(data, "title"),
        "repository": _text(data, "repository", optional=True),
        "updated_at": _time(data, "updated_at"),
        "latest_run_status": _text(latest, "status", "/latest_run", optional=True),
        "latest_run_environment": _text(latest, "environment", "/latest_run", optional=True),
    }
    if "origin_product" in data:  # absent before mid-2026
        columns["origin_product"] = _text(data, "origin_product", optional=True)
    if isinstance(latest.get("id"), str):  # newest servers only
        columns["latest_run_id"] = _uuid(latest, "id", "/latest_run")
    if not latest:
        columns["latest_run_id"] = None
    return columns


def merge(payload: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """A full task's kept JSON with what a newer summary says of it: ``payload`` and ``content_hash``."""
    kept = json.loads(payload)
    for name in ("title", "repository", "origin_product"):
        if name in columns:
            kept[name] = columns[name]
    return _content(kept, versioned=TASK.fields - _UNVERSIONED, updated_at=_time(kept, "updated_at"))


def run(row: Row) -> dict[str, Any]:
    """Columns of ``raw.run_versions`` from a full run, and ``bare_hash``: its content's hash without a pull request.

    Raises:
        BadRecord: An id, the status or a time is not what the contract says.
    """
    data = row.data
    state = _object(data, "state", optional=True) or {}
    output: dict[str, Any] = found if isinstance(found := data.get("output"), dict) else {}
    kept = {name: value for name, value in data.items() if name != "log_url"}
    kept["state"] = {name: value for name, value in state.items() if name in STATE_KEYS}
    kept["artifacts"] = [
        {name: value for name, value in artifact.items() if name != "url"} if isinstance(artifact, dict) else artifact
        for artifact in _array(data, "artifacts")
    ]
    parent = state.get("resume_from_run_id")
    pr_url = output.get("pr_url")
    content = _content(kept, versioned=RUN.fields, updated_at=_time(data, "updated_at"))
    bare = kept | {"output": hidden.without_borrowed(output) or None}
    return {
        "task_id": _uuid(data, "task"),
        "run_id": _uuid(data, "id"),
        "status": _text(data, "status"),
        **{
            name: _text(data, name, optional=True)
            for name in (
                "environment",
                "stage",
                "branch",
                "runtime_adapter",
                "provider",
                "model",
                "reasoning_effort",
                "error_message",
            )
        },
        "pr_url": pr_url if isinstance(pr_url, str) else None,
        "pr_state": pr_state(output),
        "resume_from_run_id": parent if isinstance(parent, str) else None,
        "created_at": _time(data, "created_at"),
        "updated_at": _time(data, "updated_at"),
        "completed_at": _time(data, "completed_at", optional=True),
        "scheduled_at": _time(data, "scheduled_at", optional=True),
        **content,
        "bare_hash": _content(bare, versioned=RUN.fields, updated_at=_time(data, "updated_at"))["content_hash"]
        if hidden.has_borrowed(output)
        else None,
        "payload_sha256": hashlib.sha256(row.text).hexdigest(),
    }


def pr_state(output: Mapping[str, Any]) -> str | None:
    """The state of the pull request that a run's output names; None where it says none."""
    state = "merged" if output.get("pr_merged") is True else output.get("pr_state")
    return state if isinstance(state, str) else None


def readiness(row: Row) -> dict[str, Any]:
    """Columns of ``raw.readiness_snapshots`` from a readiness answer.

    Raises:
        BadRecord: The repository, the window, a state or the time is not what the contract says.
    """
    data = row.data
    scan = _object(data, "scan", optional=True)
    kept = {name: value for name, value in data.items() if name != "cacheAgeSeconds"}
    states = {name: _object(data, name) or {} for name in ("coreSuggestions", "replayInsights", "errorInsights")}
    return {
        "repository": _text(data, "repository"),
        "window_days": _number(data, "windowDays", below=_INTEGER),
        "generated_at": _time(data, "generatedAt"),
        "overall": _text(data, "overall"),
        "classification": _text(data, "classification", optional=True),
        "excluded": _flag(data, "excluded"),
        "core_suggestions_state": _text(states["coreSuggestions"], "state", "/coreSuggestions"),
        "replay_insights_state": _text(states["replayInsights"], "state", "/replayInsights"),
        "error_insights_state": _text(states["errorInsights"], "state", "/errorInsights"),
        "evidence_task_count": _number(data, "evidenceTaskCount"),
        "evidence": evidence(scan, states["coreSuggestions"].get("reason")),
        "files_scanned": _number(scan or {}, "filesScanned", "/scan", optional=True),
        "detected_files_count": _number(scan or {}, "detectedFilesCount", "/scan", optional=True),
        "event_name_count": _number(scan or {}, "eventNameCount", "/scan", optional=True),
        "payload": redact_event(canonical(kept))[0].decode(),
        "payload_sha256": hashlib.sha256(row.text).hexdigest(),
    }


def usage(row: Row) -> dict[str, Any]:
    """Columns of ``raw.task_usage`` from the usage of a task, which does not say whose it is.

    Raises:
        BadRecord: An amount is missing or no number.
    """
    amounts = {name: _amount(row.data, name) for name in sorted(USAGE.fields)}
    return {
        **amounts,
        "content_hash": hashlib.sha256(canonical(amounts)).hexdigest(),
        "payload": redact_event(canonical(row.data))[0].decode(),
        "payload_sha256": hashlib.sha256(row.text).hexdigest(),
    }


def content_hashes(table: str, payload: str) -> set[str]:
    """Every ``content_hash`` that a kept version may have, by what this and earlier versions of taskhouse knew.

    None at all where something was cut out of the payload, since the hash is of the whole.
    """
    data = json.loads(payload)
    if REDACTED in payload:
        return set()
    if table == "task_usage":
        return {usage(Row(data, b""))["content_hash"]}
    shape, never = (TASK, _UNVERSIONED) if table == "task_versions" else (RUN, frozenset())
    known = [shape.fields - never]
    for added in reversed(shape.later):
        known.append(known[-1] - added)
    updated_at = _time(data, "updated_at")
    return {
        hash_
        for fields in known
        for hash_ in (
            _content(data, versioned=fields, updated_at=updated_at)["content_hash"],
            _hash(data, versioned=fields, updated_at=updated_at),  # as long as only updated_at was taken for a time
        )
    }


def evidence(scan: Mapping[str, Any] | None, reason: object) -> str:
    """What an answer rests on: ``scan``, ``empty_scan``, ``no_integration``, ``no_token`` or ``none``.

    An unknown repository, a GitHub outage and its rate limit all look like an empty repository; the only tell is a scan
    of zero files (API facts 4.4).
    """
    if scan is not None:
        return "empty_scan" if not scan.get("filesScanned") and not scan.get("detectedFilesCount") else "scan"
    return {_NO_INTEGRATION: "no_integration", _NO_TOKEN: "no_token"}.get(str(reason), "none")


def safe(text: bytes) -> str:
    """A record that could not be read, without what must not be kept of any: secrets of a state, signed queries.

    Text that is no JSON, or nested too deeply to be read, cannot be searched for a state: it only loses its signed
    queries, and all of it where it names one.
    """
    try:
        value = json.loads(text)
        kept = _without_secrets(value)
        text = text if kept == value else canonical(kept)
    except (ValueError, RecursionError):
        if _STATE in text:
            return f"{REDACTED}: {len(text)} bytes that name a state and cannot be read"
    return not_utf8.escaped(redact_event(text)[0])


def _without_secrets(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: value[name] for name in value if name not in {"state", "latest_run"}}
    if "state" in value:
        state = value["state"]
        allowed = {key: state[key] for key in state if key in STATE_KEYS} if isinstance(state, dict) else REDACTED
        kept["state"] = None if state is None else allowed  # what is wrong with it is not forgiven by cutting it out
    if "latest_run" in value:
        kept["latest_run"] = _without_secrets(value["latest_run"])
    return kept


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces, ASCII only: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _content(kept: Mapping[str, Any], *, versioned: frozenset[str], updated_at: str | None) -> dict[str, Any]:
    """The kept JSON, and a hash that is the same however the server wrote its times."""
    return {
        "payload": redact_event(canonical(kept))[0].decode(),
        "content_hash": _hash(_timed(kept), versioned=versioned, updated_at=updated_at),
    }


def _hash(kept: Mapping[str, Any], *, versioned: frozenset[str], updated_at: str | None) -> str:
    of_version = {name: value for name, value in kept.items() if name in versioned} | {"updated_at": updated_at}
    return hashlib.sha256(canonical(of_version)).hexdigest()


def _timed(kept: Any) -> Any:
    """An object whose times are written as rows of the API write them (API facts 1.8), whatever they came as.

    An artifact's time is a text that the server stores and never rewrites.
    """
    if not isinstance(kept, dict):
        return kept
    return {
        name: _moment(value)
        if name.endswith("_at")
        else [_timed(one) for one in value]
        if name == "slack_thread_references" and isinstance(value, list)
        else value
        for name, value in kept.items()
    }


def _moment(value: Any) -> Any:
    try:
        return (_time({"": value}, "") or "").removesuffix("+00:00") + "Z"
    except BadRecord:
        return value


def _value(data: Mapping[str, Any], name: str, at: str, kind: type, word: str, *, optional: bool) -> Any:
    value = data.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRecord(f"{at}/{name}", f"{'missing' if name not in data else f'not {word}'}")
    return value


def _text(data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False) -> str | None:
    return cast("str | None", _value(data, name, at, str, "a text", optional=optional))


def _number(
    data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False, below: int = _BIGINT
) -> int | None:
    """A whole number that its column can hold."""
    number = cast("int | None", _value(data, name, at, int, "a whole number", optional=optional))
    if number is not None and not -below <= number < below:
        raise BadRecord(f"{at}/{name}", "out of range")
    return number


def _amount(data: Mapping[str, Any], name: str) -> float | None:
    """An amount of money, as a number or as the text of one; null is an amount that the server does not know."""
    value = data.get(name, "")
    if value is None:
        return None
    try:
        amount = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        amount = math.nan
    if not math.isfinite(amount):
        raise BadRecord(f"/{name}", "missing" if name not in data else "not an amount")
    return amount


def _flag(data: Mapping[str, Any], name: str, at: str = "") -> bool | None:
    return cast("bool | None", _value(data, name, at, bool, "true or false", optional=True))


def _object(data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False) -> dict[str, Any] | None:
    return cast("dict[str, Any] | None", _value(data, name, at, dict, "an object", optional=optional))


def _array(data: Mapping[str, Any], name: str, at: str = "") -> list[Any]:
    return _value(data, name, at, list, "an array", optional=True) or []


def _uuid(data: Mapping[str, Any], name: str, at: str = "") -> str:
    text = _text(data, name, at) or ""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise BadRecord(f"{at}/{name}", "not a UUID") from None


def _time(data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False) -> str | None:
    """A time as ISO 8601 in UTC; the API writes three notations (API facts 1.8)."""
    text = _text(data, name, at, optional=optional)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord(f"{at}/{name}", "not a time") from None
    if not EARLIEST <= moment < LATEST:
        raise BadRecord(f"{at}/{name}", "not a time between 2000 and 2200")
    return moment.isoformat()
