"""What is kept of an object of the API, and the hash that says whether it is another version.

Kept is canonical JSON (sorted keys, no spaces) of the object without what changes at every call, what is signed and
what is secret, beside the SHA-256 of the original text. Fields that taskhouse does not know (``known_fields``) are kept
too, but never make a version by themselves.
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from taskhouse.posthog import fields, jsonslices, not_utf8, plainjson
from taskhouse.posthog.known_fields import Shape
from taskhouse.posthog.redact import REDACTED, STATE_KEYS, cut, redact_event, state_cuts

_STATE = b"state"
_THREADS = "slack_thread_references"


def canonical(value: object, *, plain: bool = False) -> bytes:
    """JSON with sorted keys and no spaces, ASCII only: equal values give equal bytes."""
    return plainjson.dumps(value, sort_keys=True, plain=plain)


def of(
    kept: Mapping[str, Any], *, versioned: frozenset[str], updated_at: str | None, plain: bool = False
) -> dict[str, Any]:
    """The kept JSON, and a hash that is the same however the server wrote its times.

    ``plain``: it is known to hold no float (``Row.plain``).
    """
    return {
        "payload": redact_event(canonical(kept, plain=plain))[0].decode(),
        "content_hash": content_hash(kept, versioned=versioned, updated_at=updated_at, plain=plain),
    }


def content_hash(
    kept: Mapping[str, Any], *, versioned: frozenset[str], updated_at: str | None, plain: bool = False
) -> str:
    """The hash of :func:`of` alone."""
    times, unversioned = _names(tuple(kept), versioned)
    of_version = dict(kept)
    for name in unversioned:
        del of_version[name]
    _write_times(of_version, times)
    of_version["updated_at"] = updated_at
    return hashlib.sha256(canonical(of_version, plain=plain)).hexdigest()


def hashes(payload: str, shape: Shape, *, never: frozenset[str] = frozenset()) -> set[str]:
    """Every ``content_hash`` that a kept version may have, by what this and earlier versions of taskhouse knew.

    None at all where something was cut out of the payload, since the hash is of the whole. Fields that ``never`` make a
    version are in no hash.
    """
    data = json.loads(payload)
    if REDACTED in payload:
        return set()
    known = [shape.fields - never]
    for added in reversed(shape.later):
        known.append(known[-1] - added)
    updated_at = fields.moment(data, "updated_at")
    return {
        hash_
        for versioned in known
        for hash_ in (
            content_hash(data, versioned=versioned, updated_at=updated_at),
            _hash(data, versioned=versioned, updated_at=updated_at),  # as long as only updated_at was taken for a time
        )
    }


def safe(text: bytes) -> str:
    """A record that could not be read, without what must not be kept of any: secrets of a state, signed queries.

    Of a record that is nested too deeply to be read, the text is cut. Text that is no JSON cannot be searched for a
    state: it only loses its signed queries, and all of it where it names one.
    """
    try:
        value = json.loads(text)
        kept = _without_secrets(value)
        text = text if kept == value else canonical(kept)
    except RecursionError:
        text = _deep_without_secrets(text)
    except ValueError:
        text = _unread(text)
    return not_utf8.escaped(redact_event(text)[0])


def _unread(text: bytes) -> bytes:
    return f"{REDACTED}: {len(text)} bytes that name a state and cannot be read".encode() if _STATE in text else text


def _deep_without_secrets(text: bytes) -> bytes:
    record = jsonslices.decode(text)
    try:
        return jsonslices.encode(cut(record, list(_secrets(record, jsonslices.whole(record)))))
    except ValueError:
        return _unread(text)


def _secrets(text: str, record: list[jsonslices.Member], within: str = "") -> Iterator[tuple[int, int]]:
    """Spans of what must not be kept of a record in this text: what is nested elsewhere may hide a state too."""
    for field in record:
        nested = text[field.start] in "{["
        if field.key == "state" and field.value is not None:
            yield from state_cuts(text, field) if text[field.start] == "{" else [(field.start, field.end)]
        elif field.key == "latest_run" and text[field.start] == "{" and within != "latest_run":
            yield from _secrets(text, jsonslices.members(text, field.start)[0], "latest_run")
        elif nested and re.search(r"state|\\u", text[field.start : field.end]):
            yield field.start, field.end


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


def _hash(kept: Mapping[str, Any], *, versioned: frozenset[str], updated_at: str | None) -> str:
    of_version = {name: value for name, value in kept.items() if name in versioned} | {"updated_at": updated_at}
    return hashlib.sha256(canonical(of_version)).hexdigest()


def _write_times(kept: dict[str, Any], times: tuple[str, ...]) -> None:
    """Write the times of an object as rows of the API write them (API facts 1.8), in any notation that they came in.

    An artifact's time is a text that the server stores and never rewrites.
    """
    for name in times:
        if isinstance(value := kept[name], str):
            kept[name] = _moment(value)
    if (threads := kept.get(_THREADS)) and isinstance(threads, list):
        kept[_THREADS] = [_timed(one) for one in threads]


def _timed(thread: Any) -> Any:
    if not isinstance(thread, dict):
        return thread
    timed = dict(thread)
    _write_times(timed, tuple(name for name in timed if name.endswith("_at")))
    return timed


@functools.lru_cache(256)
def _names(names: tuple[str, ...], versioned: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the names of an object's fields, those of its other times, and those that make no version."""
    unversioned = tuple(name for name in names if name not in versioned and name != "updated_at")
    times = tuple(name for name in names if name.endswith("_at") and name not in {"updated_at", *unversioned})
    return times, unversioned


def _moment(text: str) -> str:
    try:
        return fields.in_utc(text).removesuffix("+00:00") + "Z"
    except (ValueError, OverflowError):
        return text
