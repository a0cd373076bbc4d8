"""The format of one spool line, and how it is checked.

A segment consists of lines. Every line begins with a JSON object whose first member is the CRC-32 of the rest of that
object, including the byte after it, so that a torn or damaged line is recognized without parsing it. Events of one run
that arrived together are one line. Their exact texts follow the object, one after the other:

    {"c":"9f3a0c11","k":"events","n":0,"p":1,"t":TASK,"r":RUN,"l":LEG,"a":MICROS,"i":[ID],"o":[POSITION],"x":[INDEX],
     "h":[CRC],"z":[BYTES]}<tab>TEXT TEXT TEXT<newline>

``n`` is the number of the first event in its segment, ``l`` the leg that issued the ids, ``a`` the time of arrival in
microseconds since the epoch, ``i`` the stream ids (null where a frame had none), ``o`` the positions in the run's own
log (null for live events), ``x`` which events something was redacted from, ``z`` the length of each text, and ``h`` the
CRC-32 of its run, its place and that text (:func:`checksum`), which ``taskhouse verify`` computes again. So each event
of a damaged line is checked by itself, no text contains a newline, and DuckDB reads the texts where they are.

Everything else is a line of its own, without a tab. Its members have one value each; ``d`` is the text as JSON:

    {"c":"9f3a0c11","k":"event","n":0,"p":1,"t":TASK,"r":RUN,"l":LEG,"i":ID,"o":POSITION,"a":MICROS,"x":false,"h":CRC,
     "d":TEXT}

``k`` is the kind of such a line:

- ``event``: an event whose text has a newline or is not UTF-8. Earlier versions wrote all events so.
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

import itertools
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

_HEAD = len('{"c":"00000000",')
_EVENTS = b'"k":"events",'
_PLACE = ("p", "t", "r", "l", "a")

_Came = tuple[int, str, str, str, int]
"""What is the same for entries that arrived together: the run, the leg and the time of arrival."""

_Columns = tuple[tuple[str | None, ...], tuple[int | None, ...], tuple[bytes, ...], tuple[bool, ...], tuple[str, ...]]
"""The members of entries, one after the other."""


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


class Sifted(NamedTuple):
    """What is whole of a line: as lines, how many entries it has, and how many bytes it had there."""

    content: bytes
    entries: int
    size: int


def _seal(rest: bytes) -> bytes:
    return b'{"c":"%08x",%b' % (zlib.crc32(rest), rest)


def checksum(run_id: str, place: str | int | None, text: bytes) -> int:
    """CRC-32 of an event: its run, its stream id or log position, and its text."""
    return _checksum(zlib.crc32(run_id.encode()), place, text)


def _checksum(of_run: int, place: str | int | None, text: bytes) -> int:
    return zlib.crc32(text, zlib.crc32(f"@{place} ".encode(), of_run))


def encode(
    run_key: RunKey, entries: Sequence[Entry], *, first: int, leg: str, arrived_us: int
) -> tuple[list[bytes], int]:
    """Lines for events of one run that arrived together, and how many entries they have.

    The first entry gets the number ``first``. An event is one entry, and two if its bytes are not UTF-8.
    """
    came = (*run_key, leg, arrived_us)
    if entries and _are_plain(columns := _columns(entries)):
        return [_batch(came, columns, first)], len(entries)
    lines: list[bytes] = []
    number = first
    for (plain, _), some in itertools.groupby(entries, _kind):
        together = list(some)
        if plain:
            lines.append(_batch(came, _columns(together), number))
            number += len(together)
            continue
        for entry in together:
            alone = list(_lines(came, entry, number))
            lines += alone
            number += len(alone)
    return lines, number - first


def _columns(entries: Sequence[Entry]) -> _Columns:
    return tuple(zip(*entries, strict=True))  # type: ignore[return-value]


def _kind(entry: Entry) -> tuple[bool, bool]:
    """Entries of one kind in a row can stand in one line, if the first is true."""
    return _are_plain(_columns([entry])), entry.position is None


def _are_plain(entries: _Columns) -> bool:
    """Whether these are events of one layer whose texts can stand in one line as they are."""
    _, positions, texts, _, kinds = entries
    count, several = len(texts), b"\n".join(texts)
    if kinds.count("event") < count or positions.count(None) not in {0, count} or several.count(b"\n") >= count:
        return False
    try:
        return several.isascii() or bool(several.decode())
    except UnicodeDecodeError:
        return False


def _batch(came: _Came, entries: _Columns, first: int) -> bytes:
    """One line for plain events."""
    ids, positions, texts, redacted, _ = entries
    project_id, task_id, run_id, leg, arrived_us = came
    of_run, crc32 = zlib.crc32(run_id.encode()), zlib.crc32
    live = positions[0] is None
    facts = {
        "k": "events",
        "n": first,
        "p": project_id,
        "t": task_id,
        "r": run_id,
        "l": leg,
        "a": arrived_us,
        "i": ids,
        "o": None if live else positions,
        "x": [index for index, cut in enumerate(redacted) if cut] if True in redacted else (),
        "h": [
            crc32(text, crc32(f"@{place} ".encode(), of_run))
            for place, text in zip(ids if live else positions, texts, strict=True)
        ],
        "z": list(map(len, texts)),
    }
    return b"".join((_seal(orjson.dumps(facts)[1:] + b"\t"), *texts, b"\n"))


def _lines(came: _Came, entry: Entry, number: int) -> Iterator[bytes]:
    """One line for an event, and one for its bytes if they are not UTF-8."""
    stream_id, position, data, redacted, kind = entry
    text = data.decode("utf-8", "replace")
    whole = text.encode()
    placed = dict(zip(_PLACE, came, strict=True))
    told = checksum(came[2], stream_id if position is None else position, whole)
    facts = {**placed, "i": stream_id, "o": position, "x": redacted, "h": told, "d": text}
    yield alone(facts | {"k": kind, "n": number})
    if whole != data:
        yield alone(facts | {"k": "bytes", "n": number + 1, "x": False, "h": 0, "d": data.hex()})


def alone(facts: Mapping[str, object]) -> bytes:
    """The line of one entry (:func:`entries`) by itself."""
    in_order = {"k": facts["k"], "n": facts["n"], **facts}
    return _seal(orjson.dumps(in_order)[1:] + b"\n")


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


def headers(content: bytes) -> Iterator[tuple[dict[str, Any], int | None]]:
    """The objects of all lines of a whole segment, each with the place where its texts begin, if it has such."""
    at = 0
    while at < len(content):
        many = content.startswith(_EVENTS, at + _HEAD)
        end = content.index(b"\t" if many else b"\n", at) + 1
        facts: dict[str, Any] = orjson.loads(content[at:end])
        yield facts, end if many else None
        at = end + sum(facts["z"]) + 1 if many else end


def entries(content: bytes) -> Iterator[dict[str, Any]]:
    """Every entry of whole lines, with the members of a line that has only this one."""
    for facts, at in headers(content):
        if at is None:
            del facts["c"]
            yield facts
        else:
            yield from _of_batch(facts, content, at)


def _of_batch(facts: Mapping[str, Any], content: bytes, at: int) -> Iterator[dict[str, Any]]:
    """The events of a line with several; of a torn one, those that are whole, and of a damaged one, the undamaged."""
    placed = {name: facts[name] for name in _PLACE}
    cut = set(facts["x"])
    of_run = zlib.crc32(str(facts["r"]).encode())
    for index, (stream_id, told, size) in enumerate(zip(facts["i"], facts["h"], facts["z"], strict=True)):
        text = content[at : at + size]
        at += size
        position = facts["o"] and facts["o"][index]
        if len(text) == size and _checksum(of_run, stream_id if position is None else position, text) == told:
            yield {
                "k": "event",
                "n": facts["n"] + index,
                **placed,
                "i": stream_id,
                "o": position,
                "x": index in cut,
                "h": told,
                "d": text.decode(),
            }


def sift(text: bytes) -> Sifted:
    """What is whole of one line, which may be torn or damaged."""
    many = text.startswith(_EVENTS, _HEAD)
    end = text.find(b"\t") + 1 if many else len(text)
    if not _is_sealed(text[:end], b"}\t" if many else b"}\n"):
        return Sifted(b"", 0, 0)
    if not many:
        return Sifted(text, 1, end)
    facts = orjson.loads(text[:end])
    whole = list(_of_batch(facts, text, end))
    sizes = [facts["z"][entry["n"] - facts["n"]] for entry in whole]
    if sizes == facts["z"] and text[end + sum(sizes) :] == b"\n":
        return Sifted(text, len(whole), len(text))
    return Sifted(b"".join(map(alone, whole)), len(whole), end + sum(sizes) if whole else 0)


def _is_sealed(text: bytes, ends: bytes) -> bool:
    """Whether an object, with the byte after it, has the checksum that it states."""
    if not text.endswith(ends) or not text.startswith(b'{"c":"') or text[14:_HEAD] != b'",':
        return False
    try:
        return int(text[6:14], 16) == zlib.crc32(text[_HEAD:])
    except ValueError:
        return False
