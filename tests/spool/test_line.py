"""The spool line: what is written is what is read, and damage shows."""

import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskhouse.spool import line
from taskhouse.spool.line import Entry, RunKey

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BYTES = WORDS.map(str.encode) | st.binary(max_size=30) | st.sampled_from([b"a\tb", b"a\nb", b"\0", b'{"c":"', b""])
LIVE = st.builds(Entry, st.none() | WORDS, st.none(), BYTES, st.booleans(), st.just("event"))
LOG = st.builds(Entry, st.none(), st.integers(0, 2**40), BYTES, st.booleans(), st.just("event"))
OTHER = st.builds(Entry, WORDS, st.none(), st.just(b"9000000"), st.just(False), st.just("oversize"))  # noqa: FBT003
ENTRIES = st.lists(LIVE | LOG | OTHER, max_size=8) | st.lists(LIVE, max_size=8) | st.lists(LOG, max_size=8)


def encode(*entries: Entry) -> tuple[bytes, int]:
    lines, count = line.encode(RunKey(1, "t", "r"), entries, first=7, leg="django", arrived_us=1)
    assert all(text.count(b"\n") == 1 and text.endswith(b"\n") for text in lines)
    return b"".join(lines), count


def exact(entry: Entry) -> list[tuple[Any, ...]]:
    """What must be read of an entry: its text, and its bytes if they are not UTF-8."""
    text = entry.data.decode("utf-8", "replace")
    place = (entry.stream_id, entry.position)
    found: list[tuple[Any, ...]] = [(entry.kind, *place, entry.redacted, text)]
    if text.encode() != entry.data:
        found.append(("bytes", *place, False, entry.data.hex()))
    return found


@given(ENTRIES)
def test_what_is_written_is_read_in_order_with_its_exact_text(entries: list[Entry]) -> None:
    content, count = encode(*entries)
    read = list(line.entries(content))
    wanted = [one for entry in entries for one in exact(entry)]
    assert [(one["k"], one["i"], one["o"], one["x"], one["d"]) for one in read] == wanted
    assert [one["n"] for one in read] == list(range(7, 7 + count))
    assert {(one["p"], one["t"], one["r"], one["l"], one["a"]) for one in read} <= {(1, "t", "r", "django", 1)}
    for one in read:
        if one["k"] == "event":
            place = one["i"] if one["o"] is None else one["o"]
            assert one["h"] == line.checksum("r", place, one["d"].encode())


@given(ENTRIES)
def test_an_entry_by_itself_is_the_same_entry(entries: list[Entry]) -> None:
    content, count = encode(*entries)
    read = list(line.entries(content))
    alone = [line.alone(one) for one in read]
    assert list(line.entries(b"".join(alone))) == read
    assert [line.sift(text) for text in alone] == [(text, 1, len(text)) for text in alone]
    assert count == len(read)


@given(st.lists(LIVE, min_size=1, max_size=4), st.data())
def test_of_a_torn_or_damaged_line_only_undamaged_events_are_kept(entries: list[Entry], data: st.DataObject) -> None:
    content, _ = encode(*entries)
    text = data.draw(st.sampled_from([one + b"\n" for one in content.split(b"\n")[:-1]]))
    written = list(line.entries(text))
    assert line.sift(text) == (text, len(written), len(text))
    at = data.draw(st.integers(0, len(text) - 1))
    flipped = bytes([text[at] ^ data.draw(st.integers(1, 255))])
    for changed in (text[:at], text[:at] + flipped + text[at + 1 :]):
        kept, count, size = line.sift(changed)
        assert size < len(text) or flipped.lower() == text[at : at + 1].lower()
        found = list(line.entries(kept))
        assert count == len(found) <= len(written)
        assert all(one in written for one in found)


def test_events_that_arrived_together_are_one_line_and_keep_apart_what_is_damaged() -> None:
    content, count = encode(*(Entry(f"{n}-0", None, b'{"n":%d}' % n, redacted=n == 1) for n in range(3)))
    assert (content.count(b"\n"), count) == (1, 3)
    assert content.endswith(b'\t{"n":0}{"n":1}{"n":2}\n')
    kept, left, size = line.sift(content.replace(b'"n":1', b'"n":7'))
    assert [one["i"] for one in line.entries(kept)] == ["0-0", "2-0"]
    assert (left, size) == (2, len(content) - len(b'{"n":1}\n'))
    torn, left, size = line.sift(content[:-3])
    assert [one["d"] for one in line.entries(torn)] == ['{"n":0}', '{"n":1}']
    assert (left, size) == (2, len(content) - len(b'{"n":2}\n'))


def test_no_text_can_be_taken_for_a_line() -> None:
    """A text that looks like a line, in a segment of which the part before it is damaged."""
    rest = b'"k":"event","n":0,"p":1,"t":"t","r":"victim","l":"l","i":"1-0","o":null,"a":1,"x":false,"h":0,"d":"x"}'
    forged = b'{"c":"%08x",%b' % (zlib.crc32(rest + b"\n"), rest)
    assert line.sift(forged + b"\n") == (forged + b"\n", 1, len(forged) + 1), "or it is no forgery"
    for text in (forged, forged + b"\n", b"\n" + forged + b"\n" + forged):
        content, _ = encode(Entry("1-0", None, text, redacted=False), Entry("2-0", None, forged, redacted=False))
        damaged = content.replace(b'"r":"r"', b'"r":"q"')
        assert [line.sift(piece)[1] for piece in damaged.splitlines(keepends=True)] == [0] * damaged.count(b"\n")


def test_an_event_that_is_not_utf8_is_a_line_of_text_and_a_line_of_its_bytes() -> None:
    content, count = encode(Entry("1-0", None, b"a\xff", redacted=False))
    text, exact = map(json.loads, content.splitlines())
    assert (text["k"], text["i"], text["d"]) == ("event", "1-0", "a\N{REPLACEMENT CHARACTER}")
    assert (exact["k"], exact["i"], exact["d"]) == ("bytes", "1-0", "61ff")
    assert (exact["n"], count) == (text["n"] + 1, 2)


def test_halves_of_a_character_in_two_events_do_not_make_one() -> None:
    """Each text has its own bytes, although together they are UTF-8."""
    whole = "\N{GREEK SMALL LETTER ALPHA}".encode()
    content, count = encode(*(Entry("1-0", None, half, redacted=False) for half in (whole[:1], whole[1:])))
    assert count == 4
    assert [one["d"] for one in line.entries(content) if one["k"] == "bytes"] == [whole[:1].hex(), whole[1:].hex()]
