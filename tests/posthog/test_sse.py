"""Framing: any cut of the bytes gives the same frames, and they are those of the WHATWG text."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx_sse._decoders import SSEDecoder
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.posthog.sse import Frame, FrameDecoder, Oversize

WIRE = sorted((Path(__file__).parents[1] / "emulator" / "wire").glob("*.json"))

PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"data: a", b"data:b", b"data:  c", b"data", b"data:", b": note", b":"),
        *(b"id: 7-0", b"id: 8", b"id:", b"id", b"id: a\0b", b"event: error", b"event:", b"retry: 10", b"other: x"),
        *("data: \u2028\u0085 é".encode(), b"\xef\xbb\xbf", b"\xef", b"data: \xff", b"id: 1\ndata: {}\n\n"),
    ]
)
BODIES = st.lists(PIECES, max_size=30).map(b"".join)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def cut(body: bytes, sizes: list[int]) -> Iterator[bytes]:
    at, turn = 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        yield body[at : at + size]
        at, turn = at + size, turn + 1


def decoded(body: bytes, sizes: list[int], max_frame: int = 1 << 20) -> list[Frame | Oversize]:
    decoder = FrameDecoder(max_frame)
    return [frame for chunk in cut(body, sizes) for frame in decoder.feed(chunk)]


def reference(body: bytes) -> list[Frame]:
    """The WHATWG text, step by step, on a whole body; but the id starts anew with each frame, and data stays bytes."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    lines = re.split(rb"\r\n|\r|\n", body)[:-1]  # a last line without an end is never processed
    found: list[Frame] = []
    data, event, own = b"", "", None
    for line in lines:
        if not line:
            if data:
                found.append(Frame(event, own, data.removesuffix(b"\n")))
            data, event, own = b"", "", None
            continue
        if line.startswith(b":"):
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            event = value.decode("utf-8", "replace")
        elif field == b"data":
            data += value + b"\n"
        elif field == b"id" and b"\0" not in value:
            own = value.decode("utf-8", "replace")
    return found


@given(BODIES, SIZES)
def test_any_cut_gives_the_frames_of_the_whatwg_text(body: bytes, sizes: list[int]) -> None:
    assert decoded(body, sizes) == reference(body) == decoded(body, [len(body) or 1])


@given(BODIES, SIZES, st.integers(1, 40))
def test_any_cut_gives_the_same_marks_for_frames_that_are_too_large(body: bytes, sizes: list[int], bound: int) -> None:
    assert decoded(body, sizes, bound) == decoded(body, [len(body) or 1], bound)


@given(st.lists(st.tuples(st.text(st.characters(codec="ascii", exclude_characters="\r\n\0")), st.text()), max_size=8))
def test_agrees_with_httpx_sse_where_every_event_has_an_id_and_some_data(events: list[tuple[str, str]]) -> None:
    lines = []
    for own, text in events:
        lines += [f"id: {own}", *(f"data: {line}" for line in re.split(r"\r\n|\r|\n", f"x{text}")), ""]
    other = SSEDecoder()
    theirs = [event for line in lines if (event := other.decode(line)) is not None]
    ours = FrameDecoder().feed("\n".join([*lines, ""]).encode("utf-8", "surrogatepass"))
    assert [(frame.id, frame.data.decode("utf-8", "surrogatepass")) for frame in ours if isinstance(frame, Frame)] == [
        (event.id, event.data) for event in theirs
    ]


@pytest.mark.parametrize(
    ("body", "frames"),
    [
        (b"data: a\n\ndata: b\n\n", [Frame("", None, b"a"), Frame("", None, b"b")]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [Frame("", "1", b"a"), Frame("", None, b"b")]),
        (b"event: end\nid: 2\ndata: a\r\ndata\r\ndata: b\r\r", [Frame("end", "2", b"a\n\nb")]),
        (b"id: 1\n\n", []),
        (b"data: never ended\n", []),
        ("data: \u2028\u0085\n\n".encode(), [Frame("", None, "\u2028\u0085".encode())]),
    ],
)
def test_examples(body: bytes, frames: list[Frame]) -> None:
    assert decoded(body, [1]) == frames


def test_an_oversize_frame_leaves_a_mark_and_costs_no_memory() -> None:
    decoder = FrameDecoder(1000)
    assert decoder.feed(b"id: 5-0\ndata: ") == []
    for _ in range(1000):
        assert decoder.feed(b"x" * 1000) == []
    held = sum(len(part) for part in decoder._parts)
    assert held <= 4096
    assert decoder.feed(b"\n\nid: 6-0\ndata: y\n\n") == [Oversize("5-0", 1_000_014), Frame("", "6-0", b"y")]


def recorded(recording: dict[str, Any]) -> list[str]:
    """The frames of a recording; those that are kept as a rule or by the id they were written under, written out."""
    other = recording.get("written_as_in")
    source = json.loads((WIRE[0].parent / f"{other}.json").read_text()) if other else recording
    events = {write["id"]: write.get("event") for write in source.get("written", []) if isinstance(write, dict)}
    found = []
    for frame in recording.get("frames", []):
        if isinstance(frame, dict):
            own = frame["written_id"]
            found.append(f"id: {own}\ndata: {json.dumps(expanded(events[own]))}\n\n")
        else:
            found.append(frame)
    return found


def expanded(node: Any) -> Any:
    """Long texts are recorded as what they repeat and their length."""
    if isinstance(node, dict):
        if node.keys() == {"repeat", "chars"}:
            return (node["repeat"] * (node["chars"] // len(node["repeat"]) + 1))[: node["chars"]]
        return {key: expanded(value) for key, value in node.items()}
    return node


@pytest.mark.parametrize("path", WIRE, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", [1, 7, 65536])
def test_every_recording_is_read_byte_for_byte(path: Path, size: int) -> None:
    recording: dict[str, Any] = json.loads(path.read_text())
    texts = recorded(recording)
    body = "".join(texts).encode()
    if recording["frames_total"] == len(texts):
        assert (len(body), hashlib.sha256(body).hexdigest()) == (recording["body_bytes"], recording["body_sha256"])
    frames = decoded(body, [size])
    assert len(frames) == len(texts)
    for frame, text in zip(frames, texts, strict=True):
        assert isinstance(frame, Frame)
        named = f"event: {frame.event}\n" if frame.event else ""
        identified = f"id: {frame.id}\n" if frame.id is not None else ""
        assert f"{named}{identified}data: {frame.data.decode()}\n\n" == text


def test_the_recordings_are_there() -> None:
    assert len(WIRE) >= 30
