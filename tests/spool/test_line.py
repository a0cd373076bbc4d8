"""The spool line: what is written is what is read, and damage shows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from taskhouse.spool import line
from taskhouse.spool.line import Entry, RunKey

TEXT = st.text(st.characters(exclude_categories=["Cs"])).map(str.encode)
ENTRY = st.builds(
    Entry,
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.none() | st.integers(0, 2**40),
    TEXT,
    st.booleans(),
    st.just("event"),
)


def encode(*entries: Entry) -> list[bytes]:
    return line.encode(RunKey(1, "t", "r"), entries, first=7, leg="django", arrived_us=1)


@given(st.lists(ENTRY, max_size=5))
def test_every_line_is_one_json_object_that_holds_the_exact_text(entries: list[Entry]) -> None:
    lines = encode(*entries)
    assert len(lines) == len(entries)
    for number, (text, entry) in enumerate(zip(lines, entries, strict=True)):
        read = json.loads(text)
        assert text.count(b"\n") == 1
        assert read["d"].encode() == entry.data
        assert (read["i"], read["o"], read["x"], read["n"]) == (
            entry.stream_id,
            entry.position,
            entry.redacted,
            7 + number,
        )


@given(ENTRY, st.data())
def test_any_changed_byte_and_any_cut_is_noticed(entry: Entry, data: st.DataObject) -> None:
    (whole,) = encode(entry)
    assert line.is_whole(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[at] ^ data.draw(st.integers(1, 255))])
    assert not line.is_whole(whole[:at] + flipped + whole[at + 1 :]) or flipped.lower() == whole[at : at + 1].lower()
    assert not line.is_whole(whole[:at])


def test_an_event_that_is_not_utf8_is_a_line_of_text_and_a_line_of_its_bytes() -> None:
    text, exact = map(json.loads, encode(Entry("1-0", None, b"a\xff", redacted=False)))
    assert (text["k"], text["i"], text["d"]) == ("event", "1-0", "a\N{REPLACEMENT CHARACTER}")
    assert (exact["k"], exact["i"], exact["d"]) == ("bytes", "1-0", "61ff")
    assert exact["n"] == text["n"] + 1
