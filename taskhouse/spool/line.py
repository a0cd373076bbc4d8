"""The format of one spool line, and how it is checked.

A segment is newline-delimited JSON. Every line begins with the CRC-32 of the rest of the line, so that a torn or
damaged line is recognized without parsing it:

    {"c":"9f3a0c11","k":"event","n":0,"p":1,"t":TASK,"r":RUN,"l":LEG,"i":ID,"o":POSITION,"a":MICROS,"x":false,"h":CRC,
     "d":TEXT}

``k`` is the kind of line, ``n`` its number in its segment, ``l`` the leg that issued the id, ``i`` the stream id (null
where the frame had none), ``o`` the position in the run's own log (null for live events), ``a`` the time of arrival in
microseconds since the epoch, ``x`` whether something was redacted, ``d`` the event's exact text, and ``h`` the CRC-32
of its run, its place and that text (:func:`checksum`), which ``taskhouse verify`` computes again. The kinds:

- ``event``: an event, or an entry of the log.
- ``oversize``: an event too large to keep; ``d`` is its size in bytes.
- ``bytes``: the exact bytes, in hexadecimal, of the event before it: they are not UTF-8, so that its text has U+FFFD.
- ``unplaced``: an entry of a log whose position in the run's own log is not known.
- ``mark``: moves a cursor of the run; ``d`` is
  ``{"resource", "position", "state", "as_of", "read_at", "cut_us"}``: see :meth:`SpoolWriter.mark`.
- ``resume``: how a connection to the stream began, written before the first events that it brought; ``d`` is
  ``{"after", "first", "connected_at", "heard_at", "joined"}``: see :meth:`SpoolWriter.resume`. If the stream cannot be
  continued after the id ``after``, ``d`` is ``{"after", "ending", "heard_at"}``: see :meth:`SpoolWriter.ended`. Older
  writers added ``{"after", "first", "events"}`` at the end of a connection.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

_HEAD = len('{"c":"00000000",')


class RunKey(NamedTuple):
    """The run that a line belongs to."""

    project_id: int
    task_id: str
    run_id: str


class Entry(NamedTuple):
    """One captured event: its stream id or log position, its exact text, and whether something was redacted.

    An event that was too large to keep has the kind ``oversize``, and its size in place of its text; an entry of a log
    whose position is not known has the kind ``unplaced``.
    """

    stream_id: str | None
    position: int | None
    data: bytes
    redacted: bool
    kind: str = "event"


def _seal(rest: bytes) -> bytes:
    return b'{"c":"%08x",%b' % (zlib.crc32(rest), rest)


def checksum(run_id: str, place: str | int | None, text: bytes) -> int:
    """CRC-32 of an event: its run, its stream id or log position, and its text."""
    return _checksum(zlib.crc32(run_id.encode()), place, text)


def _checksum(of_run: int, place: str | int | None, text: bytes) -> int:
    return zlib.crc32(text, zlib.crc32(f"@{place} ".encode(), of_run))


def encode(run_key: RunKey, entries: Iterable[Entry], *, first: int, leg: str, arrived_us: int) -> list[bytes]:
    """Lines for events of one run that arrived together; the first gets line number ``first``.

    An event is one line, and two if its bytes are not UTF-8.
    """
    dumps, join = orjson.dumps, b"".join
    project, task, run, source = map(dumps, (*run_key, leg))
    middle = join((b',"p":', project, b',"t":', task, b',"r":', run, b',"l":', source, b',"i":'))
    arrived = b',"a":%d,"x":' % arrived_us
    of_run = zlib.crc32(run_key.run_id.encode())
    lines: list[bytes] = []
    for stream_id, position, data, redacted, kind in entries:
        text = data.decode("utf-8", "replace")
        whole = data if data.isascii() else text.encode()
        told = _checksum(of_run, stream_id if position is None else position, whole)
        placed = join((middle, dumps(stream_id), b',"o":null' if position is None else b',"o":%d' % position, arrived))
        rest = join(
            (
                b'"k":%b,"n":%d' % (dumps(kind), first + len(lines)),
                placed,
                b'true,"h":%d,"d":' % told if redacted else b'false,"h":%d,"d":' % told,
                dumps(text),
                b"}\n",
            )
        )
        lines.append(_seal(rest))
        if whole != data:
            exact = b'false,"h":0,"d":"%b"}\n' % data.hex().encode()
            lines.append(_seal(join((b'"k":"bytes","n":%d' % (first + len(lines)), placed, exact))))
    return lines


def encode_fact(
    run_key: RunKey, kind: str, facts: Mapping[str, object], *, number: int, leg: str | None, arrived_us: int
) -> bytes:
    """A line that is not an event: ``mark`` moves a cursor of a run, ``resume`` says how a connection began.

    It takes effect in the same transaction as the events before it.
    """
    rest = json.dumps(
        {
            "k": kind,
            "n": number,
            "p": run_key.project_id,
            "t": run_key.task_id,
            "r": run_key.run_id,
            "l": leg,
            "i": None,
            "o": None,
            "a": arrived_us,
            "x": False,
            "d": json.dumps(facts),
        },
        separators=(",", ":"),
    )
    return _seal(rest[1:].encode() + b"\n")


def is_whole(text: bytes) -> bool:
    """Whether a line, including its newline, is exactly what was written."""
    if not text.endswith(b"}\n") or not text.startswith(b'{"c":"') or text[14:_HEAD] != b'",':
        return False
    try:
        return int(text[6:14], 16) == zlib.crc32(text[_HEAD:])
    except ValueError:
        return False
