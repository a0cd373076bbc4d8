"""The format of one spool line, and how it is checked.

A segment is newline-delimited JSON. Every line begins with the CRC-32 of the rest of the line, so that a torn or
damaged line can be told from a whole one without parsing it:

    {"c":"9f3a0c11","k":"event","n":0,"p":1,"t":TASK,"r":RUN,"l":LEG,"i":ID,"o":POSITION,"a":MICROS,"x":false,"d":TEXT}

``k`` is ``event``, ``oversize`` or ``mark``, ``n`` the line's number in its segment, ``l`` the leg that issued the id,
``i`` the stream id (null where the frame had none), ``o`` the position in the run's own log (null for live events),
``a`` the time of arrival in microseconds since the epoch, ``x`` whether something was redacted, and ``d`` the event's
exact text. An event too large to keep leaves an ``oversize`` line whose ``d`` is its size in bytes. A mark moves a
cursor: its ``d`` is ``{"resource", "position", "state"}``.
"""

import json
import zlib
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import NamedTuple

_quote: Callable[[str], str] = encode_basestring
_HEAD = len('{"c":"00000000",')


class Entry(NamedTuple):
    """One captured event: its stream id or log position, its exact text, and whether something was redacted.

    An event that was too large to keep has the kind ``oversize``, and its size in place of its text.
    """

    stream_id: str | None
    position: int | None
    data: bytes
    redacted: bool
    kind: str = "event"


def _seal(rest: bytes) -> bytes:
    return b'{"c":"%08x",' % zlib.crc32(rest) + rest


def encode(
    entries: Iterable[Entry], *, first: int, project_id: int, task_id: str, run_id: str, leg: str, arrived_us: int
) -> list[bytes]:
    """Lines for events of one run that arrived together; the first gets line number ``first``."""
    middle = f',"p":{project_id},"t":{json.dumps(task_id)},"r":{json.dumps(run_id)},"l":{json.dumps(leg)},"i":'
    lines = []
    for number, (stream_id, position, data, redacted, kind) in enumerate(entries, start=first):
        rest = (
            f'"k":"{kind}","n":{number}{middle}{"null" if stream_id is None else _quote(stream_id)}'
            f',"o":{"null" if position is None else position},"a":{arrived_us},"x":{"true" if redacted else "false"}'
            f',"d":{_quote(data.decode("utf-8", "replace"))}}}\n'
        ).encode()
        lines.append(_seal(rest))
    return lines


def encode_mark(
    *,
    number: int,
    project_id: int,
    task_id: str,
    run_id: str,
    resource: str,
    position: str | None,
    state: str,
    arrived_us: int,
) -> bytes:
    """The line that moves a cursor of a run in the same transaction as the events before it."""
    rest = json.dumps(
        {
            "k": "mark",
            "n": number,
            "p": project_id,
            "t": task_id,
            "r": run_id,
            "l": None,
            "i": None,
            "o": None,
            "a": arrived_us,
            "x": False,
            "d": json.dumps({"resource": resource, "position": position, "state": state}),
        },
        separators=(",", ":"),
    )
    return _seal(rest[1:].encode() + b"\n")


def is_whole(text: bytes) -> bool:
    """Whether a line, its newline included, is exactly what was written."""
    if not text.endswith(b"}\n") or not text.startswith(b'{"c":"') or text[14:_HEAD] != b'",':
        return False
    try:
        return int(text[6:14], 16) == zlib.crc32(text[_HEAD:])
    except ValueError:
        return False
